"""Whether one model is better than others beyond noise, from their answers to the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from deepwell.evaluate.compare import Gap, one_against
from deepwell.evaluate.paired import Sums, ratio


class Difference(Gap):
    """How much better one model is than a baseline, as the baselines tell it."""

    def __str__(self) -> str:
        verdict = "level within noise" if self.verdict == "within noise" else f"{self.verdict} beyond noise"
        known = "too few answers differ for an interval"
        if not math.isnan(self.low):
            known = f"{self.low:+.4f} to {self.high:+.4f}"
        return f"{verdict} ({self.value:+.4f}, {known}; corrected p {self.p:.2g})"

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``interval`` is null where there is none."""
        return {
            "difference": self.value,
            "interval": None if math.isnan(self.low) else [self.low, self.high],
            "exact_p": self.mcnemar,
            "p": self.p,
            "verdict": self.verdict,
        }


def differences(first: np.ndarray, others: Sequence[np.ndarray], *, seed: int = 0) -> list[Difference]:
    """Score of the first less that of each other, as ``evaluate.compare`` has it; corrected for the number of others.

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
    rows = np.stack([first, *others]).astype(np.float64)
    alone = (rows[..., 1] == 1).all() and np.isin(rows[..., 0], (0, 1)).all()  # each row is one answer
    metric = Sums(True, rows, ratio, rows[..., 0] == 1 if alone else None)
    return [Difference(**vars(gap)) for gap in one_against(metric, seed=seed)]
