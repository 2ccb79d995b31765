"""Trees of strange shapes."""

from __future__ import annotations

from typing import Any

from deepwell.data.tree import Tree, parse

_DEEP = 200


def trees(input: Any) -> list[Any]:
    """Made trees, the same at every call; some are refused."""
    left = "(1 " * _DEEP + "(1 word)" + " (1 qqxzzvk))" * _DEEP
    right = "(1 (1 word) " * _DEEP + "(1 end)" + ")" * _DEEP
    wide = "(1 " + " ".join(f"(1 w{number})" for number in range(40)) + ")"
    few = ["(1 word)", "(1 (1 这部) (1 电影))", "(1 (1 (1 (1 only))))"]
    plain = [*few, "(+ (1 1) (2 (* (3 3) (4 4))))", "(1 (1 -LRB-) (1 😀))"]
    return [*map(parse, [*plain, left, right, wide]), Tree((), (), ()), 7]
