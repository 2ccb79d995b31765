"""Whether one model is better than others beyond noise, from their answers to the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.evaluate.bootstrap import carriers
from deepwell.evaluate.compare import mcnemar
from deepwell.evaluate.interval import Z95
from deepwell.evaluate.paired import CARRIERS, Metric, resampled

_LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """A difference of two scores with its 95 % interval.

    Where too few samples tell the two apart for an interval, both ends are NaN, and of right and wrong answers
    ``exact`` is McNemar's p-value, which holds for few as well.
    """

    value: float
    low: float
    high: float
    exact: float = math.nan

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` where the interval leaves 0 out, or the exact test does; else ``within noise``."""
        if self.exact < _LEVEL:
            return "better" if self.value > 0 else "worse"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "within noise"

    def __str__(self) -> str:
        verdict = "level within noise" if self.verdict == "within noise" else f"{self.verdict} beyond noise"
        if math.isnan(self.low):
            exact = "" if math.isnan(self.exact) else f"; exact p {self.exact:.2g}"
            return f"{verdict} ({self.value:+.4f}, too few answers differ for an interval{exact})"
        return f"{verdict} ({self.value:+.4f}, {self.low:+.4f} to {self.high:+.4f})"

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``interval`` is null where there is none."""
        interval = None if math.isnan(self.low) else [self.low, self.high]
        exact = None if math.isnan(self.exact) else self.exact
        return {"difference": self.value, "interval": interval, "exact_p": exact, "verdict": self.verdict}


def differences(first: np.ndarray, others: Sequence[np.ndarray], *, seed: int = 0) -> list[Difference]:
    """Score of the first less that of each other, by the paired bootstrap of ``evaluate.compare``.

    All answered the same samples, so a resample takes all answers to a sample or none: what is hard for all then
    cancels out.

    Args:
        first, others: counts [n, 2] of each sample, n at least 1: a score is the sum of the first column over the sum
            of the second. For accuracy a row is (right, 1).
        seed: of the resamples.

    >>> right, wrong = np.tile([1, 1], (50, 1)), np.tile([0, 1], (50, 1))
    >>> [found.verdict for found in differences(right, [wrong, right])]
    ['better', 'within noise']
    """
    metric = Metric(True, np.stack([first, *others]).astype(np.float64), _ratio)
    draws = resampled({"score": metric}, len(first), seed)["score"]
    scores = metric.whole()
    found = []
    for place in range(1, len(scores)):
        value, spread = float(scores[0] - scores[place]), metric.spread(0, place)
        half = Z95 * float((draws[0] - draws[place]).std(ddof=1))
        exact = math.nan
        if spread.any() and carriers(spread) < CARRIERS:
            half, exact = math.nan, _exact(metric.rows[0], metric.rows[place])
        found.append(Difference(value, value - half, value + half, exact))
    return found


def _exact(first: np.ndarray, other: np.ndarray) -> float:
    """McNemar's p-value where each row is one answer, right or wrong; NaN elsewhere."""
    rows = np.concatenate([first, other])
    if not ((rows[:, 1] == 1).all() and np.isin(rows[:, 0], (0, 1)).all()):
        return math.nan
    apart = first[:, 0] - other[:, 0]
    return mcnemar(int((apart > 0).sum()), int((apart < 0).sum()))


def _ratio(sums: np.ndarray) -> np.ndarray:
    """[..., 2] to the ratio of both."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1)
