"""Texts in a request: strings, or parts in UTF-8. What looks like a path is a text like any other."""

from __future__ import annotations

from typing import Any

from deepwell.serve.kinds.kind import Kind, wrong


def from_json(value: Any, number: int) -> str:
    """A string.

    Raises:
        Refusal: something else, or half a character.
    """
    if not isinstance(value, str):
        raise wrong(number, "is no string", expected="a text", fix='send {"inputs": ["a text"]}')
    return whole(value, number)


def whole(value: str, number: int) -> str:
    """The text, if all its characters are whole ones: JSON can write halves of one (lone surrogates).

    Raises:
        Refusal: half a character.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        place = f"(character {error.start:,})"
        raise wrong(number, f"holds half a character {place}", expected="Unicode without lone surrogates") from None
    return value


def from_part(content: bytes, number: int) -> str:
    """UTF-8, with or without a byte order mark.

    Raises:
        Refusal: other bytes.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(number, f"is no UTF-8 (byte {error.start:,})", expected="a text in UTF-8") from None


KIND = Kind("text", from_json, from_part, lambda _input: "a text", {"type": "string"}, "a text")
