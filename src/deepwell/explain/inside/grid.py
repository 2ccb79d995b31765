"""Small pictures side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GREY = (128, 128, 128, 255)
_MARGIN = 4
_FLAT = 4


def shades(values: np.ndarray, *, signed: bool = False) -> np.ndarray:
    """Numbers as uint8: the lowest black and the highest white, or, ``signed``, 0 in the middle."""
    if signed:
        most = float(np.abs(values).max()) or 1.0
        return ((values / most + 1) * 127.5).round().astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / ((high - low) or 1.0))).round().astype(np.uint8)


def rows_of_tiles(rows: Sequence[tuple[str, Sequence[np.ndarray]]], *, side: int, width: int = 16) -> bytes:
    """PNG: for each row its words, in letters of the Latin alphabet, and below them its tiles.

    Args:
        rows: (words, tiles uint8 [height, width] or [height, width, 3]); pixels stay sharp, and square but in a tile
            that is much wider than high.
        side: pixels of the longer side of a tile.
        width: tiles beside each other at most.
    """
    font = ImageFont.load_default(11)
    most = max(min(width, len(tiles)) for _, tiles in rows)
    if any(tile.shape[1] > _FLAT * tile.shape[0] for _, tiles in rows for tile in tiles):
        most = width
    wide = most * (side + _MARGIN)
    pieces: list[Image.Image] = []
    for words, tiles in rows:
        high = 16 + -(-len(tiles) // width) * (side + _MARGIN)
        piece = Image.new("RGBA", (max(wide, round(font.getlength(words)) + _MARGIN), high))
        ImageDraw.Draw(piece).text((0, 1), words, _GREY, font)
        for number, tile in enumerate(tiles):
            shown = Image.fromarray(tile)
            size = _size(shown, side, wide)
            place = (number % width * (side + _MARGIN), 16 + number // width * (side + _MARGIN))
            piece.paste(shown.resize(size, Image.Resampling.NEAREST), place)
        pieces.append(piece)
    page = Image.new("RGBA", (max(p.width for p in pieces), sum(p.height + _MARGIN for p in pieces)))
    top = 0
    for piece in pieces:
        page.paste(piece, (0, top))
        top += piece.height + _MARGIN
    kept = io.BytesIO()
    page.save(kept, "PNG")
    return kept.getvalue()


def _size(tile: Image.Image, side: int, most: int) -> tuple[int, int]:
    """Pixels to draw a tile with, (width, height)."""
    if tile.width > _FLAT * tile.height:
        return max(side, min(most - _MARGIN, 8 * tile.width)), min(side, 8 * tile.height)
    scale = side / max(tile.size)
    return max(1, round(tile.width * scale)), max(1, round(tile.height * scale))
