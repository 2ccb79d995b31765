"""Text laid out for a terminal, where a Chinese character takes two columns and a combining mark none."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_JOINER = "\u200d"


def width(text: str) -> int:
    """Columns that a text takes.

    >>> width("abc"), width("北京"), width("né"), width("👍🏽"), width("👩‍🔬")
    (3, 4, 2, 2, 2)
    """
    columns, joined = 0, False
    for character in text:
        kind = unicodedata.category(character)
        # what is joined to an emoji, and the colour of its skin, is drawn within it
        if joined or kind in ("Mn", "Me", "Cf") or "\U0001f3fb" <= character <= "\U0001f3ff":
            joined = character == _JOINER
            continue
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


def padded(text: str, columns: int) -> str:
    """A text with blanks behind it.

    >>> padded("北京", 6) + "|"
    '北京  |'
    """
    return text + " " * (columns - width(text))


def one_line(text: str, most: int | None = None) -> str:
    """A text on one line, without what would steer a terminal; cut off where it takes more than ``most`` columns.

    >>> one_line("a\\nb\\x1b[31m"), one_line("我在上海工作", 8)
    ('a b[31m', '我在...')
    """
    plain = "".join(c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")
    if most is None or width(plain) <= most:
        return plain
    kept = plain[:most]
    while width(kept) > most - 3:
        kept = kept[:-1]
    return kept + "..."


def aligned(words: Sequence[str], below: Sequence[str], columns: int) -> list[str]:
    """Words with a word below each, as pairs of lines of at most so many columns; a longer word has its own pair.

    >>> aligned(["我", "在", "Rio"], ["O", "O", "B-LOC"], 80)
    ['我  在  Rio', 'O   O   B-LOC']
    """
    lines: list[str] = []
    upper = lower = ""
    at = 0
    for first, second in zip(map(one_line, words), map(one_line, below), strict=True):
        wide = max(width(first), width(second))
        if at and at + wide > columns:
            lines += [upper.rstrip(), lower.rstrip()]
            upper = lower = ""
            at = 0
        upper, lower, at = upper + padded(first, wide + 2), lower + padded(second, wide + 2), at + wide + 2
    return [*lines, upper.rstrip(), lower.rstrip()] if at else lines
