"""The tokens of a pretrained encoder: its own tokeniser, kept whole in the saved model. Needs ``[pretrained]``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED
from deepwell.inputs.tokenise import Token

_HALF = re.compile("[\ud800-\udfff]")
_MOST = 10_000_000
_LONGEST = 32 << 20
"""Characters of a tokeniser's description: a saved model's whole description has room for 64 MiB."""


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise UserError(
            "a pretrained tokeniser needs the library tokenizers, which is not installed",
            fix='pip install "deepwell[pretrained]"',
        ) from None
    return tokenizers


def _check_ids(description: str) -> None:
    """No id may be far beyond the others: the library counts up to the largest, which could take hours."""
    try:
        content = json.loads(description)
        vocabulary, added = content["model"].get("vocab", {}), content.get("added_tokens") or []
        ids = [*(vocabulary.values() if isinstance(vocabulary, dict) else ()), *(token["id"] for token in added)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"the model's tokenizer can't be read ({error!r})", expected="a whole model") from None
    for number in ids:
        if type(number) is not int or not 0 <= number < _MOST:
            raise UserError(
                f"the model's tokenizer has a token with the id {number!r}",
                expected=f"a whole number from 0 to below {_MOST:,}",
            )


class PretrainedTokens:
    """Texts to the ids of a pretrained tokeniser, each ``RESERVED`` higher, so that 0 stays padding.

    Its special tokens are put around every text, and only there: who writes ``[SEP]`` means these letters. A text that
    is too long loses words at its end and keeps the special tokens.

    Args:
        tokenizer: a ``tokenizers.Tokenizer``.
        longest: ids of a text at most, the special ones included.

    Raises:
        UserError: no room for a word beside the special tokens, ids that the tokeniser itself does not know.
    """

    def __init__(self, tokenizer: Any, *, longest: int) -> None:
        # a tokeniser's file often says to fill and to cut: batches are filled and texts are cut here
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self.longest = longest
        self._count = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        special = self._encoded("").ids
        if any(number >= self._count for number in special):
            raise UserError("the tokeniser puts ids around a text that it does not know", expected="a whole tokeniser")
        if longest <= len(special):
            raise UserError(
                f"max_length is {longest}, and this tokeniser puts {len(special)} special tokens around a text",
                expected=f"at least {len(special) + 1}",
                fix="raise max_length (--max-length)",
            )

    @classmethod
    def read(cls, description: str | None, *, longest: int) -> PretrainedTokens:
        """From the text of a ``tokenizer.json``.

        Raises:
            UserError: a description that can't be read, or is too long to be kept in a saved model.
        """
        library = _library()
        _check_ids(description or "")
        try:
            made = library.Tokenizer.from_str(description or "")
        except Exception as error:  # the library raises bare exceptions
            raise UserError(f"the model's tokenizer can't be read ({error})", expected="a whole model") from None
        found = cls(made, longest=longest)
        if (length := len(made.to_str())) > _LONGEST:
            raise UserError(f"the tokeniser's description has {length:,} characters", expected=f"at most {_LONGEST:,}")
        return found

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, longest: int) -> PretrainedTokens:
        """Undo ``state``.

        Raises:
            UserError: see ``read``.
        """
        return cls.read(cls.described(state), longest=longest)

    @staticmethod
    def described(state: Mapping[str, Any]) -> str:
        """The description in a saved state.

        Raises:
            UserError: no text that could be one.
        """
        found = state.get("tokenizer")
        if not isinstance(found, str) or not found.lstrip().startswith("{"):
            raise UserError(f"the model's tokenizer is {type(found).__name__}", expected="a description as text")
        return found

    def __len__(self) -> int:
        """Number of ids, the reserved ones included."""
        return RESERVED + self._count

    def uncut(self, text: str) -> list[int]:
        """All tokens that a text has, as the tokeniser numbers them; the special ones included."""
        return self._encoded(text).ids

    def _encoded(self, text: str) -> Any:
        # a half of a surrogate pair is no character; another of the same length keeps the places
        text = text if text.isascii() else _HALF.sub("\ufffd", text)
        try:
            return self._tokenizer.encode(text)
        except Exception as error:  # the library raises bare exceptions, such as for a missing unknown token
            raise UserError(f"the model's tokenizer fails on a text ({error})", expected="a whole model") from None

    def encode(self, text: str) -> np.ndarray:
        """A text to ids, int32, at most ``longest`` of them."""
        found = self._encoded(text)
        return np.array(found.ids, dtype=np.int32)[self._kept(found)] + RESERVED

    def positions(self, text: str) -> list[Token]:
        """The tokens with their places; a special one has no letters."""
        found = self._encoded(text)
        spans = [found.offsets[place] for place in self._kept(found)]
        return [Token(text[a:b], a, b) for a, b in spans]

    def _kept(self, found: Any) -> np.ndarray:
        """Places of the tokens that are read: the first, and the special ones at the end."""
        special, count = found.special_tokens_mask, len(found.ids)
        if count <= self.longest:
            return np.arange(count)
        closing = next((i for i, mark in enumerate(reversed(special)) if not mark), 0)
        return np.r_[np.arange(self.longest - closing), np.arange(count - closing, count)]

    def state(self) -> dict[str, Any]:
        """The tokeniser as plain JSON values."""
        return {"tokenizer": self._tokenizer.to_str()}
