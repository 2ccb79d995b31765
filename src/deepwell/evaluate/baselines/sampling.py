"""Which samples a baseline learns from where it can't learn from all in the time given."""

from __future__ import annotations

import numpy as np


def nested(classes: np.ndarray | None, count: int, *, seed: int = 0) -> np.ndarray:
    """All samples in an order of which every beginning is a stratified sample; the first hold one of each class.

    So a number of samples, with the seed, says which they were.

    Args:
        classes: class number of each sample, int [n]; None where samples are of no one class.
        count: number of samples, n.
        seed: of the order.

    >>> order = nested(np.array([0] * 90 + [1] * 10), 100)
    >>> sorted(order.tolist()) == list(range(100)), int((order[:20] >= 90).sum())
    (True, 2)
    """
    mixed = np.random.default_rng(seed).permutation(count)
    if classes is None:
        return mixed
    own = classes[mixed]
    by_class = np.argsort(own, kind="stable")
    sizes = np.bincount(own)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(count, dtype=np.int64)
    rank[by_class] = np.arange(count) - starts[own[by_class]]
    # rank / size runs from 0 to 1 within each class: sorted by it, classes come in step
    return mixed[np.argsort(rank / sizes[own], kind="stable")]
