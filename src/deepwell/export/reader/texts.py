"""Texts to ids: words, characters, pieces of words, pretrained tokens, or n-grams with their counts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .words import FIRST, UNKNOWN, characters, numbered, padded, tokenizer, whole_characters, words

_SHORTEST, _LONGEST, _READ = 3, 5, 64
"""Letters of a piece of a word, least and most, its edges counted; letters of a word that are cut into pieces."""


def of(description: Mapping[str, Any]) -> Any:
    """What reads texts by a description: by its ``view``, then by its ``tokens``."""
    if description["view"] == "counts":
        return Counts(description)
    known: dict[str, Any] = {"words": Tokens, "characters": Tokens, "bpe": Pieces, "pretrained": Pretrained}
    return known[description["tokens"]](description)


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"it is of type {type(raw).__name__}, no string")
    return raw


class Tokens:
    """Words or characters, [n, length].

    Args:
        description: ``tokens``, ``lower``, ``max_length``, ``vocabulary``.
    """

    name = "ids"

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.cut = words if description["tokens"] == "words" else characters
        self.lower, self.max_length = description["lower"], description["max_length"]
        self.numbers = numbered(description["vocabulary"])

    def tokens(self, raw: Any) -> list[str]:
        """What is read of a text."""
        text = unicodedata.normalize("NFC", _text(raw))
        return [found[0] for found in self.cut(text.lower() if self.lower else text)][: self.max_length]

    def row(self, raw: Any) -> Sequence[Any]:
        """One text's ids; without any token it is one unknown."""
        return [self.numbers.get(token, UNKNOWN) for token in self.tokens(raw)] or [UNKNOWN]

    def batch(self, rows: Sequence[Any]) -> np.ndarray:
        """[n, longest]."""
        return padded(rows)


class Counts(Tokens):
    """N-grams of tokens, and pieces of words, each with how often it occurs: [n, k, 2].

    Args:
        description: as for ``Tokens``; ``vocabulary`` has n-grams, their tokens joined by U+001F; ``order``: tokens
            of the longest; ``pieces``: parts of words, a blank at a word's edge, numbered after the vocabulary.
    """

    name = "counts"

    def __init__(self, description: Mapping[str, Any]) -> None:
        super().__init__(description)
        self.order = description["order"]
        self.pieces = numbered(description["pieces"], FIRST + len(self.numbers))

    def row(self, raw: Any) -> list[tuple[int, int]]:
        """One text's ids in rising order, each with its count."""
        tokens = self.tokens(raw)
        grams = list(tokens)
        for size in range(2, self.order + 1):
            grams += ["\x1f".join(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]
        counts = Counter(self.numbers[gram] for gram in grams if gram in self.numbers)
        if self.pieces:
            every = (piece for token in tokens for piece in _pieces(token))
            counts.update(self.pieces[piece] for piece in every if piece in self.pieces)
        return sorted(counts.items()) or [(UNKNOWN, 1)]

    def batch(self, rows: Sequence[Any]) -> np.ndarray:
        """[n, most, 2]."""
        return padded(rows, width=2)


def _pieces(word: str) -> list[str]:
    if len(word) < 2:
        return []
    if len(word) > _READ:
        word = word[: _READ // 2] + word[-_READ // 2 :]
    whole = f" {word} "
    sizes = range(_SHORTEST, min(_LONGEST, len(whole)) + 1)
    return [whole[start : start + size] for size in sizes for start in range(len(whole) - size + 1)]


class Pieces:
    """Pieces of words by byte-pair encoding, [n, length].

    Args:
        description: ``lower``, ``max_length``, ``subwords`` (the library's own description).
    """

    name = "ids"

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.lower, self.max_length = description["lower"], description["max_length"]
        self.tokenizer = tokenizer(description["subwords"])

    def row(self, raw: Any) -> list[int]:
        """One text's ids."""
        text = whole_characters(_text(raw))
        ids: list[int] = self.tokenizer.encode(text.lower() if self.lower else text).ids
        return ids[: self.max_length] or [UNKNOWN]

    def batch(self, rows: Sequence[list[int]]) -> np.ndarray:
        """[n, longest]."""
        return padded(rows)


class Pretrained:
    """The tokens of a pretrained encoder, each id ``FIRST`` higher so that 0 stays padding, [n, length].

    Args:
        description: ``max_length``, ``tokenizer`` (the text of its ``tokenizer.json``).
    """

    name = "ids"

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.max_length = description["max_length"]
        self.tokenizer = tokenizer(description["tokenizer"])

    def row(self, raw: Any) -> list[int]:
        """One text's ids; a long text loses tokens before the special ones at its end."""
        found = self.tokenizer.encode(whole_characters(_text(raw)))
        ids = found.ids
        if len(ids) > self.max_length:
            special = found.special_tokens_mask
            closing = next((place for place, mark in enumerate(reversed(special)) if not mark), 0)
            ids = ids[: self.max_length - closing] + ids[len(ids) - closing :]
        return [number + FIRST for number in ids] or [UNKNOWN]

    def batch(self, rows: Sequence[list[int]]) -> np.ndarray:
        """[n, longest]."""
        return padded(rows)
