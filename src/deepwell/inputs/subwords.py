"""Pieces of words, by byte-pair encoding learnt on the training part. Needs the extra ``[text]``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED
from deepwell.inputs.tokenise import Token

_HALF = re.compile("[\ud800-\udfff]")


def _whole(text: str) -> str:
    """A half of a surrogate pair is no character, and the library refuses it; another keeps the places."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise UserError(
            "byte-pair encoding needs the library tokenizers, which is not installed",
            fix='pip install "deepwell[text]", or cut texts into words (--tokens words)',
        ) from None
    return tokenizers


class Subwords:
    """A byte-pair encoding over bytes: no text has a character that it does not know.

    The work is done by the ``tokenizers`` library; its description is kept as text in the saved model.

    Args:
        tokenizer: a ``tokenizers.Tokenizer`` whose ids 0, 1 and 2 are reserved.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @classmethod
    def learn(cls, texts: Sequence[str], *, size: int, minimum_count: int) -> Subwords:
        """Merge the most frequent pairs of neighbours until there are ``size`` ids (at least 256 bytes and 3)."""
        library = _library()
        made = library.Tokenizer(library.models.BPE())
        made.normalizer = library.normalizers.NFC()
        made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=max(size, 256 + RESERVED),
            min_frequency=minimum_count,
            show_progress=False,
            special_tokens=["<padding>", "<unknown>", "<start>"],
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        )
        made.train_from_iterator(map(_whole, texts), trainer)
        # the reserved ones are no text: a user who writes <start> means these letters
        made.encode_special_tokens = True
        return cls(made)

    def __len__(self) -> int:
        """Number of ids, the reserved ones included."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> np.ndarray:
        """A text to ids, int32."""
        return np.array(self._tokenizer.encode(_whole(text)).ids, dtype=np.int32)

    def positions(self, text: str) -> list[Token]:
        """The pieces with their places."""
        return [Token(text[a:b], a, b) for a, b in self._tokenizer.encode(_whole(text)).offsets]

    def state(self) -> dict[str, Any]:
        """The encoding as plain JSON values."""
        return {"subwords": self._tokenizer.to_str()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Subwords:
        """Undo ``state``.

        Raises:
            UserError: a description that can't be read.
        """
        text = state.get("subwords")
        if not isinstance(text, str):
            raise UserError(f"the model's subwords are {type(text).__name__}", expected="a description as text")
        try:
            made = _library().Tokenizer.from_str(text)
        except UserError:
            raise
        except Exception as error:  # the library raises bare exceptions
            raise UserError(f"the model's subwords can't be read ({error})", expected="a whole model") from None
        made.encode_special_tokens = True
        return cls(made)
