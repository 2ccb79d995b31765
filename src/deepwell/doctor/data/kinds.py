"""What samples and answers are, told from the values alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Samples = Any
"""An array [n, ...], a list of strings, or a list of lists of words."""

_CHANNELS = (1, 3, 4)
_MOST_CLASSES = 1000


def kind_of_samples(x: Samples) -> str:
    """``image``, ``table``, ``series``, ``ids``, ``texts``, ``words`` or ``unknown``.

    Whole numbers [n, length] of an array are ids: they name things, and what is said of numbers is not true of them.

    >>> kind_of_samples(np.zeros((4, 1, 8, 8))), kind_of_samples(np.zeros((4, 3))), kind_of_samples(["a", "b"])
    ('image', 'table', 'texts')
    """
    if isinstance(x, list):
        if x and all(isinstance(item, str) for item in x):
            return "texts"
        rows = x and all(isinstance(item, (list, tuple)) for item in x)
        return "words" if rows and all(isinstance(word, str) for item in x for word in item) else "unknown"
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "buif" or not x.size:
        return "unknown"
    whole = x.dtype.kind in "iu" and x.dtype != np.uint8
    if x.ndim == 4:
        return "image"
    if x.ndim == 3:
        return "image" if x.dtype == np.uint8 or (x.shape[1] == x.shape[2] and x.shape[1] >= 8) else "series"
    if x.ndim in (1, 2):
        return "ids" if whole and x.min() >= 0 and x.max() > 1 else "table"
    return "series"


def channel_axis(x: np.ndarray) -> int | None:
    """Where the channels of pictures are: 1 or 3 of [n, ?, ?, ?]; None of [n, height, width] or where none fits.

    >>> channel_axis(np.zeros((2, 28, 28, 1))), channel_axis(np.zeros((2, 3, 8, 8)))
    (3, 1)
    """
    if x.ndim != 4:
        return None
    first, last = x.shape[1] in _CHANNELS, x.shape[3] in _CHANNELS
    return 1 if first or not last else 3


def kind_of_answers(ys: Sequence[Any], *, classes: int | None, loss: str | None) -> str:
    """What the answers of all parts are.

    Returns:
        ``classes`` (one class number, name or one-hot row a sample), ``multi-hot``, ``sets`` (lists of names),
        ``numbers``, ``tags`` (a list a sample), ``positions`` (whole numbers [n, ...]: of words or pixels),
        ``none`` where a part has none.

    >>> kind_of_answers([np.arange(4) % 2], classes=None, loss=None), kind_of_answers([[1.5, 2.0]], classes=2, loss="")
    ('classes', 'numbers')
    """
    given = [y for y in ys if y is not None and len(y)]
    if not given:
        return "none"
    if any(not isinstance(y, np.ndarray) and isinstance(y[0], (list, tuple, set, frozenset)) for y in given):
        names = all(isinstance(name, str) for y in given for row in y for name in row)
        return "tags" if names else "none"
    arrays = [np.asarray(y) for y in given]
    if any(a.dtype.kind in "OUS" for a in arrays):
        return "classes" if all(a.ndim == 1 for a in arrays) else "none"
    arrays = [a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a for a in arrays]
    if any(a.ndim != arrays[0].ndim for a in arrays):
        return "none"
    if arrays[0].ndim == 1:
        return _of_column(arrays, classes, loss or "")
    return _of_rows(arrays)


def _of_column(arrays: list[np.ndarray], classes: int | None, loss: str) -> str:
    if loss in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "mse", "l1"):
        return "numbers"
    if arrays[0].dtype.kind in "bui":
        distinct = len(np.unique(np.concatenate(arrays)))
        count = sum(map(len, arrays))
        # ages, years and prices are whole numbers too: nearly every one of them is there a few times only
        many = distinct > _MOST_CLASSES or (distinct > 50 and distinct > count / 5)
        return "classes" if classes is not None or "cross_entropy" in loss or "nll" in loss or not many else "numbers"
    values = np.concatenate(arrays)
    finite = values[np.isfinite(values)]
    whole = len(finite) and bool((finite == np.round(finite)).all())
    few = len(np.unique(finite[:10_000])) <= max(2, classes or 0)
    return "classes" if whole and few and set(np.unique(finite).tolist()) <= set(range(classes or 2)) else "numbers"


def _of_rows(arrays: list[np.ndarray]) -> str:
    first = arrays[0]
    if first.dtype.kind == "f":
        some = np.concatenate([a[:5000].reshape(min(len(a), 5000), -1) for a in arrays])
        if first.ndim > 2 or not np.isfinite(some).all():
            return "numbers"
        if ((some == 0) | (some == 1)).all():
            return "classes" if (some.sum(1) == 1).all() else "multi-hot"
        return "classes" if (some >= 0).all() and np.allclose(some.sum(1), 1, atol=1e-4) else "numbers"
    if first.ndim == 2 and all(a.max() <= 1 and a.min() >= 0 for a in arrays):
        return "classes" if all((a.sum(1) == 1).all() for a in arrays) else "multi-hot"
    return "positions"
