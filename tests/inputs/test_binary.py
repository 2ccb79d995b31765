"""Trees made binary: by hand, and against an evaluation of the original trees."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.inputs.binary import binarise
from deepwell.nn.tree_levels import tree_levels

Flat = tuple[list[str], list[str | None], list[list[int]]]


def flat(tree: Any) -> Flat:
    """("MAX", [3, 4, ...]) or a leaf, in post-order."""
    labels: list[str] = []
    words: list[str | None] = []
    children: list[list[int]] = []

    def add(node: Any) -> int:
        below = [add(child) for child in node[1]] if isinstance(node, tuple) else []
        labels.append(node[0] if isinstance(node, tuple) else "leaf")
        words.append(None if isinstance(node, tuple) else str(node))
        children.append(below)
        return len(labels) - 1

    add(tree)
    return labels, words, children


def written(nodes: list[tuple[str, int, int, int]]) -> str:
    """In brackets, and a check of the heights."""
    texts: list[str] = []
    for symbol, left, right, height in nodes:
        assert (left > 0) == (right > 0) == (height > 0)
        if left:
            assert height == 1 + max(nodes[left - 1][3], nodes[right - 1][3])
        texts.append(f"({symbol} {texts[left - 1]} {texts[right - 1]})" if left else symbol)
    return texts[-1]


@pytest.mark.parametrize(
    ("tree", "with_labels", "without"),
    [
        (7, "7", "7"),
        (("-", [5, 2]), "(- 5 2)", "( 5 2)"),
        (("MAX", [3, 4, 5]), "(MAX (MAX 3 4) 5)", "( ( 3 4) 5)"),
        (("-", [9, ("-", [5, 2]), 1, 0]), "(- (- (- 9 (- 5 2)) 1) 0)", "( ( ( 9 ( 5 2)) 1) 0)"),
        (("NOT", ["true"]), "NOT+true", "true"),
        (("S", [("VP", [("NP", [1, 2, 3])])]), "(S+VP+NP (NP 1 2) 3)", "( ( 1 2) 3)"),
        (("A", [("NOT", [("NOT", [1])]), ("NOT", [("B", [2, 3])])]), "(A NOT+NOT+1 (NOT+B 2 3))", "( 1 ( 2 3))"),
        (("", [("S", [1, 2])]), "(S 1 2)", "( 1 2)"),
    ],
)
def test_by_hand(tree: Any, with_labels: str, without: str) -> None:
    assert written(binarise(*flat(tree), use_labels=True)) == with_labels
    assert written(binarise(*flat(tree))) == without


def test_the_inner_nodes_of_a_fold_can_be_marked() -> None:
    """Else a median of three and a median of a median are one tree."""
    three, nested = flat(("MED", [1, 2, 3])), flat(("MED", [("MED", [1, 2]), 3]))
    assert binarise(*three, use_labels=True) == binarise(*nested, use_labels=True)
    assert written(binarise(*three, use_labels=True, partial="@")) == "(MED (@MED 1 2) 3)"
    assert written(binarise(*nested, use_labels=True, partial="@")) == "(MED (MED 1 2) 3)"
    assert written(binarise(*three, partial="@")) == "( ( 1 2) 3)"


def test_labels_that_are_answers_do_not_leak() -> None:
    """(4 (2 very) (3 (3 good) (2 !))) of a sentiment treebank."""
    labels, words, children = ["2", "3", "2", "3", "4"], ["very", "good", "!", None, None], [[], [], [], [1, 2], [0, 3]]
    expected = [("very", 0, 0, 0), ("good", 0, 0, 0), ("!", 0, 0, 0), ("", 2, 3, 1), ("", 1, 4, 2)]
    assert binarise(labels, words, children) == expected
    assert binarise(["x"] * 5, words, children) == expected


def test_a_leaf_without_a_word_has_its_label() -> None:
    assert binarise(["3", "4", "+"], [None, None, None], [[], [], [0, 1]])[:2] == [("3", 0, 0, 0), ("4", 0, 0, 0)]


def test_another_order_of_the_nodes_gives_the_same_tree() -> None:
    """Children before parents is enough: here both inner nodes come after all leaves."""
    found = binarise(
        ["", "", "", "", "+", "-", "*"], ["1", "2", "3", "4", None, None, None],
        [[], [], [], [], [2, 3], [0, 1], [5, 4]],
        use_labels=True,
    )  # fmt: skip
    assert found == binarise(*flat(("*", [("-", [1, 2]), ("+", [3, 4])])), use_labels=True)


FOLDS: dict[str, Callable[[int, int], int]] = {"MAX": max, "MIN": min, "-": lambda a, b: a - b}


def drawn(rng: random.Random, depth: int) -> Any:
    if not depth or rng.random() < 0.3:
        return rng.randrange(10)
    return rng.choice(sorted(FOLDS)), [drawn(rng, depth - 1) for _ in range(rng.randint(2, 6))]


def answer(tree: Any) -> int:
    return reduce(FOLDS[tree[0]], map(answer, tree[1])) if isinstance(tree, tuple) else tree


def test_the_binary_tree_has_the_answer_of_the_original() -> None:
    """Subtraction too: the order of the arguments is kept."""
    rng = random.Random(0)
    for _ in range(200):
        tree = drawn(rng, 4)
        nodes = binarise(*flat(tree), use_labels=True)
        values: list[int] = []
        for symbol, left, right, _ in nodes:
            values.append(FOLDS[symbol](values[left - 1], values[right - 1]) if left else int(symbol))
        assert values[-1] == answer(tree)
        assert nodes == binarise(*flat(tree), use_labels=True)
        row = [(3, *node[1:]) for node in nodes]
        assert tree_levels(torch.tensor([row])).total == len(nodes), "a model takes it"


@pytest.mark.parametrize("width", [1, 2, 3])
def test_5000_deep(width: int) -> None:
    labels, words, children = ["leaf"], ["w"], [[]]  # type: tuple[list[str], list[str | None], list[list[int]]]
    for _ in range(5000):
        below = [len(labels) - 1]
        for _ in range(width - 1):
            labels.append("leaf")
            words.append("w")
            children.append([])
            below.append(len(labels) - 1)
        labels.append("op")
        words.append(None)
        children.append(below)
    found = binarise(labels, words, children, use_labels=True)
    assert len(found) == 1 + 2 * 5000 * (width - 1)
    assert found[-1][3] == 5000 * (width - 1)
    assert width > 1 or found == [("+".join(["op"] * 5000 + ["w"]), 0, 0, 0)]


def test_a_node_with_5000_children() -> None:
    found = binarise(*flat(("SM", list(range(5000)))), use_labels=True)
    assert found[-1] == ("SM", 9997, 9998, 4999)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (([], [], []), "0 labels, 0 words and 0 lists.*at least one node"),
        ((["a", "b"], ["a"], [[], []]), "2 labels, 1 words"),
        ((["a"], ["a"], []), "0 lists of children"),
        ((["a", "b"], ["a", None], [[], [1]]), "node 1 of a tree has the child 1"),
        ((["a", "b"], ["a", None], [[1], [0]]), "node 0 of a tree has the child 1"),
        ((["a", "b"], ["a", None], [[], [-1]]), "node 1 of a tree has the child -1"),
        ((["a", "b"], ["a", None], [[], [0, 0]]), "node 0 of a tree is a child of nodes 1 and 1"),
        ((["a", "b", "c"], ["a", None, None], [[], [0], [0, 1]]), "node 0 of a tree is a child of nodes 1 and 2"),
        ((["a", "b", "c"], ["a", "b", None], [[], [], [1]]), "node 0 of a tree has no parent"),
        ((["", "b"], [None, None], [[], [0]]), "node 0 of a tree is a leaf with neither word nor label"),
        ((["", "b"], ["", None], [[], [0]]), "node 0 of a tree is a leaf with neither word nor label"),
        ((["a", "b"], ["a", "w"], [[], [0]]), "node 1 of a tree has the word 'w' and 1 children"),
    ],
)
def test_what_is_no_tree(tree: Flat, words: str) -> None:
    with pytest.raises(UserError, match=words):
        binarise(*tree)
