"""Numbers of samples counted in bins with round edges."""

from __future__ import annotations

import numpy as np

from deepwell.report.charts.scale import ticks
from deepwell.report.facts import Histogram

_BINS = 24


def binned(of: str, values: np.ndarray) -> list[Histogram]:
    """A histogram in at most two dozen bins; nothing where all values are alike.

    >>> [(h.edges[:2], h.counts[0]) for h in binned("length", np.array([1, 1, 2, 9]))]
    [((1.0, 1.5), 2)]
    """
    if not len(values) or values.min() == values.max():
        return []
    low, high = float(values.min()), float(values.max())
    inner = ticks(low, high, _BINS)
    step = inner[1] - inner[0]
    edges = [inner[0] - step, *inner] if inner[0] > low else list(inner)
    if edges[-1] < high:
        edges.append(edges[-1] + step)
    counts, _ = np.histogram(values, bins=np.array(edges))
    return [Histogram(of, tuple(edges), tuple(counts.tolist()))]
