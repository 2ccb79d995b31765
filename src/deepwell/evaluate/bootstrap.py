"""Intervals of figures that have no formula for theirs, by resampling (Efron 1979)."""

from __future__ import annotations

import math

import numpy as np

from deepwell.evaluate.interval import Z95

RESAMPLES = 1000
_FEW = 20_000  # above it the mean of resamples is normal to every digit that is shown, and resampling costs seconds
_BLOCK = 1 << 20  # numbers drawn at once: they stay in the processor's cache
_CARRIERS = 20
_ALIKE = 1e-9  # of the mean: equal losses differ by rounding
"""Samples that carry a mean, (sum v)^2 / sum v^2, below which no interval of it held what it promised."""


def mean_interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean by the bootstrap-t (Efron and Tibshirani 1993, ch. 12); NaN where few values carry it.

    Each of 1,000 resamples gives its distance from the mean in its own standard errors; the quantiles of these
    distances take the place of the normal's. So the skewness of losses, many near 0 and a few large, is in the
    interval: percentiles of resampled means are too narrow and too low for them. Where the mean is that of a handful
    of large values, nothing is known of the ones that did not happen to come, and no interval is given. Above
    20,000 values it is the normal one.

    Args:
        values: float [n], n at least 1.
        seed: of the resamples.

    >>> [round(v, 3) for v in mean_interval(np.arange(100) / 100)]
    [0.439, 0.553]
    """
    count, mean = len(values), float(values.mean())
    deviation = float(values.std())
    if deviation <= _ALIKE * abs(mean) and mean != 0 and count >= _CARRIERS:
        return mean, mean
    if min(carriers(values), carriers(values - mean)) < _CARRIERS:
        return math.nan, math.nan
    error = deviation / math.sqrt(count)
    if count > _FEW:
        return mean - Z95 * error, mean + Z95 * error
    low, high = percentiles(_distances(values - mean, seed))
    return mean - high * error, mean - low * error


def carriers(values: np.ndarray) -> float:
    """How many equal values would carry the mean as these do; from 0 (all are 0) to n.

    >>> carriers(np.array([1.0, 1.0, 0.0])), carriers(np.zeros(3))
    (2.0, 0.0)
    """
    squares = float((values * values).sum())
    return float(np.abs(values).sum()) ** 2 / squares if squares else 0.0


def _distances(centred: np.ndarray, seed: int) -> np.ndarray:
    """The mean of each resample in its own standard errors, [1000]."""
    count = len(centred)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // count)
    found = []
    for start in range(0, RESAMPLES, rows):
        drawn = centred[rng.integers(0, count, (min(rows, RESAMPLES - start), count), dtype=np.int32)]
        means = drawn.mean(1)
        variances = np.einsum("ij,ij->i", drawn, drawn) / count - means * means
        found.append(means / np.sqrt(np.maximum(variances, 1e-300) / count))
    return np.concatenate(found)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile of values [n]."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
