"""Medians, slopes and counts in a row: what the judges reckon with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def median(values: Sequence[float]) -> float:
    """The middle value; NaN where there is none.

    >>> median([3.0, 1.0, 2.0])
    2.0
    """
    ordered = sorted(values)  # a tenth of the time of NumPy's, for some tens of values
    n = len(ordered)
    return 0.5 * (ordered[n // 2] + ordered[(n - 1) // 2]) if n else math.nan


def slope(values: Sequence[float]) -> tuple[float, float]:
    """Least-squares slope a step, and how many of its standard errors it is away from 0.

    The standard error is that of independent residuals: s / sqrt(sum (t - mean t)^2), s^2 = SSR / (n - 2).

    >>> [round(x, 3) for x in slope([0.0, 1.1, 1.9, 3.0])]
    [0.98, 23.099]
    """
    y = np.asarray(values, dtype=np.float64)
    n = len(y)
    if n < 3:
        return 0.0, 0.0
    t = np.arange(n) - (n - 1) / 2
    spread = float(t @ t)
    rise = float(t @ y) / spread
    rest = y - y.mean() - rise * t
    error = math.sqrt(float(rest @ rest) / (n - 2) / spread)
    if error <= 1e-12 * max(abs(float(y.mean())), 1e-300):
        return rise, 0.0 if rise == 0 else math.copysign(1e9, rise)
    return rise, rise / error


def zigzag(values: Sequence[float]) -> float:
    """Correlation of neighbours after the trend is taken out: -1 for a zig-zag, about 0 for noise.

    >>> round(zigzag([1.0, 2.0] * 10), 1)
    -1.0
    """
    y = np.asarray(values, dtype=np.float64)
    if len(y) < 8:
        return 0.0
    t = np.arange(len(y)) - (len(y) - 1) / 2
    rest = y - y.mean() - float(t @ y) / float(t @ t) * t
    power = float(rest @ rest)
    return float(rest[1:] @ rest[:-1]) / power if power > 0 else 0.0


def in_a_row(strikes: dict[str, int], key: str, bad: bool) -> int:
    """How many times in a row ``bad`` was true for ``key``, this time included.

    >>> strikes = {}
    >>> [in_a_row(strikes, "O09", bad) for bad in (True, True, False, True)]
    [1, 2, 0, 1]
    """
    strikes[key] = strikes.get(key, 0) + 1 if bad else 0
    return strikes[key]
