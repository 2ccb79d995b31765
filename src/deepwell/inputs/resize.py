"""One size for pictures of many: which, and how each is brought to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow

RESIZES = ("auto", "crop", "fit", "stretch")
LARGEST_SIDE = 224
_GRID = 8


def common_size(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """(height, width) for pictures of these (height, width, ...).

    The one that all have; else the median of each side, rounded to a multiple of 8, so that halving it three
    times leaves no odd row. A longer side than 224 brings both down.

    >>> common_size([(28, 28, 1), (28, 28, 1)]), common_size([(20, 40), (20, 40), (1, 1)])
    ((28, 28), (24, 40))
    >>> common_size([(3000, 4000)])
    (168, 224)
    """
    if len({shape[:2] for shape in shapes}) == 1 and max(shapes[0][:2]) <= LARGEST_SIDE:
        return shapes[0][0], shapes[0][1]
    sides = [sorted(shape[i] for shape in shapes)[len(shapes) // 2] for i in (0, 1)]
    scale = min(1.0, LARGEST_SIDE / max(sides))
    height, width = (max(_GRID, math.floor(side * scale / _GRID + 0.5) * _GRID) for side in sides)
    return height, width


def policy(shapes: Sequence[tuple[int, ...]]) -> str:
    """``stretch`` where no picture's proportions change by more than a tenth of another's, else ``fit``.

    >>> policy([(10, 20), (20, 40)]), policy([(10, 20), (20, 20)])
    ('stretch', 'fit')
    """
    ratios = [shape[1] / shape[0] for shape in shapes]
    return "stretch" if max(ratios) <= 1.1 * min(ratios) else "fit"


def resized(picture: np.ndarray, size: tuple[int, int], resize: str) -> np.ndarray:
    """A picture brought to a size.

    Args:
        picture: bytes or float32 [height, width, channels].
        size: (height, width) wanted.
        resize: ``fit`` keeps the proportions and repeats the edge's shade around, ``crop`` keeps them and cuts
            what stands out, ``stretch`` does not keep them. Bilinear; a smaller picture averages over what it
            leaves out.

    >>> resized(np.zeros((4, 8, 3), np.uint8), (6, 6), "fit").shape
    (6, 6, 3)
    """
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    if resize == "stretch":
        return _scaled(picture, height, width)
    choose = max if resize == "crop" else min
    scale = choose(height / picture.shape[0], width / picture.shape[1])
    array = _scaled(picture, max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale)))
    spare = [(max(0, height - array.shape[0])), (max(0, width - array.shape[1]))]
    if any(spare):
        array = np.pad(array, (*((s // 2, s - s // 2) for s in spare), (0, 0)), mode="edge")
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    return array[top : top + height, left : left + width]


def _scaled(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.asarray(Pillow.fromarray(picture).resize((width, height), Pillow.Resampling.BILINEAR))
    planes = [np.ascontiguousarray(picture[:, :, i]) for i in range(picture.shape[2])]
    made = [np.asarray(Pillow.fromarray(p).resize((width, height), Pillow.Resampling.BILINEAR)) for p in planes]
    return np.stack(made, axis=2)
