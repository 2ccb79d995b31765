"""A shaded text as SVG."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import escape

from deepwell.explain.colour import AGAINST, FOR

_COLUMN, _LINE, _SIZE = 9, 24, 15
_WORD = re.compile(r"\n|[^\S\n]+|\S+")
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML can't hold."""


def drawn(shades: list[tuple[str, float]], *, width: int) -> str:
    """The text with a coloured box behind each piece, in lines of at most ``width`` pixels.

    Letters are the viewer's own; each piece is told how wide it shall be, so that the boxes fit with any font.

    Args:
        shades: pieces of the text with their strength from -1 to 1.
        width: in pixels.
    """
    body, x, y = [], 0, 0
    for text, strength in _cut(shades, max(4, width // _COLUMN - 2)):
        wide = _columns(text) * _COLUMN
        if text == "\n" or (x and x + wide > width - 2 * _COLUMN):
            x, y = 0, y + _LINE
            if text.isspace():
                continue
        left, top = x + _COLUMN, y + _COLUMN
        if round(strength, 2):
            red, green, blue = FOR if strength > 0 else AGAINST
            body.append(
                f'<rect x="{left}" y="{top}" width="{wide}" height="{_LINE - 4}" rx="3"'
                f' fill="rgb({red},{green},{blue})" fill-opacity="{0.6 * abs(strength):.2f}"/>'
            )
        if not text.isspace():
            body.append(
                f'<text x="{left}" y="{top + _SIZE}" textLength="{wide}" lengthAdjust="spacingAndGlyphs">'
                f"{escape(text)}</text>"
            )
        x += wide
    height = y + _LINE + 2 * _COLUMN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<style>text{{font:{_SIZE}px monospace;fill:#1a1a1a}}.page{{fill:#fff}}"
        "@media(prefers-color-scheme:dark){text{fill:#ececec}.page{fill:#161616}}</style>"
        f'<rect class="page" width="{width}" height="{height}"/>{"".join(body)}</svg>'
    )


def _cut(shades: list[tuple[str, float]], columns: int) -> Iterator[tuple[str, float]]:
    """Pieces without line breaks inside, each of at most so many columns."""
    for text, strength in shades:
        for found in _WORD.finditer(_UNWRITABLE.sub("\ufffd", text)):
            piece = found.group()
            # a character takes two columns at most
            for start in range(0, len(piece), columns // 2):
                yield piece[start : start + columns // 2], strength


def _columns(text: str) -> int:
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))
    return max(1, wide)
