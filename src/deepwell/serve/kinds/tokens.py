"""Sentences in a request: strings, or lists of words."""

from __future__ import annotations

from typing import Any

from deepwell.serve.kinds import text
from deepwell.serve.kinds.kind import Kind, wrong


def from_json(value: Any, number: int) -> str | list[str]:
    """A sentence as one string or as a list of words.

    Raises:
        Refusal: something else.
    """
    if isinstance(value, str):
        return _with_words(text.whole(value, number), number)
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise wrong(number, "is neither a string nor a list of words", expected="a sentence")
    for word in value:
        text.whole(word, number)
    return value  # an empty list or word is named by the input itself


def from_part(content: bytes, number: int) -> str:
    """A sentence in UTF-8.

    Raises:
        Refusal: other bytes.
    """
    return _with_words(text.from_part(content, number), number)


def _with_words(sentence: str, number: int) -> str:
    if not sentence.strip():
        raise wrong(number, "has no words", expected="a sentence")
    return sentence


KIND = Kind(
    "tokens",
    from_json,
    from_part,
    lambda _input: ["a"],
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "A sentence",
)
