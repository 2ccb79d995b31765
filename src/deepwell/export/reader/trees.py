"""Trees, in brackets or as nested lists, to binary trees of numbered nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .words import PADDING, UNKNOWN, numbered, padded

Node = tuple[str, int, int, int]
"""Symbol, left child, right child (places from 1, 0 for none), height."""

_PIECE = re.compile(r"[()]|[^\s()]+")
_MOST = 10_000_000


class Flat:
    """A tree as three lists, one entry a node, children before their parents, the root last: the label, the word of a
    leaf (else None), and the places of the children, from 0."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.words: list[str | None] = []
        self.children: list[Sequence[int]] = []

    def add(self, label: str, word: str | None = None, children: Sequence[int] = ()) -> int:
        """Append a node; its place."""
        self.labels.append(label)
        self.words.append(word)
        self.children.append(tuple(children))
        return len(self.labels) - 1


class Trees:
    """Binary trees, [n, nodes, 4]: the id of the symbol, left, right, height; all zeros beyond the root.

    Args:
        description: ``use_labels`` (labels of inner nodes are symbols), ``max_nodes``, ``symbols``.
    """

    name = "nodes"

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.use_labels, self.max_nodes = description["use_labels"], description["max_nodes"]
        self.numbers = numbered(description["symbols"])

    def row(self, raw: Any) -> list[tuple[int, int, int, int]]:
        """One tree, [nodes, 4]. It may also be an object with ``labels``, ``words`` and ``children`` as in ``Flat``."""
        tree = in_brackets(raw) if isinstance(raw, str) else nested(raw) if isinstance(raw, (list, tuple)) else raw
        if not all(hasattr(tree, name) for name in ("labels", "words", "children")):
            raise ValueError(f"it is of type {type(raw).__name__}, no tree")
        if not 1 <= len(tree.labels) <= self.max_nodes:
            raise ValueError(f"it has {len(tree.labels):,} nodes, not 1 to {self.max_nodes:,}")
        nodes = binary(tree.labels, tree.words, tree.children, self.use_labels)
        return [
            (self.numbers.get(symbol, UNKNOWN) if symbol else PADDING, left, right, height)
            for symbol, left, right, height in nodes
        ]

    def batch(self, rows: Sequence[Any]) -> np.ndarray:
        """[n, most, 4]."""
        return padded(rows, width=4)


def in_brackets(text: str) -> Flat:
    """``(3 (2 It) (4 works))``: a label, then a word or more trees; ``(MAX 4 7)``: bare words are leaves of their own;
    outer brackets without a label, as the Penn Treebank has them, are taken off."""
    tree = Flat()
    stack: list[tuple[list[str], list[int], list[bool]]] = []  # of open brackets: label, children, which are bare
    done = False
    for piece in _PIECE.findall(text):
        if done or (not stack and piece != "("):
            raise ValueError(f"{piece[:20]!r} stands outside the tree's brackets")
        if piece == "(":
            stack.append(([], [], []))
            continue
        label, below, bare = stack[-1]
        if piece != ")":
            if not label and not below:
                label.append(piece)
            else:
                below.append(tree.add(piece, piece))
                bare.append(True)
            continue
        stack.pop()
        if not below:
            raise ValueError("a bracket of the tree holds no word and no other bracket")
        if label and bare == [True]:
            tree.labels[-1] = label[0]
        elif label or len(below) > 1:
            tree.add(label[0] if label else "", None, below)
        if stack:
            stack[-1][1].append(len(tree.labels) - 1)
            stack[-1][2].append(False)
        done = not stack
    if not done:
        raise ValueError("the tree is empty, or a bracket of it is not closed")
    return tree


def nested(value: Any) -> Flat:
    """``["MAX", 1, ["MIN", 2, 3]]``: the label, then the children; ``("+", [1, 2])``: a list of the children. Two
    entries, a label and a list, are of the second form in a tuple, or where the list does not begin with a string. A
    list that begins with a list has no label."""
    tree = Flat()
    waiting: list[tuple[Any, int]] = [(value, -1)]  # a value; or a label, and how many children were made before
    made: list[int] = []
    steps = 0
    while waiting:
        item, count = waiting.pop()
        steps += 1
        if steps > 2 * _MOST:
            raise ValueError("the tree has no end: a list holds itself")
        if count >= 0:
            below = made[len(made) - count :]
            del made[len(made) - count :]
            made.append(tree.add(item, None, below))
        elif isinstance(item, (list, tuple)):
            label, children = _cut(item)
            waiting.append((label, len(children)))
            waiting += [(child, -1) for child in reversed(children)]
        else:
            made.append(tree.add(_name(item), _name(item)))
    return tree


def _cut(item: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """Label and children of a nested list."""
    if not item:
        raise ValueError("the tree has an empty list in it")
    if isinstance(item[0], (list, tuple)):
        return "", item
    if len(item) == 1:
        raise ValueError(f"the tree has the list [{item[0]!r}], a label without children")
    second = item[1]
    paired = len(item) == 2 and isinstance(second, list) and second
    if paired and (isinstance(item, tuple) or not isinstance(second[0], str)):
        return _name(item[0]), second
    return _name(item[0]), item[1:]


def _name(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, (str, int, float)) or value == "" or value != value:
        raise ValueError(f"the tree has {value!r} of type {type(value).__name__} in it, no string or number")
    return str(value)


def binary(
    labels: Sequence[str], words: Sequence[str | None], children: Sequence[Sequence[int]], use_labels: bool
) -> list[Node]:
    """A tree with any number of children a node as a binary one, in post-order.

    A leaf's symbol is its word, or its label without one. A node of more than two children becomes a fold from the
    left, ((op c1 c2) c3); a node of one child becomes that child, its label put before the child's symbol with a "+".
    Without ``use_labels`` inner nodes have no symbol.
    """
    parents = _parents(labels, words, children)
    entered, waiting = [], [len(labels) - 1]
    above: dict[int, list[str]] = {}
    while waiting:
        node = waiting.pop()
        entered.append(node)
        waiting.extend(children[node])
        if len(children[node]) == 1:
            above[children[node][0]] = [*above.pop(node, []), labels[node]]

    def symbol(node: int, own: str) -> str:
        return "+".join(part for part in (*above.get(node, ()), own) if part) if use_labels else own

    nodes: list[Node] = []
    folded: dict[int, int] = {}
    seen = [0] * len(labels)
    for node in reversed(entered):  # post-order: what a node's children became is known
        if children[node]:
            place = folded.pop(node)
        else:
            nodes.append((symbol(node, words[node] or labels[node]), 0, 0, 0))
            place = len(nodes)
        parent = parents[node]
        if parent < 0:
            break
        seen[parent] += 1
        if seen[parent] > 1:
            left = folded[parent]
            own = symbol(parent, labels[parent]) if seen[parent] == len(children[parent]) else labels[parent]
            height = 1 + max(nodes[left - 1][3], nodes[place - 1][3])
            nodes.append((own if use_labels else "", left, place, height))
            place = len(nodes)
        folded[parent] = place
    return nodes


def _parents(labels: Sequence[str], words: Sequence[str | None], children: Sequence[Sequence[int]]) -> list[int]:
    """The parent of each node, -1 for the root."""
    if not len(labels) == len(words) == len(children):
        raise ValueError(f"it has {len(labels)} labels, {len(words)} words and {len(children)} lists of children")
    parents = [-1] * len(labels)
    for node, below in enumerate(children):
        for child in below:
            if not 0 <= child < node or parents[child] >= 0:
                raise ValueError(f"node {node} has the child {child}, which is no earlier node or has two parents")
            parents[child] = node
        if not len(below) and not words[node] and not labels[node]:
            raise ValueError(f"node {node} is a leaf with neither word nor label")
        if len(below) and words[node] is not None:
            raise ValueError(f"node {node} has a word and children")
    if -1 in parents[:-1]:
        raise ValueError(f"node {parents.index(-1)} has no parent and is not the last")
    return parents
