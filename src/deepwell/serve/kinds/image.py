"""Pictures in a request: files, in base64 or as parts; or numbers, for models of floats."""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from deepwell.serve.kinds.kind import Kind, wrong
from deepwell.serve.limits import Limits
from deepwell.serve.refusal import Refusal

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Pillow knows forty more; of those some start programs (EPS) or were rarely looked at."""

_EXPECTED = "a picture: " + ", ".join(FORMATS)
_DATA_URL = re.compile(r"data:[\w/+.;=-]{0,100},")
_BLANKS = re.compile(r"\s+")


class Upload(bytes):
    """A picture's file. It is never a string: those are paths to ``input.encode``."""

    filename: str


def from_json(value: Any, number: int) -> Upload | np.ndarray:
    """A picture of ``{"image": BASE64}`` or ``{"array": NUMBERS}``.

    Raises:
        Refusal: another shape, or no base64.
    """
    if isinstance(value, dict) and value.keys() == {"image"} and isinstance(value["image"], str):
        return _upload(_bytes(value["image"], number), number)
    if isinstance(value, dict) and value.keys() == {"array"} and isinstance(value["array"], list):
        return _array(value["array"], number)
    raise wrong(
        number, "is no picture", expected='{"image": "<the file in base64>"}', fix="or upload files (multipart)"
    )


def from_part(content: bytes, number: int) -> Upload:
    """A picture's file."""
    return _upload(content, number)


def _upload(content: bytes, number: int) -> Upload:
    if not content:
        raise wrong(number, "is empty (0 bytes)", expected=_EXPECTED)
    made = Upload(content)
    made.filename = f"input {number}"
    return made


def _bytes(written: str, number: int) -> bytes:
    if written.startswith("data:") and (prefix := _DATA_URL.match(written)):
        written = written[prefix.end() :]
    try:
        return binascii.a2b_base64(_BLANKS.sub("", written), strict_mode=True)
    except ValueError as error:
        raise wrong(number, f"is no base64 ({error})", expected="the picture's file in base64") from None


def _array(value: list[Any], number: int) -> np.ndarray:
    try:
        made = np.array(value)
    except (ValueError, TypeError, OverflowError):
        made = np.empty(0, object)
    if made.dtype.kind not in "iuf" or not np.isfinite(made).all():
        raise wrong(number, "is no array of finite numbers", expected="[height][width] or [height][width][channels]")
    if not 2 <= made.ndim <= 3 or not made.size:
        raise wrong(number, f"is an array of shape {list(made.shape)}", expected="[height, width] or with channels")
    return made


def open(raw: Sequence[Any], limits: Limits) -> list[Any]:
    """Pictures opened and not decoded, so that what is too large is refused by its header.

    Raises:
        Refusal: 400 what is no picture, 413 too many pixels together.
    """
    opened, pixels = [], 0
    for number, item in enumerate(raw):
        picture = _opened(item, number) if isinstance(item, bytes) else item
        size = picture.size if isinstance(picture, Pillow.Image) else (picture.shape[0], picture.shape[1])
        pixels += size[0] * size[1]
        if pixels > limits.max_pixels:
            raise _too_large(number, f"{size[0]:,} x {size[1]:,}", limits)
        opened.append(picture)
    return opened


def _opened(item: bytes, number: int) -> Pillow.Image:
    try:
        picture = Pillow.open(io.BytesIO(item), formats=FORMATS)
    except UnidentifiedImageError:
        raise wrong(number, "is no picture, or is damaged at its start", expected=_EXPECTED) from None
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise _too_large(number, "more than 89 million", None) from None
    except Exception as error:  # Pillow's readers of headers raise nearly anything on damaged files
        raise wrong(number, f"is damaged ({type(error).__name__})", expected=_EXPECTED) from None
    picture.filename = f"input {number}"  # what errors of decoding call it
    return picture


def _too_large(number: int, shown: str, limits: Limits | None) -> Refusal:
    most = "" if limits is None else f"at most {limits.max_pixels:,} pixels in a request"
    return Refusal(413, f"input {number} has {shown} pixels", expected=most, fix="scale it down", input=number)


def _sample(input: Any) -> np.ndarray:
    channels, height, width = input.shape
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.zeros(shape, np.float32 if input.floats else np.uint8)


KIND = Kind(
    "image",
    from_json,
    from_part,
    _sample,
    {
        "oneOf": [
            {
                "type": "object",
                "required": ["image"],
                "additionalProperties": False,
                "properties": {"image": {"type": "string", "format": "byte", "description": "the file in base64"}},
            },
            {
                "type": "object",
                "required": ["array"],
                "additionalProperties": False,
                "properties": {"array": {"type": "array", "description": "[height][width] or [height][width][3]"}},
            },
        ]
    },
    {"image": "<the picture's file in base64>"},
    open,
)
