"""Sentences to the ids of their words, and beside each word how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .words import UNKNOWN, Word, characters, numbered, padded, tokenizer, whole_characters, words

_DIGIT = re.compile(r"\d")
_EDGE = "\u2402"
"""Stands for what is beyond the ends of a sentence, in pairs."""


class Sentences:
    """Words with their characters, pieces or pairs, [n, length, 1 + width].

    Args:
        description: ``view`` (characters, pieces, pairs or none), ``width`` (ids of a view for one word), ``spaced``
            (words, or characters without spaces), ``max_length``, ``words``, ``characters`` (names of the view), or
            ``subwords`` (the description of pieces by the library tokenizers).
    """

    name = "ids"

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.view, self.width = description["view"], description["width"]
        self.spaced, self.max_length = description["spaced"], description["max_length"]
        self.numbers = numbered(description["words"])
        self.parts = numbered(description["characters"])
        self.tokenizer = tokenizer(description["subwords"]) if self.view == "pieces" else None

    def words(self, raw: Any) -> list[Word]:
        """The words of a sentence with their places: in the string, or in the words joined as they are written."""
        if isinstance(raw, str):
            cut = words(raw) if self.spaced else [found for found in characters(raw) if not found[0].isspace()]
            return cut[: self.max_length]
        found, start = [], 0
        for word in raw:
            found.append((word, start, start + len(word)))
            start += len(word) + int(self.spaced)
        return found

    def row(self, raw: Any) -> np.ndarray:
        """One sentence, [words, 1 + width]; a string without words is one unknown word."""
        _check(raw, self.max_length)
        sentence = [found[0] for found in self.words(raw)]
        made = np.zeros((max(1, len(sentence)), 1 + self.width), dtype=np.int64)
        made[0, 0] = UNKNOWN
        pairs = [self.parts.get(a + b, UNKNOWN) for a, b in zip([_EDGE, *sentence], [*sentence, _EDGE], strict=True)]
        for place, word in enumerate(sentence):
            made[place, 0] = self.numbers.get(_DIGIT.sub("0", word.lower()), UNKNOWN)
            if self.view == "pairs":
                made[place, 1:] = pairs[place : place + 2]
            elif self.view != "none":
                ids = self._written(word)
                made[place, 1 : 1 + len(ids)] = ids
        return made

    def _written(self, word: str) -> list[int]:
        """A word's characters or pieces, the middle left out where there are too many."""
        half = self.width // 2
        if self.tokenizer is not None:
            ids: list[int] = self.tokenizer.encode(whole_characters(word)).ids
            return ids if len(ids) <= self.width else ids[:half] + ids[half - self.width :]
        word = word if len(word) <= self.width else word[:half] + word[half - self.width :]
        return [self.parts.get(character, UNKNOWN) for character in word]

    def batch(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """[n, longest, 1 + width]."""
        return padded(rows, width=1 + self.width)


def _check(raw: Any, most: int) -> None:
    if isinstance(raw, str):
        return
    if not isinstance(raw, (list, tuple, np.ndarray)):
        raise ValueError(f"it is of type {type(raw).__name__}, neither a string nor a list of words")
    if not 1 <= len(raw) <= most:
        raise ValueError(f"it has {len(raw):,} words, not 1 to {most:,}")
    for word in raw:
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"it has {word!r} among its words")
