"""Texts on their way in: cut into tokens, numbered by a vocabulary that the training part gave."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.shapes import PADDING, UNKNOWN, Counts, Ids
from deepwell.data.ragged import Ragged
from deepwell.findings import Finding
from deepwell.inputs.grams import Grams
from deepwell.inputs.length_findings import cut_off, not_learnt
from deepwell.inputs.pretrained_tokens import PretrainedTokens
from deepwell.inputs.subwords import Subwords
from deepwell.inputs.tokenise import Token, characters, characters_only, words, words_only
from deepwell.inputs.vocabulary import Vocabulary, names_of, one_of, truth, whole

TOKENS = ("words", "characters", "bpe")
PRETRAINED = "pretrained"
VIEWS = ("sequence", "counts")
_LONGEST = 100_000_000
_LOOKED_AT = 2_000
"""Training texts whose pretrained tokens are counted: cutting all of them twice would take as long again."""


class Text:
    """Texts as an input. Implements ``core.protocols.Input``.

    Encoded and prepared they are ids [n, length], int64, or, seen as ``counts``, [n, k, 2]: the n-grams of a text
    and how often each occurs; see ``inputs.grams``. Short rows are filled with 0 at their end. A text without any
    token is one ``UNKNOWN``.

    Args:
        tokens: ``words`` (by Unicode's rules; Chinese, Japanese and Thai by character), ``characters``, or ``bpe``:
            pieces of words learnt on the training part (byte-pair encoding, Sennrich 2016, arXiv:1508.07909).
            Also the text of a ``tokenizer.json``: the tokens of a pretrained model, of which nothing is learnt.
        lower: small letters; None: yes, but for ``bpe``.
        minimum_count: times that a token must occur in the training part to be learnt.
        vocabulary_size: ids at most; None: 100,000, and 8,000 for ``bpe``; of ``counts`` 200,000 n-grams.
        max_length: tokens of a text that are read; the rest is cut off.
        view: ``sequence``, or ``counts`` for a model to which the order says nothing (``ngrams``).
        order: of ``counts``: tokens of the longest n-gram; None: chosen from the training texts.

    Attributes:
        notes: what was noticed, in sentences.

    >>> text = Text(minimum_count=1)
    >>> text.learn(["A good film", "a bad film"], torch.arange(2))
    >>> rows, _ = text.encode(["a GOOD one"])
    >>> rows.gather(torch.arange(1)).tolist(), text.shape.vocabulary
    ([[3, 6, 1]], 7)
    """

    kind = "text"
    learns_first = True

    def __init__(
        self,
        *,
        tokens: str = "words",
        lower: bool | None = None,
        minimum_count: int = 2,
        vocabulary_size: int | None = None,
        max_length: int = 512,
        view: str = "sequence",
        order: int | None = None,
    ) -> None:
        self._description = tokens if isinstance(tokens, str) and tokens.lstrip().startswith("{") else None
        if self._description is not None:
            tokens = PRETRAINED
            if lower or view == "counts":
                came = "lower=True" if lower else "view='counts'"
                raise UserError(f"{came} does not go with a pretrained tokeniser", fix="leave it out")
        elif tokens not in TOKENS:
            raise unknown_name("way to cut texts", tokens, TOKENS)
        if view not in VIEWS:
            raise unknown_name("view of a text", view, VIEWS)
        if view == "counts" and tokens == "bpe":
            raise UserError(
                "n-grams are counted of words or characters, and tokens is bpe",
                expected="words or characters for the model ngrams",
                fix="leave --tokens out, or choose a model that reads sequences (--model lstm)",
            )
        if order is not None and (type(order) is not int or not 1 <= order <= 5):
            raise UserError(f"order is {order!r}", expected="a whole number from 1 to 5")
        usual = 8_000 if tokens == "bpe" else 200_000 if view == "counts" else 100_000
        size = usual if vocabulary_size is None else vocabulary_size
        for name, value, low in (
            ("minimum_count", minimum_count, 1),
            ("vocabulary_size", size, 16),
            ("max_length", max_length, 1),
        ):
            if type(value) is not int or not low <= value <= _LONGEST:
                raise UserError(f"{name} is {value!r}", expected=f"a whole number from {low} up")
        self.tokens = tokens
        self.lower = tokens not in ("bpe", PRETRAINED) if lower is None else bool(lower)
        self.minimum_count = minimum_count
        self.vocabulary_size = size
        self.max_length = max_length
        self.view = view
        self.order = order
        self.vocabulary: Vocabulary | Subwords | PretrainedTokens | Grams | None = None
        self.notes: list[str] = []

    def __str__(self) -> str:
        known = "" if self.vocabulary is None else f", {len(self.vocabulary):,} known"
        seen = "n-grams of " if self.view == "counts" else ""
        return f"{seen}{self.tokens}{known}, at most {self.max_length:,} {self._unit()} of a text"

    def _unit(self) -> str:
        """What a text is cut into, in words."""
        return self.tokens if self.tokens in ("words", "characters") else "tokens"

    @property
    def shape(self) -> Ids | Counts:
        """The number of ids."""
        known = self._known()
        return Counts(len(known), len(known.pieces)) if isinstance(known, Grams) else Ids(len(known))

    def _known(self) -> Vocabulary | Subwords | PretrainedTokens | Grams:
        if self.vocabulary is None:
            raise UserError("the vocabulary is not known yet", fix="call learn first")
        return self.vocabulary

    # ---- raw texts

    def survey(self, raw: Sequence[Any]) -> None:
        """Every sample must be a string.

        Raises:
            UserError: names the first that is none.
        """
        for place, item in enumerate(raw):
            if not isinstance(item, str):
                shown = "missing" if item is None else f"of type {type(item).__name__}"
                raise UserError(
                    f"text {place} is {shown}",
                    expected="a string",
                    fix="decode bytes, write '' for an empty text" if item is not None else "write '' for it",
                )

    def digests(self, raw: Sequence[str]) -> np.ndarray:
        """A digest of each text, in which white space does not count, as bytes [n]."""
        found = np.empty(len(raw), dtype="S16")
        for place, text in enumerate(raw):
            plain = " ".join(text.split()).encode("utf-8", "backslashreplace")
            found[place] = hashlib.blake2b(plain, digest_size=16).digest()
        return found

    def _cut(self, text: str) -> list[str]:
        text = unicodedata.normalize("NFC", text)
        text = text.lower() if self.lower else text
        return words_only(text) if self.tokens == "words" else characters_only(text)

    def learn(self, rows: Sequence[str], train: Tensor) -> None:
        """The vocabulary, from the training texts alone.

        Raises:
            UserError: no training texts, or none with a token that occurs often enough.
        """
        if not len(train):
            raise UserError("there are no training texts", expected="at least one")
        texts = [rows[place] for place in train.tolist()]
        if self.tokens == PRETRAINED:
            known = PretrainedTokens.read(self._description, longest=self.max_length)
            self.vocabulary = known
            self._look([known.uncut(text) for text in texts[:: max(1, len(texts) // _LOOKED_AT)]])
        elif self.tokens == "bpe":
            plain = [text.lower() if self.lower else text for text in texts]
            self.vocabulary = Subwords.learn(plain, size=self.vocabulary_size, minimum_count=self.minimum_count)
        else:
            cut = [self._cut(text) for text in texts]
            least, size = self.minimum_count, self.vocabulary_size
            if self.view == "counts":
                read = [tokens[: self.max_length] for tokens in cut]
                self.vocabulary = Grams.learn(read, order=self.order, minimum_count=least, size=size)
                self.order = self.vocabulary.order
            else:
                self.vocabulary = Vocabulary.learn(cut, minimum_count=least, size=size)
            self._look(cut)
        if len(self._known()) <= UNKNOWN + 2:
            raise UserError(
                f"no token occurs {self.minimum_count} times in the {len(texts)} training texts",
                expected="texts with words in common",
                fix="lower minimum_count (--minimum-count 1), or check that the right column was taken",
            )

    def _look(self, cut: Sequence[Sequence[Any]]) -> None:
        lengths = np.array([len(tokens) for tokens in cut])
        if empty := int((lengths == 0).sum()):
            self.notes.append(f"{empty} of {len(cut)} training texts have no {self._unit()} at all")
        if longer := float((lengths > self.max_length).mean()):
            self.notes.append(
                f"{_percent(longer)} of the training texts are longer than {self.max_length:,} {self._unit()}: "
                "the rest of these is not read (--max-length)"
            )

    def encode(self, raw: Sequence[Any]) -> tuple[Ragged, list[tuple[int, str]]]:
        """Texts to ids; a sample that is no string is a problem, and stands as one ``UNKNOWN``."""
        known, found, problems = self._known(), [], []
        pair = isinstance(known, Grams)
        nothing = np.array([[UNKNOWN, 1]] if pair else [UNKNOWN], dtype=np.int32)
        for place, text in enumerate(raw):
            if not isinstance(text, str):
                problems.append((place, f"it is of type {type(text).__name__}, no string"))
                found.append(nothing)
                continue
            if isinstance(known, (Subwords, PretrainedTokens)):
                ids = known.encode(text.lower() if self.lower else text)
            else:
                # a text of a million characters is cut before it is numbered
                ids = known.encode(self._cut(text)[: self.max_length])
            found.append(ids if pair else ids[: self.max_length] if len(ids) else nothing)
        return Ragged.of(found, width=2 if pair else 0), problems

    # ---- batches

    def prepare(self, x: Tensor, *, ids: Tensor | None = None, seed: int = 0, epoch: int = 0) -> Tensor:
        """Ids are what the model sees.

        Raises:
            UserError: something else than ids [n, length], or [n, k, 2] with their counts.
        """
        wanted = "[n, k, 2]" if self.view == "counts" else "[n, length]"
        right = x.dim() == 3 and x.shape[2] == 2 if self.view == "counts" else x.dim() == 2
        if not right or x.dtype != torch.int64:
            raise UserError(f"prepare was given {x.dtype} of shape {list(x.shape)}", expected=f"ids, int64 {wanted}")
        return x

    def mask(self, x: Tensor) -> Tensor:
        """Where a token is, bool [n, length]."""
        return (x[..., 0] if self.view == "counts" else x) != PADDING

    def findings(self, rows: Ragged, split: Any) -> list[Finding]:
        """Texts that are cut off, and tokens of the validation part that were not learnt."""
        return [*cut_off(rows, split, self.max_length), *not_learnt(rows, split)]

    def positions(self, raw: Sequence[str]) -> list[list[Token]]:
        """The tokens of each text with their places, to draw attention or attributions on them."""
        cut = words if self.tokens == "words" else characters
        known = self._known()
        if isinstance(known, (Subwords, PretrainedTokens)):
            return [known.positions(text)[: self.max_length] for text in raw]
        return [cut(text)[: self.max_length] for text in raw]

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that encoding needs, as plain JSON values."""
        return {
            "version": 1,
            "tokens": self.tokens,
            "lower": self.lower,
            "minimum_count": self.minimum_count,
            "vocabulary_size": self.vocabulary_size,
            "max_length": self.max_length,
            "view": self.view,
            **self._known().state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Text:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        whole(state, "version", 1, 1)
        tokens = one_of(state, "tokens", (*TOKENS, PRETRAINED))
        made = cls(
            tokens=PretrainedTokens.described(state) if tokens == PRETRAINED else tokens,
            lower=truth(state, "lower"),
            minimum_count=whole(state, "minimum_count", 1, _LONGEST),
            vocabulary_size=whole(state, "vocabulary_size", 16, _LONGEST),
            max_length=whole(state, "max_length", 1, _LONGEST),
            view=one_of(state, "view", VIEWS),
        )
        if made.view == "counts":
            made.vocabulary = Grams.from_state(state)
            made.order = made.vocabulary.order
        elif tokens == PRETRAINED:
            made.vocabulary = PretrainedTokens.from_state(state, longest=made.max_length)
        elif made.tokens == "bpe":
            made.vocabulary = Subwords.from_state(state)
        else:
            made.vocabulary = Vocabulary(names_of(state, "vocabulary"))
        return made


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
