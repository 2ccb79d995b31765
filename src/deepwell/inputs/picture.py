"""One picture, read rightly: turned, unpacked, composited, scaled to bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from deepwell.core.errors import UserError

LARGEST = 100_000_000
"""Pixels. A file of a few kilobytes can claim more than memory holds."""

_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def name_of(raw: Any) -> str:
    """What a person calls a raw picture."""
    if isinstance(raw, (str, Path)):
        return str(raw)
    return getattr(raw, "filename", "") or f"a picture in memory ({type(raw).__name__})"


@contextmanager
def _opened(raw: str | Path | bytes | Pillow.Image) -> Iterator[Pillow.Image]:
    """The picture, its file closed afterwards; whatever goes wrong names it."""
    if isinstance(raw, Pillow.Image):
        yield raw
        return
    try:
        with io.BytesIO(raw) if isinstance(raw, bytes) else open(raw, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # the limit here is our own
            with Pillow.open(file) as image:
                yield image
    except FileNotFoundError:
        raise UserError(f"there is no file {name_of(raw)}", expected="a picture") from None
    except UnidentifiedImageError:
        raise UserError(
            f"{name_of(raw)} is no picture, whatever its name says", fix="remove it, or save it anew"
        ) from None
    except Pillow.DecompressionBombError:
        raise _too_large(raw, "more than 178 million") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError) as error:
        raise UserError(f"{name_of(raw)} is damaged or cut off ({error})", fix="remove it, or copy it again") from None


def _too_large(raw: Any, pixels: str) -> UserError:
    return UserError(
        f"{name_of(raw)} has {pixels} pixels", expected=f"at most {LARGEST:,}", fix="scale it down, or leave it out"
    )


def header(raw: Any) -> tuple[int, int, int]:
    """(height, width, channels) of a picture, 1 or 3 channels, without decoding it.

    Raises:
        UserError: no picture, or too many pixels.
    """
    if isinstance(raw, np.ndarray):
        height, width, channels = _array_shape(raw)
        return height, width, 1 if channels in (1, 2) else 3
    with _opened(raw) as image:
        width, height = image.size
        if width * height > LARGEST:
            raise _too_large(raw, f"{width:,} x {height:,}")
        if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # turned by a quarter
            width, height = height, width
        grey = image.mode in ("1", "L", "LA", "La", "F", *_DEEP)
        if image.mode in ("P", "PA"):
            palette = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
            grey = bool((palette == palette[:, :1]).all())
        return height, width, 1 if grey else 3


def _array_shape(raw: np.ndarray) -> tuple[int, int, int]:
    if raw.ndim == 2:
        return raw.shape[0], raw.shape[1], 1
    if raw.ndim == 3 and raw.shape[2] in (1, 2, 3, 4):
        return raw.shape[0], raw.shape[1], raw.shape[2]
    if raw.ndim == 3 and raw.shape[0] in (1, 3, 4):
        return raw.shape[1], raw.shape[2], raw.shape[0]
    raise UserError(
        f"a picture has the shape {list(raw.shape)}", expected="[height, width] or [height, width, channels]"
    )


def read(raw: Any, *, channels: int) -> np.ndarray:
    """A picture as bytes, [height, width, channels].

    EXIF turns are made; 16-bit shades are scaled by 1/257 over their whole range; transparent parts lie on
    white; of an animation the first picture counts; colour becomes grey by ITU-R 601-2 luma where ``channels``
    is 1.

    Args:
        raw: a path, a file's bytes, a PIL picture, or an array of whole numbers.
        channels: 1 or 3.

    Raises:
        UserError: no picture, cut off, too many pixels; names the file.
    """
    if isinstance(raw, np.ndarray):
        return _bytes(_from_array(raw), channels)
    with _opened(raw) as image:
        if image.size[0] * image.size[1] > LARGEST:
            raise _too_large(raw, f"{image.size[0]:,} x {image.size[1]:,}")
        image.load()
        return _bytes(ImageOps.exif_transpose(image), channels)


def _bytes(image: Pillow.Image, channels: int) -> np.ndarray:
    image = _flat(image)
    image = image.convert("L" if channels == 1 else "RGB")
    array = np.asarray(image, dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _flat(image: Pillow.Image) -> Pillow.Image:
    """8 bits a channel, no transparency."""
    if image.mode in _DEEP or image.mode == "F":
        values = np.asarray(image)
        if image.mode == "F":
            scaled = values * 255 if values.size and values.max() <= 1 else values
        elif image.mode == "I" and values.size and values.max() <= 255:
            scaled = values
        else:
            scaled = values.astype(np.float64) / 257
        return Pillow.fromarray(np.clip(np.round(scaled), 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "La", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Pillow.new("RGBA", image.size, (255, 255, 255, 255))
        return Pillow.alpha_composite(white, image).convert("RGB")
    return image


def _from_array(raw: np.ndarray) -> Pillow.Image:
    height, width, channels = _array_shape(raw)
    if raw.ndim == 3 and raw.shape != (height, width, channels):
        raw = raw.transpose(1, 2, 0)
    if raw.dtype.kind == "f":
        if not np.isfinite(raw).all():
            raise UserError("a picture holds NaN or infinity", fix="replace these numbers")
        low, high = (float(raw.min()), float(raw.max())) if raw.size else (0.0, 0.0)
        if low < 0 or high > 255:
            raise UserError(f"a picture has shades from {low:g} to {high:g}", expected="0 to 1, or 0 to 255")
        raw = np.round(raw * 255 if high <= 1 else raw).astype(np.uint8)
    elif raw.dtype == np.uint16:
        raw = np.round(raw / 257).astype(np.uint8)
    elif raw.dtype == bool:
        raw = raw.astype(np.uint8) * 255
    elif raw.dtype != np.uint8:
        if raw.size and (raw.min() < 0 or raw.max() > 255):
            raise UserError(f"a picture has shades from {raw.min()} to {raw.max()}", expected="0 to 255, or uint16")
        raw = raw.astype(np.uint8)
    if raw.ndim == 3 and channels == 1:
        raw = raw[:, :, 0]
    return Pillow.fromarray(np.ascontiguousarray(raw))
