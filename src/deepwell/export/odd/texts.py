"""Texts and sentences of strange lengths and contents."""

from __future__ import annotations

from typing import Any

_LONG = 3_000
"""Words of the longest text: beyond most limits, and still answered in seconds by a recurrence."""

_STRANGE = [
    "word", "qqxzzvk", "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "这部电影太好看了，我还想再看一遍。", "很差", "日本語の文章とカタカナ", "ภาษาไทย", "مرحبا بالعالم", "नमस्ते दुनिया",
    "İSTANBUL'DA ΣΑΣ ﬁne ①②", "e\u0301te\u0301 vs été", "😀👍🏽👨‍👩‍👧 ok", "a\u200bb\ufeffc\u00a0d",
    "1,234.5 -- 50% & <b>x</b>",
    "don't e-mail me at a.b@c.org http://x.y/z?q=1", "tab\tand\nnew\r\nline\x0b\x0c", "zero\x00byte", "\ud800 alone",
    "W" * 500, "!?!?!?", "the the the the",
]  # fmt: skip


def texts(input: Any) -> list[Any]:
    """Made texts, the same at every call."""
    longest = min(_LONG, int(getattr(input, "max_length", _LONG)) + 7)
    return ["", "   \n", *_STRANGE, " ".join(f"word{number % 97}" for number in range(longest)), "好" * longest]


def sentences(input: Any) -> list[Any]:
    """Made sentences, as lists of words and as strings; some are refused."""
    cut = [text.split() for text in _STRANGE]
    return [*_STRANGE, *cut, ["the", "cat"] * 150, "the cat " * 150, "", [], ["the", ""], ["a b"], 7]
