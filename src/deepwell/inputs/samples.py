"""Raw samples as a user brings them: one array, or a list of anything that is a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from deepwell.core.devices import processors
from deepwell.core.errors import UserError
from deepwell.inputs.picture import header
from deepwell.inputs.shades import is_unit

_LOOKED_AT = 2_000
_FEW = 16
_LITTLE_OF_16_BITS = 16_384

Shape = tuple[int, int, int]
"""(height, width, channels), 1 or 3 channels."""


def plain(item: Any) -> Any:
    """A tensor as an array, anything else as it is."""
    return item.detach().cpu().numpy() if hasattr(item, "detach") else item


def as_batch(raw: Any) -> np.ndarray | None:
    """Pictures that are one array, as [n, height, width, channels]; None where they are a list.

    >>> as_batch(np.zeros((2, 8, 8))).shape, as_batch(["a.png"])
    ((2, 8, 8, 1), None)
    """
    raw = plain(raw)
    if not isinstance(raw, np.ndarray) or raw.ndim not in (3, 4) or raw.dtype.kind not in "buif":
        return None
    return raw[..., None] if raw.ndim == 3 else raw


def each(work: Callable[[int], Any], places: Sequence[int]) -> list[Any]:
    """``work`` at every place, in order; by threads where there are many, as Pillow decodes without Python's lock.

    >>> each(abs, [-1, 2])
    [1, 2]
    """
    if len(places) < _FEW:
        return [work(place) for place in places]
    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(work, places))


def look(raw: Sequence[Any]) -> tuple[list[Shape], bool, list[str]]:
    """What samples are before any is decoded: an array's shape, or up to 2,000 headers, evenly taken.

    Returns:
        their shapes; whether they are floats to be kept as they are; remarks for the user.

    Raises:
        UserError: nothing that can be read; 8-bit shades in 16 bits.

    >>> look(np.zeros((5, 8, 9, 3), np.uint8))
    ([(8, 9, 3)], False, [])
    """
    array = as_batch(raw)
    if array is None:
        return _headers(raw), False, []
    floats = array.dtype.kind == "f" and not is_unit(array)
    notes = ["the arrays hold floats outside 0 to 1: they are kept as they are"] if floats else []
    if array.dtype == np.uint16:
        notes += _look_at_deep(array)
    return [(array.shape[1], array.shape[2], 1 if array.shape[3] in (1, 2) else 3)], floats, notes


def _look_at_deep(array: np.ndarray) -> list[str]:
    top = int(array.max())
    if top <= 255:
        raise UserError(
            f"an array of uint16 holds no shade above {top}",
            expected="shades from 0 to 65,535, or bytes",
            fix="convert 8-bit shades with x.astype('uint8')",
        )
    if top < _LITTLE_OF_16_BITS:
        return [f"16-bit shades end at {top} of 65,535: as bytes only {top // 257 + 1} of 256 shades are left"]
    return []


def _headers(raw: Sequence[Any]) -> list[Shape]:
    if not len(raw):
        raise UserError("there are no samples", expected="pictures")
    places = np.unique(np.linspace(0, len(raw) - 1, min(len(raw), _LOOKED_AT)).round().astype(int)).tolist()
    problems: dict[int, str] = {}

    def one(place: int) -> Shape | None:
        try:
            return header(plain(raw[place]))
        except UserError as error:
            problems[place] = str(error)
            return None

    shapes = [shape for shape in each(one, places) if shape is not None]
    if not shapes:
        raise UserError(f"none of {len(places)} samples can be read: {problems[min(problems)]}")
    return shapes
