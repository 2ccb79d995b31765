"""Generated tasks over trees with exact answers, for ``trees.py``.

- listops: prefix trees of MAX, MIN, MED (the median, rounded down) and SM (the sum modulo 10) over the digits, 4 deep,
  2 to 5 arguments each (after Nangia and Bowman 2018, arXiv:1804.06028).
- arithmetic: expressions in brackets of +, - and * modulo 10 over 2 to 8 digits; the same tokens with other brackets
  have another answer.
- sentences: as arithmetic, as large as the parses of a sentiment treebank.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deepwell.core.shapes import RESERVED
from deepwell.inputs.binary import binarise

Tree = str | tuple[str, list[Any]]
"""A digit, or an operator and its arguments."""

LISTOPS: dict[str, Callable[[list[int]], int]] = {
    "MAX": max,
    "MIN": min,
    "MED": lambda values: math.floor(statistics.median(values)),
    "SM": lambda values: sum(values) % 10,
}
ARITHMETIC: dict[str, Callable[[list[int]], int]] = {
    "+": lambda pair: (pair[0] + pair[1]) % 10,
    "-": lambda pair: (pair[0] - pair[1]) % 10,
    "*": lambda pair: (pair[0] * pair[1]) % 10,
}


def listops(rng: random.Random, depth: int = 4) -> Tree:
    """An operator over 2 to 5 arguments, a quarter of them operators again, at most ``depth`` above each other."""
    arguments = [
        listops(rng, depth - 1) if depth > 1 and rng.random() < 0.25 else str(rng.randrange(10))
        for _ in range(rng.randint(2, 5))
    ]
    return rng.choice(sorted(LISTOPS)), arguments


def arithmetic(rng: random.Random, leaves: int | None = None) -> Tree:
    """A binary expression over 2 to 8 digits, of any shape."""
    count = rng.randint(2, 8) if leaves is None else leaves
    if count == 1:
        return str(rng.randrange(10))
    left = rng.randint(1, count - 1)
    return rng.choice(sorted(ARITHMETIC)), [arithmetic(rng, left), arithmetic(rng, count - left)]


def value(tree: Tree, operators: dict[str, Callable[[list[int]], int]]) -> int:
    """The exact answer."""
    return int(tree) if isinstance(tree, str) else operators[tree[0]]([value(t, operators) for t in tree[1]])


def prefix(tree: Tree) -> str:
    """As ListOps is written: [MAX 3 [MIN 4 5 ] 2 ]."""
    return tree if isinstance(tree, str) else f"[{tree[0]} {' '.join(map(prefix, tree[1]))} ]"


def infix(tree: Tree) -> str:
    """As arithmetic is written: ( 3 - ( 4 * 5 ) )."""
    return tree if isinstance(tree, str) else f"( {infix(tree[1][0])} {tree[0]} {infix(tree[1][1])} )"


@dataclass
class Task:
    """One task's data, split."""

    vocabulary: int
    trees: Tensor
    """int64 [n, nodes, 4]."""
    texts: list[str]
    answers: Tensor
    train: int
    """The first rows; the rest is the test part."""


def nodes_of(tree: Tree) -> list[tuple[str, int, int, int]]:
    """The binary form of a nested tree."""
    labels: list[str] = []
    words: list[str | None] = []
    children: list[list[int]] = []

    def add(node: Tree) -> int:
        below = [] if isinstance(node, str) else [add(child) for child in node[1]]
        labels.append(node if isinstance(node, str) else node[0])
        words.append(node if isinstance(node, str) else None)
        children.append(below)
        return len(labels) - 1

    add(tree)
    # (MED (MED 1 2) 3) is not (MED 1 2 3): the fold's inner nodes are marked
    return binarise(labels, words, children, use_labels=True, partial="@")


TASKS: dict[
    str, tuple[Callable[[random.Random], Tree], dict[str, Callable[[list[int]], int]], Callable[[Tree], str]]
] = {
    "listops": (listops, LISTOPS, prefix),
    "arithmetic": (arithmetic, ARITHMETIC, infix),
    # as long as the sentences of the sentiment treebank, 19 leaves in the mean; for the speed alone
    "sentences": (lambda rng: arithmetic(rng, rng.randint(5, 33)), ARITHMETIC, infix),
}


def make(name: str, train: int, test: int) -> Task:
    """Draw a task's trees, each once, and encode them."""
    draw, operators, write = TASKS[name]
    # draw 2: the settings of trees.py were found on another one
    rng = random.Random(f"{name} 2")
    found: dict[str, Tree] = {}
    while len(found) < train + test:
        tree = draw(rng)
        found.setdefault(write(tree), tree)
    # small trees come up again and are left out: late draws are larger than early ones until they are mixed
    kept = list(found.items())
    rng.shuffle(kept)
    rows = [nodes_of(tree) for _, tree in kept]
    symbols = sorted({node[0] for row in rows for node in row})
    number = {symbol: place for place, symbol in enumerate(symbols, RESERVED)}
    trees = torch.zeros(len(rows), max(map(len, rows)), 4, dtype=torch.int64)
    for place, row in enumerate(rows):
        trees[place, : len(row)] = torch.tensor([(number[node[0]], *node[1:]) for node in row])
    answers = torch.tensor([value(tree, operators) for _, tree in kept])
    return Task(RESERVED + len(symbols), trees, [text for text, _ in kept], answers, train)
