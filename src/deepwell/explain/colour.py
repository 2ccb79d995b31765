"""Two colours for what speaks for an answer and what speaks against it, mixed so that equal steps look equal."""

from __future__ import annotations

import numpy as np

FOR, AGAINST = (232, 113, 10), (46, 134, 255)
"""Orange and blue: told apart with every common colour blindness, and readable on light and on dark."""

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def mixed(under: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """A grey picture that turns to orange or blue, in the Oklab space (Ottosson 2020), in which equal steps of
    strength are equally visible.

    Args:
        under: uint8 [height, width, 3].
        strength: from -1 (all against) to 1 (all for), float [height, width].

    Returns:
        uint8 [height, width, 3].

    >>> mixed(np.full((1, 2, 3), 128, np.uint8), np.array([[0.0, 1.0]])).tolist()
    [[[128, 128, 128], [232, 113, 10]]]
    """
    poles = _lab(np.array([AGAINST, FOR], dtype=np.uint8))
    share = np.abs(strength).clip(0, 1)[..., None]
    pole = np.where((strength < 0)[..., None], poles[0], poles[1])
    return _rgb(_lab(under) * (1 - share) + pole * share)


def _lab(rgb: np.ndarray) -> np.ndarray:
    unit = rgb.astype(np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T


def _rgb(lab: np.ndarray) -> np.ndarray:
    linear = ((lab @ np.linalg.inv(_TO_LAB).T) ** 3) @ np.linalg.inv(_TO_CONES).T
    linear = linear.clip(0, 1)
    unit = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (unit * 255).round().clip(0, 255).astype(np.uint8)
