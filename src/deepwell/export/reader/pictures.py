"""Pictures to bytes of one size. What the graph does not need to be told: normalisation is a part of it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

_LARGEST = 100_000_000
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")


class Pictures:
    """Raw pictures to [n, height, width, channels]: bytes, or float32 where the model was trained on free floats.

    Args:
        description: ``size`` (height, width), ``channels`` (1 or 3), ``resize``, ``floats``.
    """

    name = "pictures"

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.height, self.width = description["size"]
        self.channels, self.resize, self.floats = (description[key] for key in ("channels", "resize", "floats"))

    def row(self, raw: Any) -> np.ndarray:
        """One picture, [height, width, channels]."""
        raw = raw.detach().cpu().numpy() if hasattr(raw, "detach") else raw
        picture = _of_floats(raw, self.channels) if self.floats else _of_bytes(raw, self.channels)
        return resized(picture, self.height, self.width, self.resize)

    def batch(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """All of them, [n, height, width, channels]."""
        empty = np.zeros((0, self.height, self.width, self.channels), np.float32 if self.floats else np.uint8)
        return np.stack(rows) if rows else empty


def _of_floats(raw: Any, channels: int) -> np.ndarray:
    if not isinstance(raw, np.ndarray):
        raise ValueError(f"it is of type {type(raw).__name__}; the model knows arrays of floats, scaled as in training")
    array = _channels_last(raw).astype(np.float32)
    if array.shape[2] != channels:
        raise ValueError(f"it has {array.shape[2]} channels, not {channels}")
    if not np.isfinite(array).all():
        raise ValueError("it holds NaN or infinity")
    return array


def _of_bytes(raw: Any, channels: int) -> np.ndarray:
    """EXIF turns made, 16 bits scaled by 1/257, transparent parts on white, colour to grey by ITU-R 601-2 luma."""
    if isinstance(raw, np.ndarray):
        array = shades(_channels_last(raw))
        array = array[:, :, 0] if array.shape[2] == 1 else array
        return _converted(Image.fromarray(np.ascontiguousarray(array)), channels)
    if isinstance(raw, Image.Image):
        return _loaded(raw, channels)
    if not isinstance(raw, (str, Path, bytes, bytearray, memoryview)):
        raise ValueError(f"it is of type {type(raw).__name__}, no picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(raw if isinstance(raw, (str, Path)) else io.BytesIO(raw)) as image:
                return _loaded(image, channels)
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        named = raw if isinstance(raw, (str, Path)) else "the picture"
        raise ValueError(f"{named} can't be decoded ({error or type(error).__name__})") from None


def _loaded(image: Image.Image, channels: int) -> np.ndarray:
    width, height = image.size
    if not 0 < width * height <= _LARGEST:
        raise ValueError(f"it has {width} x {height} pixels, not 1 to {_LARGEST:,}")
    image.load()
    return _converted(ImageOps.exif_transpose(image), channels)


def _converted(image: Image.Image, channels: int) -> np.ndarray:
    array = np.asarray(_flat(image).convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _flat(image: Image.Image) -> Image.Image:
    """8 bits a channel, no transparency."""
    if image.mode == "F":
        return Image.fromarray(shades(np.asarray(image)))
    if image.mode in _DEEP:
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError(f"it has shades from {values.min()} to {values.max()}; 16 bits hold 0 to 65,535")
        return Image.fromarray(shades(values.astype(np.uint16)))
    if image.mode in ("RGBA", "LA", "La", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image


def _channels_last(raw: np.ndarray) -> np.ndarray:
    """[height, width], [height, width, channels] or channels first to [height, width, channels]."""
    if not raw.size:
        raise ValueError(f"it has the shape {list(raw.shape)}: no pixel")
    if raw.ndim == 2:
        return raw[:, :, None]
    if raw.ndim == 3 and raw.shape[2] in (1, 2, 3, 4):
        return raw
    if raw.ndim == 3 and raw.shape[0] in (1, 3, 4):
        return raw.transpose(1, 2, 0)
    raise ValueError(f"it has the shape {list(raw.shape)}, not [height, width] or [height, width, channels]")


def shades(array: np.ndarray) -> np.ndarray:
    """Numbers as bytes, each type by its own range: truth values, uint16 (0 to 65,535), other whole numbers (0 to
    255), floats (0 to 1, or 0 to 255 where one is above 1)."""
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if kind not in "uif":
        raise ValueError(f"it holds {array.dtype}, no numbers")
    if kind == "f" and not np.isfinite(array).all():
        raise ValueError("it holds NaN or infinity")
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise ValueError(f"it has shades from {low:g} to {high:g}, not 0 to 1, 0 to 255 or 16 bits")
    if kind == "f":
        return np.floor((array * 255 if high <= 1 else array) + 0.5).astype(np.uint8)
    return array.astype(np.uint8)


def resized(picture: np.ndarray, height: int, width: int, resize: str) -> np.ndarray:
    """``fit`` keeps the proportions and repeats the edge, ``crop`` keeps them and cuts, ``stretch`` does not."""
    if picture.shape[:2] == (height, width):
        return picture
    if resize == "stretch":
        return _scaled(picture, height, width)
    choose = max if resize == "crop" else min
    scale = choose(height / picture.shape[0], width / picture.shape[1])
    array = _scaled(picture, max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale)))
    spare = [max(0, height - array.shape[0]), max(0, width - array.shape[1])]
    array = np.pad(array, (*((s // 2, s - s // 2) for s in spare), (0, 0)), mode="edge")
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    return array[top : top + height, left : left + width]


def _scaled(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, and averaged over what a smaller picture leaves out, plane by plane."""
    planes = [np.ascontiguousarray(picture[:, :, i]) for i in range(picture.shape[2])]
    size, how = (width, height), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(plane).resize(size, how)) for plane in planes], axis=2)
