"""Sentences of words on their way in: each word as its number, beside it the characters it is written with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.shapes import PADDING, UNKNOWN, Ids
from deepwell.data.ragged import Ragged
from deepwell.findings import Finding
from deepwell.inputs.length_findings import not_learnt
from deepwell.inputs.subwords import Subwords
from deepwell.inputs.tokenise import Token, characters, words
from deepwell.inputs.vocabulary import Vocabulary, names_of, one_of, truth, whole

VIEWS = ("auto", "characters", "pieces", "pairs", "none")
_WIDTH = 14
_PIECES, _PIECE_IDS = 8, 8_000
_LONGEST = 1_000_000
_DIGIT = re.compile(r"\d")
_EDGE = "\u2402"
"""Stands for what is beyond the ends of a sentence, in pairs."""


class Tokens:
    """Sentences, each a list of words. Implements ``core.protocols.Input``.

    Encoded and prepared they are int64 [n, length, 1 + width]: the word (small letters, digits as 0), and beside it
    a view of how it is written. Where words are longer than a character the view is their ``characters``, the middle
    of a long word left out; where each word is one character, as in Chinese written without spaces, it is the
    ``pairs`` with the neighbours on both sides (Pei, Ge, Chang 2014, doi:10.3115/v1/P14-1028). ``pieces`` are the
    parts of a word that byte-pair encoding learns (Sennrich 2016, arXiv:1508.07909; extra ``[text]``).

    Args:
        view: ``characters``, ``pieces``, ``pairs``, ``none``; ``auto`` looks at the words.
        minimum_count: times that a word must occur in the training part to be learnt.
        vocabulary_size: word ids at most.
        max_length: words of a sentence that are read; a longer one is an error, as its rest would have no tags.

    >>> tokens = Tokens(minimum_count=1, view="none")
    >>> tokens.learn([["The", "cat"], ["A", "cat"]], torch.arange(2))
    >>> rows, _ = tokens.encode([["the", "dog"]])
    >>> rows.gather(torch.arange(1)).tolist()
    [[[5], [1]]]
    """

    kind = "tokens"
    learns_first = True

    def __init__(
        self,
        *,
        view: str = "auto",
        minimum_count: int = 2,
        vocabulary_size: int = 100_000,
        max_length: int = 10_000,
    ) -> None:
        if view not in VIEWS:
            raise unknown_name("view of a word", view, VIEWS)
        for name, value, low in (
            ("minimum_count", minimum_count, 1),
            ("vocabulary_size", vocabulary_size, 16),
            ("max_length", max_length, 1),
        ):
            if type(value) is not int or not low <= value <= _LONGEST:
                raise UserError(f"{name} is {value!r}", expected=f"a whole number from {low} up")
        self.view = view
        self.minimum_count = minimum_count
        self.vocabulary_size = vocabulary_size
        self.max_length = max_length
        self.spaced = True
        self.words: Vocabulary | None = None
        self.characters: Vocabulary | Subwords | None = None
        self.notes: list[str] = []

    def __str__(self) -> str:
        known = "" if self.words is None else f", {len(self.words):,} known"
        seen = "" if self.characters is None else f", {self.view} of {len(self.characters):,} kinds"
        return f"words{known}{seen}"

    @property
    def shape(self) -> Ids:
        """The numbers of word and character ids, and the characters of a word."""
        words = self._known()
        width = {"characters": _WIDTH, "pieces": _PIECES, "pairs": 2}.get(self.view, 0)
        return Ids(len(words), 0 if self.characters is None else len(self.characters), width)

    def _known(self) -> Vocabulary:
        if self.words is None:
            raise UserError("the vocabulary is not known yet", fix="call learn first")
        return self.words

    # ---- raw sentences

    def survey(self, raw: Sequence[Any]) -> None:
        """Every sample must be a list of words, none of them empty.

        Raises:
            UserError: names the first that is not.
        """
        for place, item in enumerate(raw):
            if why := self._wrong(item):
                raise UserError(
                    f"sentence {place + 1:,} {why}",
                    expected="a list of words",
                    fix="check how it was split"
                    + (", or raise max_length (--max-length)" if "more than" in why else ""),
                )

    def _wrong(self, item: Any) -> str:
        if isinstance(item, str):
            return ""
        if not isinstance(item, (list, tuple, np.ndarray)):
            return f"is of type {type(item).__name__}"
        if not len(item):
            return "has no words"
        if len(item) > self.max_length:
            return f"has {len(item):,} words, more than {self.max_length:,}"
        bad = next((word for word in item if not isinstance(word, str) or not word.strip()), None)
        return "" if bad is None else f"has {bad!r} among its words"

    def split(self, text: str) -> list[Token]:
        """A sentence that was given as one string, cut as the training words were."""
        if self.spaced:
            return words(text)[: self.max_length]
        return [token for token in characters(text) if not token.text.isspace()][: self.max_length]

    def _list(self, item: Any) -> list[str]:
        return [token.text for token in self.split(item)] if isinstance(item, str) else list(item)

    def digests(self, raw: Sequence[Any]) -> np.ndarray:
        """A digest of each sentence's words, as bytes [n]."""
        found = np.empty(len(raw), dtype="S16")
        for place, item in enumerate(raw):
            content = "\x1f".join(self._list(item)).encode("utf-8", "backslashreplace")
            found[place] = hashlib.blake2b(content, digest_size=16).digest()
        return found

    def learn(self, rows: Sequence[Any], train: Tensor) -> None:
        """Words and characters, from the training sentences alone.

        Raises:
            UserError: no training sentences, or no word that occurs often enough.
        """
        if not len(train):
            raise UserError("there are no training sentences", expected="at least one")
        sentences = [self._list(rows[place]) for place in train.tolist()]
        single = sum(len(word) == 1 for words in sentences for word in words)
        self.spaced = single < 0.9 * sum(map(len, sentences))
        if self.view == "auto":
            self.view = "characters" if self.spaced else "pairs"
        plain = [[_plain(word) for word in words] for words in sentences]
        self.words = Vocabulary.learn(plain, minimum_count=self.minimum_count, size=self.vocabulary_size)
        if not self.words.names:
            raise UserError(
                f"no word occurs {self.minimum_count} times in the {len(sentences)} training sentences",
                expected="sentences with words in common",
                fix="lower minimum_count (--minimum-count 1)",
            )
        if self.view == "characters":
            written = ((c for word in words for c in word) for words in sentences)
            self.characters = Vocabulary.learn(written, minimum_count=self.minimum_count)
        elif self.view == "pieces":
            every = [word for words in sentences for word in words]
            self.characters = Subwords.learn(every, size=_PIECE_IDS, minimum_count=self.minimum_count)
        elif self.view == "pairs":
            size = self.vocabulary_size
            self.characters = Vocabulary.learn(map(_pairs, sentences), minimum_count=self.minimum_count, size=size)

    def encode(self, raw: Sequence[Any]) -> tuple[Ragged, list[tuple[int, str]]]:
        """Sentences to numbers, [words, 1 + width] each; one that can't be read stands as one ``UNKNOWN``."""
        words, width = self._known(), self.shape.width
        found, problems = [], []
        written: dict[str, np.ndarray] = {}
        for place, item in enumerate(raw):
            if why := self._wrong(item):
                problems.append((place, f"it {why}"))
            sentence = [] if why else self._list(item)
            row = np.full((max(1, len(sentence)), 1 + width), PADDING, dtype=np.int32)
            row[:, 0] = words.encode(map(_plain, sentence)) if sentence else UNKNOWN
            if self.view == "pairs" and sentence and isinstance(self.characters, Vocabulary):
                pairs = self.characters.encode(_pairs(sentence))
                row[:, 1], row[:, 2] = pairs[:-1], pairs[1:]
            elif self.characters is not None:
                for number, word in enumerate(sentence):
                    parts = written.get(word)
                    if parts is None:
                        parts = written[word] = self._parts(word)
                    row[number, 1 : 1 + len(parts)] = parts
            found.append(row)
        return Ragged.of(found, width=1 + width), problems

    def _parts(self, word: str) -> np.ndarray:
        """The ids of a word's characters or pieces, the middle left out where there are too many."""
        if isinstance(self.characters, Subwords):
            found = self.characters.encode(word)
            half = _PIECES // 2
            return found if len(found) <= _PIECES else np.concatenate([found[:half], found[half - _PIECES :]])
        return self.characters.encode(_shortened(word)) if self.characters is not None else np.zeros(0, np.int32)

    # ---- batches

    def prepare(self, x: Tensor, *, ids: Tensor | None = None, seed: int = 0, epoch: int = 0) -> Tensor:
        """Numbers are what the model sees.

        Raises:
            UserError: something else than int64 [n, length, 1 + width].
        """
        wanted = 1 + self.shape.width
        if x.dim() != 3 or x.shape[2] != wanted or x.dtype != torch.int64:
            raise UserError(
                f"prepare was given {x.dtype} of shape {list(x.shape)}", expected=f"int64 [n, length, {wanted}]"
            )
        return x

    def mask(self, x: Tensor) -> Tensor:
        """Where a word is, bool [n, length]."""
        return x[..., 0] != PADDING

    def findings(self, rows: Ragged, split: Any) -> list[Finding]:
        """Words of the validation part that were not learnt: their characters are all that is known of them."""
        return not_learnt(rows, split)

    def positions(self, raw: Sequence[Any]) -> list[list[Token]]:
        """The words of each sentence with their places: in the string, or in the words joined as they are written."""
        return [self.split(item) if isinstance(item, str) else self._joined(item) for item in raw]

    def _joined(self, words: Sequence[str]) -> list[Token]:
        gap, start, found = int(self.spaced), 0, []
        for word in words:
            found.append(Token(word, start, start + len(word)))
            start += len(word) + gap
        return found

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that encoding needs, as plain JSON values."""
        return {
            "version": 1,
            "view": self.view,
            "spaced": self.spaced,
            "minimum_count": self.minimum_count,
            "vocabulary_size": self.vocabulary_size,
            "max_length": self.max_length,
            "words": self._known().names,
            "characters": self.characters.names if isinstance(self.characters, Vocabulary) else [],
            "subwords": self.characters.state()["subwords"] if isinstance(self.characters, Subwords) else "",
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tokens:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        whole(state, "version", 1, 1)
        made = cls(
            view=one_of(state, "view", VIEWS[1:]),
            minimum_count=whole(state, "minimum_count", 1, _LONGEST),
            vocabulary_size=whole(state, "vocabulary_size", 16, _LONGEST),
            max_length=whole(state, "max_length", 1, _LONGEST),
        )
        made.spaced = truth(state, "spaced")
        made.words = Vocabulary(names_of(state, "words"))
        characters = names_of(state, "characters")
        if made.view == "pieces":
            made.characters = Subwords.from_state(state)
        elif state.get("subwords") != "":
            raise UserError(f"the model's subwords are {state.get('subwords')!r:.40}", expected="'' for this view")
        else:
            made.characters = None if made.view == "none" else Vocabulary(characters)
        return made


def _plain(word: str) -> str:
    return _DIGIT.sub("0", word.lower())


def _shortened(word: str) -> str:
    """A long word's beginning and end: prefixes and suffixes tell more than its middle."""
    return word if len(word) <= _WIDTH else word[: _WIDTH // 2] + word[-(_WIDTH - _WIDTH // 2) :]


def _pairs(sentence: Iterable[str]) -> list[str]:
    """Each neighbouring pair, with what is beyond both ends: one more than there are words."""
    words = [_EDGE, *sentence, _EDGE]
    return [a + b for a, b in pairwise(words)]
