"""Pictures of strange sizes, depths and formats."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image as Pillow

_ORIENTATION = 0x0112


def pictures(input: Any) -> list[Any]:
    """Made pictures, the same at every call; some are refused by every reader.

    Args:
        input: the model's input of kind ``image``.
    """
    rng = np.random.default_rng(0)
    channels, height, width = input.shape
    if input.floats:
        sizes = [(height, width), (1, 1), (1, 9), (2 * height + 1, width), (5, 40)]
        made: list[Any] = [rng.normal(size=(*size, channels)).astype(np.float32) for size in sizes]
        return [*made, made[0].astype(np.float64), np.full((height, width, channels), np.nan, np.float32)]

    def shades(*shape: int) -> np.ndarray:
        return rng.integers(0, 256, shape, dtype=np.uint8)

    grey, colour = shades(height + 3, width), shades(2 * height, width + 5, 3)
    clear = shades(13, 17, 4)
    unit = rng.random((height, width), dtype=np.float32)
    return [
        shades(1, 1), shades(1, 1, 3), shades(1, 31), shades(31, 1, 3), shades(2, 500), shades(700, 900, 3),
        shades(5, 90, 3), shades(90, 5), shades(3, 20, 30), shades(height, width, 1),
        grey, colour, clear, shades(9, 9, 2),
        rng.integers(0, 65536, (20, 30), dtype=np.uint16), unit, unit * 255, grey > 127, grey.astype(np.int64),
        Pillow.fromarray(grey), Pillow.fromarray(colour), Pillow.fromarray(clear),
        Pillow.fromarray(clear).convert("LA"), Pillow.fromarray(colour).convert("P"), Pillow.fromarray(grey > 99),
        Pillow.fromarray(colour).convert("CMYK"),
        Pillow.fromarray(rng.integers(0, 65536, (20, 30), dtype=np.uint16)),
        _file(colour, "PNG"), _file(colour, "JPEG"), _turned(colour), _file(grey, "BMP"), _file(colour, "GIF"),
        _file(colour, "PNG")[:200], b"no picture", np.zeros((0, 4), np.uint8), np.full((4, 4), -1), "no such file.png",
    ]  # fmt: skip


def _file(picture: np.ndarray, format: str) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(picture).save(stream, format)
    return stream.getvalue()


def _turned(picture: np.ndarray) -> bytes:
    """A file whose camera was held sideways."""
    exif, stream = Pillow.Exif(), io.BytesIO()
    exif[_ORIENTATION] = 6
    Pillow.fromarray(picture).save(stream, "JPEG", exif=exif)
    return stream.getvalue()
