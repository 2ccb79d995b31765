"""What a model must know of its input before it is built, where that is more than (channels, height, width)."""

from __future__ import annotations

from typing import NamedTuple

PADDING, UNKNOWN, START = 0, 1, 2
"""Reserved ids of every vocabulary: what fills a short row, what was not learnt, what begins a text."""

RESERVED = 3
"""The first id of a learnt word."""

IGNORED = -1
"""The target of a position that counts for nothing: padding, or a position without a label."""


class Ids(NamedTuple):
    """Rows of ids: [n, length], or [n, length, 1 + width] where each position has its characters beside the word.

    Attributes:
        vocabulary: number of ids, the reserved ones included.
        characters: number of character ids, the reserved ones included; 0 where there are none.
        width: characters of a position; 0 where there are none.
    """

    vocabulary: int
    characters: int = 0
    width: int = 0


class Counts(NamedTuple):
    """Rows of what a text is made of: [n, k, 2], an id and how often it occurs; padding is (0, 0).

    Attributes:
        vocabulary: number of ids, the reserved ones included.
        pieces: how many of them, at the end, are pieces of words.
    """

    vocabulary: int
    pieces: int = 0


class Nodes(NamedTuple):
    """Rows of binary trees: [n, nodes, 4], children before their parents, the root last.

    The four numbers of a node: symbol, left child, right child (places from 1; 0 for none: a leaf), height (a leaf
    has 0). Padding nodes are all zeros and come after the root.

    Attributes:
        vocabulary: number of symbol ids, the reserved ones included.
    """

    vocabulary: int
