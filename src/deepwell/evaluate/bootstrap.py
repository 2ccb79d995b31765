"""Intervals of figures that have no formula for theirs: percentiles over resamples (Efron 1979)."""

from __future__ import annotations

import math

import numpy as np

from deepwell.evaluate.interval import Z95

RESAMPLES = 1000
_FEW = 20_000  # above it the mean of resamples is normal to every digit that is shown, and resampling costs seconds
_BLOCK = 1 << 22  # numbers drawn at once: 32 MiB


def mean_interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean: percentiles of 1,000 resampled means; the normal one above 20,000 values.

    Args:
        values: float [n], n at least 1.
        seed: of the resamples.

    >>> mean_interval(np.full(10, 0.5))
    (0.5, 0.5)
    """
    count = len(values)
    if count > _FEW:
        mean, half = float(values.mean()), Z95 * float(values.std()) / math.sqrt(count)
        return mean - half, mean + half
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // count)
    means = [
        values[rng.integers(0, count, (min(rows, RESAMPLES - start), count), dtype=np.int32)].mean(1)
        for start in range(0, RESAMPLES, rows)
    ]
    return percentiles(np.concatenate(means))


def macro_f1_interval(matrix: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of macro-F1: percentiles over 1,000 resamples of the samples behind a confusion matrix.

    To draw n samples anew is to draw the cells of their matrix from a multinomial, whose cost is that of the filled
    cells and not of the samples.

    Args:
        matrix: counts [classes, classes], row the true class.
        seed: of the resamples.

    >>> macro_f1_interval(np.diag([5, 5]))
    (1.0, 1.0)
    """
    classes, count = len(matrix), int(matrix.sum())
    row, column = np.nonzero(matrix)
    shares = matrix[row, column] / count
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // max(len(row), classes))
    found = []
    for start in range(0, RESAMPLES, block):
        drawn = rng.multinomial(count, shares, size=min(block, RESAMPLES - start))  # [resamples, filled cells]
        support = _sums_by(drawn, row, classes)
        answered = _sums_by(drawn, column, classes)
        right = _sums_by(drawn[:, row == column], row[row == column], classes)
        seen = (support + answered) > 0
        f1 = 2 * right / np.maximum(support + answered, 1)
        found.append(f1.sum(1) / seen.sum(1))
    return percentiles(np.concatenate(found))


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile of values [n]."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _sums_by(drawn: np.ndarray, group: np.ndarray, classes: int) -> np.ndarray:
    """Columns of [resamples, cells] added up by their group, to [resamples, classes]."""
    sums = np.zeros((len(drawn), classes), dtype=drawn.dtype)
    if len(group):
        order = np.argsort(group, kind="stable")
        present, first = np.unique(group[order], return_index=True)
        sums[:, present] = np.add.reduceat(drawn[:, order], first, axis=1)
    return sums
