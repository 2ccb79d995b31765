"""Texts cut into words or characters by the rules of Unicode, and rows of numbers filled up to one length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

PADDING, UNKNOWN, FIRST = 0, 1, 3
"""Ids: what fills a short row, what was not learnt, the first of the learnt names (2 is not used here)."""

Word = tuple[str, int, int]
"""Its text, and where it starts and stops, in characters."""

_ONE_BY_ONE = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""

_SIMPLE = re.compile("\\w+(?:['\u2019]\\w+)*|[^\\w\\s]")
_NOT_SIMPLE = re.compile("[^\0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]")
_HALF = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=1)
def _marks() -> str:
    """All combining marks, for a character class: they belong to the letter before them."""
    codes = [code for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M"]
    return re.escape("".join(map(chr, codes))) + "\U000e0100-\U000e01ef"


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    marks, bent = _marks(), "\U0001f3fb-\U0001f3ff"
    letters = f"(?:[^\\W{_ONE_BY_ONE}]+[{marks}]*)+"
    word = f"{letters}(?:['\u2019]{letters})*"
    symbol = f"[^\\s\\w{marks}][{marks}{bent}]*(?:\u200d[^\\s][{marks}{bent}]*)*"
    return re.compile(f"{word}|[{_ONE_BY_ONE}][{marks}]*|{symbol}|[{marks}]+")


@lru_cache(maxsize=1)
def _character_pattern() -> re.Pattern[str]:
    return re.compile(f"\\s+|[^\\s][{_marks()}]*")


def words(text: str) -> list[Word]:
    """Words, numbers and single signs; characters of scripts without spaces one by one."""
    pattern = _word_pattern() if _NOT_SIMPLE.search(text) else _SIMPLE
    return [(found.group(), *found.span()) for found in pattern.finditer(text)]


def characters(text: str) -> list[Word]:
    """Characters with their combining marks; a run of white space is one blank."""
    return [
        (" " if found.group().isspace() else found.group(), *found.span())
        for found in _character_pattern().finditer(text)
    ]


def numbered(names: Sequence[str], first: int = FIRST) -> dict[str, int]:
    """Names to ids, from ``first`` up."""
    return {name: number for number, name in enumerate(names, first)}


def padded(rows: Sequence[Any], *, width: int = 0) -> np.ndarray:
    """Rows of ids, or of ``width`` ids a position, as int64 [n, longest] or [n, longest, width], filled with 0."""
    longest = max([1, *map(len, rows)])
    found = np.full((len(rows), longest, width) if width else (len(rows), longest), PADDING, dtype=np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = np.asarray(row, dtype=np.int64).reshape(len(row), *found.shape[2:])
    return found


def tokenizer(description: str) -> Any:
    """A ``tokenizers.Tokenizer`` that fills nothing, cuts nothing, and takes special tokens in a text for letters."""
    import tokenizers

    made = tokenizers.Tokenizer.from_str(description)
    made.no_padding()
    made.no_truncation()
    made.encode_special_tokens = True
    return made


def whole_characters(text: str) -> str:
    """Halves of surrogate pairs, which are no characters, replaced by others."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)
