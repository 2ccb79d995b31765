"""Texts cut into words or characters, by the rules of Unicode, with where each piece stands."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

_ONE_BY_ONE = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""


class Token(NamedTuple):
    """A piece of a text: ``text[start:stop]``, in characters."""

    text: str
    start: int
    stop: int


@lru_cache(maxsize=1)
def _marks() -> str:
    """All combining marks as ranges of a character class: they belong to the letter before them."""
    codes = [code for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M"]
    codes += range(0xE0100, 0xE01F0)
    ranges = []
    for _, group in groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        run = [code for _, code in group]
        ranges.append(f"{chr(run[0])}-{chr(run[-1])}")
    return "".join(ranges)


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    marks, bent = _marks(), "\U0001f3fb-\U0001f3ff"
    letters = f"(?:[^\\W{_ONE_BY_ONE}]+[{marks}]*)+"
    word = f"{letters}(?:['\u2019]{letters})*"  # don't is one word
    # a symbol with what modifies it: an emoji with its skin colour, or several joined to one
    symbol = f"[^\\s\\w{marks}][{marks}{bent}]*(?:\u200d[^\\s][{marks}{bent}]*)*"
    return re.compile(f"{word}|[{_ONE_BY_ONE}][{marks}]*|{symbol}|[{marks}]+")


_SIMPLE = re.compile("\\w+(?:['\u2019]\\w+)*|[^\\w\\s]")
"""The same for texts of letters that stand alone, many times faster."""

_NOT_SIMPLE = re.compile("[^\0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]")


def _pattern(text: str) -> re.Pattern[str]:
    return _word_pattern() if _NOT_SIMPLE.search(text) else _SIMPLE


@lru_cache(maxsize=1)
def _character_pattern() -> re.Pattern[str]:
    return re.compile(f"\\s+|[^\\s][{_marks()}]*")


def words(text: str) -> list[Token]:
    """Words, numbers and single signs; characters of scripts without spaces one by one.

    >>> [token.text for token in words("Don't go, 3.5 stars! 很好")]
    ["Don't", 'go', ',', '3', '.', '5', 'stars', '!', '很', '好']
    """
    return [Token(found.group(), *found.span()) for found in _pattern(text).finditer(text)]


def characters(text: str) -> list[Token]:
    """Characters with their combining marks; a run of white space is one.

    >>> [token.text for token in characters("né  \\n有")]
    ['n', 'é', ' ', '有']
    """
    return [
        Token(" " if found.group().isspace() else found.group(), *found.span())
        for found in _character_pattern().finditer(text)
    ]


def words_only(text: str) -> list[str]:
    """The same words without their places: half the time, for a vocabulary or an encoding."""
    return _pattern(text).findall(text)


def characters_only(text: str) -> list[str]:
    """The same characters without their places."""
    return [" " if found.isspace() else found for found in _character_pattern().findall(text)]
