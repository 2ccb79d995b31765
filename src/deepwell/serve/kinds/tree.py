"""Trees in a request: bracketed strings."""

from __future__ import annotations

from typing import Any

from deepwell.core.errors import UserError
from deepwell.data.tree import Tree, parse
from deepwell.serve.kinds import text
from deepwell.serve.kinds.kind import Kind, wrong


def from_json(value: Any, number: int) -> Tree:
    """A tree of a string such as ``(3 (2 It) (4 works))``.

    Raises:
        Refusal: no string, or no tree.
    """
    if not isinstance(value, str):
        raise wrong(number, "is no string", expected="a tree in brackets such as (3 (2 It) (4 works))")
    return _tree(text.whole(value, number), number)


def from_part(content: bytes, number: int) -> Tree:
    """A tree in UTF-8.

    Raises:
        Refusal: no tree.
    """
    return _tree(text.from_part(content, number), number)


def _tree(written: str, number: int) -> Tree:
    try:
        return parse(written)
    except UserError as error:
        raise wrong(number, f"is no tree: {error.came}", expected=error.expected, fix=error.fix) from None


KIND = Kind(
    "tree", from_json, from_part, lambda _input: parse("(0 (0 a) (0 b))"), {"type": "string"}, "(3 (2 It) (4 works))"
)
