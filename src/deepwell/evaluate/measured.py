"""A figure and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval; both ends are NaN where the samples are too few for an honest one.

    >>> print(Measured(0.5, 0.4, 0.6)), print(Measured(0.5, math.nan, math.nan))
    0.5000  (95 % interval 0.4000 to 0.6000)
    0.5000  (too few samples for an interval)
    (None, None)
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.value:.4f}  (too few samples for an interval)"
        return f"{self.value:.4f}  (95 % interval {self.low:.4f} to {self.high:.4f})"

    @property
    def interval(self) -> list[float] | None:
        """Both ends; None where there is no honest interval."""
        return None if math.isnan(self.low) or math.isnan(self.high) else [self.low, self.high]

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``interval`` is null where there is none."""
        return {"value": self.value, "interval": self.interval}


def ends(intervals: Any, place: int) -> list[float]:
    """The two ends of one row of intervals [n, 2], as plain numbers."""
    low, high = intervals[place]
    return [float(low), float(high)]
