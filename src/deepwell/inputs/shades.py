"""Numbers of a picture as bytes: which range they have, and what each range means."""

from __future__ import annotations

import numpy as np

from deepwell.core.errors import UserError

DEEP = 257
"""65,535 / 255: what one step of 8 bits is in 16 bits."""


def is_unit(array: np.ndarray) -> bool:
    """Whether an array holds floats that are shades from 0 to 1.

    >>> is_unit(np.array([0.0, 1.0])), is_unit(np.array([0, 1])), is_unit(np.array([0.0, 2.0]))
    (True, False, False)
    """
    return array.dtype.kind == "f" and array.size > 0 and float(array.min()) >= 0 and float(array.max()) <= 1


def to_bytes(array: np.ndarray) -> np.ndarray:
    """Shades as bytes, each type by its own whole range, so that a dark picture stays dark.

    Args:
        array: uint8 as it is; truth values (0 or 255); uint16 (0 to 65,535, scaled by 1/257); other whole numbers
            from 0 to 255; floats from 0 to 1, or from 0 to 255 where one of them is above 1.

    Returns:
        uint8 of the same shape; the very array where it is bytes already.

    Raises:
        UserError: NaN, infinity, shades outside the range, no numbers.

    >>> to_bytes(np.array([0, 257, 65535], np.uint16)).tolist()
    [0, 1, 255]
    >>> to_bytes(np.array([0.0, 0.5, 1.0])).tolist()
    [0, 128, 255]
    """
    kind = array.dtype.kind
    if array.dtype == np.uint8 or not array.size:
        return array.astype(np.uint8, copy=False)
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        # whole numbers throughout: half a million pictures must not become doubles on the way
        return ((array.astype(np.uint32) + DEEP // 2) // DEEP).astype(np.uint8)
    if kind not in "uif":
        raise UserError(f"a picture of {array.dtype}", expected="numbers", fix="convert it, x.astype('uint8')")
    if kind == "f" and not np.isfinite(array).all():
        raise UserError("a picture holds NaN or infinity", fix="replace these numbers")
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise UserError(
            f"a picture has shades from {low:g} to {high:g}",
            expected="floats from 0 to 1, whole numbers from 0 to 255, or uint16",
            fix="scale the numbers, or convert 16-bit shades with x.astype('uint16')",
        )
    if kind == "f":
        return np.floor((array * 255 if high <= 1 else array) + 0.5).astype(np.uint8)
    return array.astype(np.uint8)
