"""What a text is made of, whatever its order: words, neighbouring words and pieces of words, each with its count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepwell.core.shapes import RESERVED, UNKNOWN
from deepwell.inputs.vocabulary import Vocabulary, names_of, whole

_JOINT = "\x1f"
_SHORTEST, _LONGEST = 3, 5
"""Letters of a piece of a word, its edges counted: what names the inside of words across most languages."""
_READ = 64
"""Letters of a word that are cut into pieces; an address or a line of dashes has nothing more to tell."""


class Grams:
    """The n-grams of words that the training texts share, and the pieces of their words.

    Pieces let a word that was hardly ever seen be known by its stem and ending (Bojanowski 2016, arXiv:1607.04606).
    Where each token is one character, as in Chinese, there are none.

    Args:
        names: n-grams of tokens, the tokens joined by U+001F.
        pieces: pieces of words, a space at a word's edge.
        order: tokens of the longest n-gram.

    >>> known = Grams.learn([["a", "good", "film"], ["good", "film"]], order=2, minimum_count=2, size=16)
    >>> known.names, known.pieces[:3]
    (['film', 'good', 'good\\x1ffilm'], [' fi', ' fil', ' film'])
    >>> known.encode(["good", "good", "one"])[:2].tolist()
    [[4, 2], [9, 2]]
    """

    def __init__(self, names: Sequence[str], pieces: Sequence[str], order: int) -> None:
        self.names, self.pieces, self.order = list(names), list(pieces), order
        self._numbers = {name: number for number, name in enumerate(self.names, RESERVED)}
        self._piece_numbers = {name: number for number, name in enumerate(self.pieces, RESERVED + len(self.names))}
        self._of_word: dict[str, np.ndarray] = {}

    @classmethod
    def learn(cls, texts: Sequence[Sequence[str]], *, order: int | None, minimum_count: int, size: int) -> Grams:
        """Keep what enough texts have.

        Args:
            texts: tokens of each training text.
            order: tokens of the longest n-gram; None: 3 where tokens are single characters, 1 for fewer than 1,000
                texts, in which pairs are too rare to learn anything from, else 2.
            minimum_count: texts that must have it.
            size: n-grams at most, and pieces at most.
        """
        single = sum(len(token) == 1 for text in texts for token in text) > 0.9 * sum(map(len, texts))
        if order is None:
            order = 3 if single else 1 if len(texts) < 1_000 else 2
        names = Vocabulary.learn((set(_ngrams(text, order)) for text in texts), minimum_count=minimum_count, size=size)
        pieces = [] if single else _frequent_pieces(texts, minimum_count, size)
        return cls(names.names, pieces, order)

    def __len__(self) -> int:
        """Number of ids, the reserved ones included."""
        return RESERVED + len(self.names) + len(self.pieces)

    def encode(self, tokens: Sequence[str]) -> np.ndarray:
        """Tokens of a text to [k, 2], int32: ids in rising order and how often each occurs; ``UNKNOWN`` if none."""
        numbers, own = self._numbers, []
        for gram in _ngrams(tokens, self.order):
            number = numbers.get(gram)
            if number is not None:
                own.append(number)
        found = [np.array(own, dtype=np.int32)]
        if self.pieces:
            # a word that occurs again has its pieces again
            found += [self._pieces_of(token) for token in tokens]
        ids, counts = np.unique(np.concatenate(found), return_counts=True)
        if not len(ids):
            return np.array([[UNKNOWN, 1]], dtype=np.int32)
        return np.stack([ids, counts], 1).astype(np.int32)

    def _pieces_of(self, word: str) -> np.ndarray:
        known = self._of_word.get(word)
        if known is None:
            numbers = self._piece_numbers
            known = np.array([numbers[p] for p in _pieces(word) if p in numbers], dtype=np.int32)
            if len(self._of_word) < 1_000_000:
                self._of_word[word] = known
        return known

    def state(self) -> dict[str, Any]:
        """All that encoding needs, as plain JSON values."""
        return {"order": self.order, "vocabulary": self.names, "pieces": self.pieces}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Grams:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        return cls(names_of(state, "vocabulary"), names_of(state, "pieces"), whole(state, "order", 1, 5))


def _ngrams(tokens: Sequence[str], order: int) -> list[str]:
    found = list(tokens)
    for size in range(2, order + 1):
        found += map(_JOINT.join, zip(*(tokens[start:] for start in range(size)), strict=False))
    return found


def _pieces(word: str) -> list[str]:
    if len(word) < 2:
        return []
    if len(word) > _READ:
        word = word[: _READ // 2] + word[-_READ // 2 :]
    whole = f" {word} "
    sizes = range(_SHORTEST, min(_LONGEST, len(whole)) + 1)
    return [whole[start : start + size] for size in sizes for start in range(len(whole) - size + 1)]


def _frequent_pieces(texts: Sequence[Sequence[str]], minimum_count: int, size: int) -> list[str]:
    """Counted by number and not by name: a long text has thousands."""
    numbers: dict[str, int] = {}
    of_word: dict[str, np.ndarray] = {}
    having = np.zeros(0, dtype=np.int64)
    for text in texts:
        rows = []
        for word in set(text):
            row = of_word.get(word)
            if row is None:
                row = np.array([numbers.setdefault(piece, len(numbers)) for piece in _pieces(word)], dtype=np.int64)
                of_word[word] = row
            rows.append(row)
        there = np.unique(np.concatenate(rows)) if rows else np.zeros(0, np.int64)
        if len(numbers) > len(having):
            having = np.concatenate([having, np.zeros(2 * len(numbers) - len(having), np.int64)])
        having[there] += 1
    counted = ((name, int(having[number])) for name, number in numbers.items())
    kept = sorted((item for item in counted if item[1] >= minimum_count), key=lambda item: (-item[1], item[0]))
    names = (name for name, _ in kept[:size])
    return [name for name in names if name.isascii() or name.isprintable()]
