"""JSON Lines: one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from deepwell.core.errors import UserError

_PIECE = re.compile(r'\s*(?:([\[\]{}:,])|("(?:[^"\\]|\\.)*")|([^\s\[\]{}:,"]+))')
_ESCAPE = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(\\u[dD][89a-fA-F]\w\w)|\\.")
"""An escape; the group is half of a pair of surrogates alone."""


def read_json_lines(text: str, *, name: str) -> dict[str, list[Any]]:
    """Columns of the objects' values; None where an object lacks a name.

    Values may be nested as deep as memory allows.

    Args:
        text: of the whole file.
        name: of the file, for messages.

    Raises:
        UserError: a line that is no JSON object; names it.

    >>> read_json_lines('{"a": 1}\\n{"a": 2, "b": [3]}\\n', name="t")
    {'a': [1, 2], 'b': [None, [3]]}
    """
    columns: dict[str, list[Any]] = {}
    count = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        for key, value in _object(line, number, name).items():
            column = columns.setdefault(key, [None] * count)
            column.append(value)
        count += 1
        for column in columns.values():
            if len(column) < count:
                column.append(None)
    if not count:
        raise UserError(f"{name} can't be read as a table: it is empty", expected="one JSON object a line")
    return columns


def _object(line: str, number: int, name: str) -> dict[str, Any]:
    if "\\ud" in line or "\\uD" in line:
        # half a character, as texts that were cut have it, could be written to no file
        line = _ESCAPE.sub(lambda found: r"\ufffd" if found.group(1) else found.group(), line)
    try:
        try:
            found = json.loads(line)
        except RecursionError:
            found = _deep(line)
    except ValueError as error:
        raise UserError(
            f"{name} can't be read as a table: line {number} is no JSON ({error})",
            expected='one object a line, such as {"text": "...", "label": "..."}',
            fix="a single list over many lines is JSON, not JSON Lines: write one object a line",
        ) from None
    if not isinstance(found, dict):
        raise UserError(
            f"line {number} of {name} is a {type(found).__name__}",
            expected='one object a line, such as {"text": "...", "label": "..."}',
        )
    return found


def _deep(line: str) -> Any:
    """JSON without recursion, for what is nested deeper than Python calls may be.

    Raises:
        ValueError: it is no JSON.
    """
    top: list[Any] = []
    stack: list[list[Any] | dict[str, Any]] = [top]
    pieces = _pieces(line)
    before = ""
    for piece in pieces:
        holder = stack[-1]
        if piece in ("]", "}"):
            if len(stack) == 1 or before == "," or isinstance(holder, list) != (piece == "]"):
                raise ValueError(f"'{piece}' closes nothing")
            stack.pop()
        elif piece == ",":
            if len(stack) == 1 or before in ("[", "{", ","):
                raise ValueError("a comma too many")
        else:
            if before not in ("", "[", "{", ","):
                raise ValueError(f"no comma before {piece[:20]}")
            key = ""
            if isinstance(holder, dict):
                key = json.loads(piece)
                if not isinstance(key, str) or next(pieces, "") != ":":
                    raise ValueError(f"{piece[:20]} is no name of a value")
                piece = next(pieces, "")
            value: Any = [] if piece == "[" else {} if piece == "{" else json.loads(piece)
            if isinstance(holder, dict):
                holder[key] = value
            else:
                holder.append(value)
            if piece in ("[", "{"):
                stack.append(value)
        before = piece
    if len(stack) != 1 or len(top) != 1:
        raise ValueError("a bracket is not closed")
    return top[0]


def _pieces(line: str) -> Iterator[str]:
    at, end = 0, len(line.rstrip())
    while at < end:
        found = _PIECE.match(line, at)
        if found is None:
            raise ValueError(f"character {at + 1} can't be read")
        yield found.group().strip()
        at = found.end()
