"""One picture, read rightly: turned, unpacked, composited, scaled to bytes."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from deepwell.core.errors import UserError
from deepwell.inputs.shades import to_bytes

LARGEST = 100_000_000
"""Pixels. A file of a few kilobytes can claim more than memory holds."""

_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_ORIENTATION = 0x0112
_QUARTER_TURNS = (5, 6, 7, 8)

# what Pillow's decoders raise on damaged files; memory is in the list because a header may lie about it
_DAMAGE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError,
    RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


def name_of(raw: Any) -> str:
    """What a person calls a raw picture.

    >>> name_of("cat.jpg"), name_of(b"...")
    ('cat.jpg', 'a picture in memory (bytes)')
    """
    if isinstance(raw, (str, Path)):
        return str(raw)
    return str(getattr(raw, "filename", "") or f"a picture in memory ({type(raw).__name__})")


class _Quiet:
    """Keeps Pillow's warning of large pictures away: the limit here is our own, and an error.

    Python's list of warning filters belongs to the whole process, so threads that each changed it and put it
    back would leave it in any state: the first one in changes it, the last one out puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            self._inside += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.close()


_quiet = _Quiet()


@contextmanager
def _opened(raw: Any) -> Iterator[Pillow.Image]:
    """The picture, its file closed afterwards; whatever goes wrong in reading it names it."""
    if isinstance(raw, (bytearray, memoryview)):
        raw = bytes(raw)
    if not isinstance(raw, (str, Path, bytes, Pillow.Image)):
        raise UserError(
            f"a sample is of type {type(raw).__name__}",
            expected="a picture: a path, a PIL picture, a file's bytes, an array or a tensor",
        )
    try:
        if isinstance(raw, Pillow.Image):
            _check_pixels(raw, raw)
            yield raw
            return
        stream = io.BytesIO(raw) if isinstance(raw, bytes) else open(raw, "rb")  # noqa: SIM115
        with _quiet, stream as file, Pillow.open(file) as image:
            _check_pixels(raw, image)
            yield image
    except FileNotFoundError:
        raise UserError(f"there is no file {name_of(raw)}", expected="a picture") from None
    except IsADirectoryError:
        raise UserError(f"{name_of(raw)} is a folder", expected="one picture") from None
    except PermissionError:
        raise UserError(f"{name_of(raw)} may not be read", fix="change its permissions") from None
    except UnidentifiedImageError:
        empty = isinstance(raw, (str, Path)) and Path(raw).stat().st_size == 0
        came = (
            f"{name_of(raw)} is empty (0 bytes)" if empty else f"{name_of(raw)} is no picture, whatever its name says"
        )
        raise UserError(came, expected="a picture", fix="remove it, or save it anew") from None
    except Pillow.DecompressionBombError:
        raise _too_large(raw, "more than 178 million") from None
    except _DAMAGE as error:
        raise UserError(
            f"{name_of(raw)} is damaged or cut off ({error or type(error).__name__})", fix="remove it, or copy it again"
        ) from None


def _check_pixels(raw: Any, image: Pillow.Image) -> None:
    width, height = image.size
    if width * height > LARGEST:
        raise _too_large(raw, f"{width:,} x {height:,}")
    if not width * height:
        raise UserError(f"{name_of(raw)} is {width} x {height} pixels", expected="at least one pixel")


def _too_large(raw: Any, pixels: str) -> UserError:
    return UserError(
        f"{name_of(raw)} has {pixels} pixels", expected=f"at most {LARGEST:,}", fix="scale it down, or leave it out"
    )


def header(raw: Any) -> tuple[int, int, int]:
    """(height, width, channels) of a picture as ``read`` gives it, 1 or 3 channels, mostly without decoding it.

    Raises:
        UserError: no picture, or too many pixels; names the file.

    >>> header(np.zeros((4, 6), np.uint8))
    (4, 6, 1)
    """
    if isinstance(raw, np.ndarray):
        height, width, channels = _array_shape(raw)
        return height, width, 1 if channels in (1, 2) else 3
    with _opened(raw) as image:
        width, height = image.size
        if _has_exif(image) and image.getexif().get(_ORIENTATION, 1) in _QUARTER_TURNS:
            width, height = height, width
        grey = image.mode in ("1", "L", "LA", "La", "F", *_DEEP)
        if image.mode in ("P", "PA"):
            palette = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
            grey = bool((palette == palette[:, :1]).all())
        return height, width, 1 if grey else 3


def _has_exif(image: Pillow.Image) -> bool:
    # a PNG may carry it behind its pixels, and Pillow decodes all of them to look; hardly any file does
    return image.format != "PNG" or "exif" in image.info or "Raw profile type exif" in image.info


def _array_shape(raw: np.ndarray) -> tuple[int, int, int]:
    if not raw.size:
        raise UserError(f"a picture has the shape {list(raw.shape)}", expected="at least one pixel")
    if raw.ndim == 2:
        return raw.shape[0], raw.shape[1], 1
    if raw.ndim == 3 and raw.shape[2] in (1, 2, 3, 4):
        return raw.shape[0], raw.shape[1], raw.shape[2]
    if raw.ndim == 3 and raw.shape[0] in (1, 3, 4):
        return raw.shape[1], raw.shape[2], raw.shape[0]
    raise UserError(
        f"a picture has the shape {list(raw.shape)}", expected="[height, width] or [height, width, channels]"
    )


def channels_last(raw: np.ndarray) -> np.ndarray:
    """A picture's array as [height, width, channels], from [height, width] or channels first as well.

    Raises:
        UserError: any other shape.

    >>> channels_last(np.zeros((3, 8, 8))).shape
    (8, 8, 3)
    """
    shape = _array_shape(raw)
    return raw[:, :, None] if raw.ndim == 2 else raw if raw.shape == shape else raw.transpose(1, 2, 0)


def read(raw: Any, *, channels: int) -> np.ndarray:
    """A picture as bytes, [height, width, channels].

    EXIF turns are made; 16-bit shades are scaled by 1/257 over their whole range; transparent parts lie on
    white; of an animation the first picture counts; colour becomes grey by ITU-R 601-2 luma where ``channels``
    is 1.

    Args:
        raw: a path, a file's bytes, a PIL picture, an array or tensor of numbers; see ``shades.to_bytes``.
        channels: 1 or 3.

    Raises:
        UserError: no picture, cut off, too many pixels; names the file.

    >>> read(np.full((4, 6), 7, np.uint8), channels=3).shape
    (4, 6, 3)
    """
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu().numpy()
    if isinstance(raw, np.ndarray):
        array = to_bytes(channels_last(raw))
        if array.shape[2] == channels:
            return np.ascontiguousarray(array)
        array = array[:, :, 0] if array.shape[2] == 1 else array
        return _bytes(Pillow.fromarray(np.ascontiguousarray(array)), channels)
    with _opened(raw) as image:
        image.load()
        return _bytes(ImageOps.exif_transpose(image), channels)


def _bytes(image: Pillow.Image, channels: int) -> np.ndarray:
    array = np.asarray(_flat(image).convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _flat(image: Pillow.Image) -> Pillow.Image:
    """8 bits a channel, no transparency."""
    if image.mode == "F":
        return Pillow.fromarray(to_bytes(np.asarray(image)))
    if image.mode in _DEEP:
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError(f"shades from {values.min()} to {values.max()}, where 16 bits hold 0 to 65,535")
        # Pillow would cut off at 255 instead. By the range of the type and not of the picture: a dark one stays dark
        return Pillow.fromarray(to_bytes(values.astype(np.uint16)))
    if image.mode in ("RGBA", "LA", "La", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Pillow.new("RGBA", image.size, (255, 255, 255, 255))
        return Pillow.alpha_composite(white, image).convert("RGB")
    return image
