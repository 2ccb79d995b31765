"""Whether 80 % sure means right four times of five: the reliability curve and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.evaluate.interval import shares
from deepwell.evaluate.ratio import grouped
from deepwell.metrics.calibration import BINS

_DRAWS = 600
_HALVINGS = 14
_MISTAKES = 10
"""Wrong answers below which no interval of the calibration error held what it promised."""

_TAILS = (0.025, 0.0125)
"""Of the lower and the upper end. A model whose error is 0 can only be missed by the lower one."""


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence.

    Attributes:
        low, high: confidence, above ``low`` and up to ``high``.
        samples: number of answers.
        confidence: their mean confidence.
        accuracy: share of right ones among them.
        interval: 95 % interval of that share.
    """

    low: float
    high: float
    samples: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.__dict__, "interval": list(self.interval)}


def reliability(confidence: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """The bins of 15 equal parts of 0 to 1 that hold an answer (Guo et al. 2017, arXiv:1706.04599), lowest first.

    Args:
        confidence: 0 to 1: of each answer [n], or of the several answers of each sample [n, k], whose being right
            hangs together: then the samples' scatter gives the intervals.
        right: bool, as many.

    >>> [(b.samples, b.confidence, b.accuracy) for b in reliability(np.array([0.9, 0.9]), np.array([True, False]))]
    [(2, 0.9, 0.5)]
    """
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    if confidence.ndim == 1:
        counts, hits = np.bincount(places, minlength=BINS), np.bincount(places, right, BINS)
        intervals = shares(hits, counts)
    else:
        rows = np.arange(len(places))[:, None] * BINS + places
        size = len(places) * BINS
        each = [np.bincount(rows.ravel(), w, size).reshape(-1, BINS) for w in (right.ravel(), np.ones(right.size))]
        intervals = grouped(*each)
        hits, counts = each[0].sum(0), each[1].sum(0)
    sums = np.bincount(places.ravel(), confidence.ravel(), BINS)
    return tuple(
        Bin(
            b / BINS,
            (b + 1) / BINS,
            int(counts[b]),
            float(sums[b] / counts[b]),
            float(hits[b] / counts[b]),
            (float(intervals[b, 0]), float(intervals[b, 1])),
        )
        for b in np.flatnonzero(counts)
    )


def expected_error(bins: tuple[Bin, ...]) -> float:
    """Mean over the answers of |confidence - accuracy| of their bin, 0 to 1."""
    total = sum(b.samples for b in bins)
    return sum(b.samples * abs(b.confidence - b.accuracy) for b in bins) / total if total else float("nan")


def error_interval(bins: tuple[Bin, ...]) -> tuple[float, float] | None:
    """95 % interval of the calibration error that would be found with endless samples; None below ten mistakes.

    What is found is too high on average: noise alone puts every bin off its confidence. So neither resampling nor
    found +- error will do. Instead the curve is taken in the shape that was found and its distance from the diagonal
    is shrunk or stretched; the ends are the distances under which an error as large, or as small, as the one found
    would be rare. Not where a sample has several answers.

    >>> low, high = error_interval(reliability(np.full(400, 0.9), np.arange(400) < 300))  # 0.9 sure, 0.75 right
    >>> 0.09 < low < 0.12 and 0.18 < high < 0.21
    True
    """
    counts = np.array([b.samples for b in bins])
    sure = np.array([b.confidence for b in bins])
    off = sure - np.array([b.accuracy for b in bins])
    weights = counts / counts.sum()
    found = float(weights @ np.abs(off))
    if sum(round(b.samples * (1 - b.accuracy)) for b in bins) < _MISTAKES:
        return None

    def at(stretch: float) -> tuple[float, float]:
        """How often an error as large as the one found comes of a curve, and the error of that curve."""
        true = np.clip(sure - stretch * off, 0, 1)
        drawn = np.random.default_rng(0).binomial(counts, true, size=(_DRAWS, len(counts))) / counts
        larger = float((np.abs(sure - drawn) @ weights >= found - 1e-12).mean())
        return larger, float(weights @ np.abs(sure - true))

    def solve(wanted: float) -> float:
        if at(0.0)[0] >= wanted or not found:
            return 0.0
        low, high = 0.0, 1.0
        while at(high)[0] < wanted and high < 1000:
            high *= 2
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if at(middle)[0] < wanted else (low, middle)
        return at(low)[1]

    return solve(_TAILS[0]), solve(1 - _TAILS[1])
