"""Intervals of a share of things that come in groups: words of sentences, labels of samples."""

from __future__ import annotations

import numpy as np

from deepwell.evaluate.interval import Z95, shares, student


def grouped(right: np.ndarray, count: np.ndarray) -> np.ndarray:
    """95 % interval of sum(right) / sum(count) where the groups are independent and what is in a group is not.

    The groups' own scatter gives the variance of the ratio (Cochran 1977, "Sampling techniques", 6.9), this gives the
    number of independent things that would be as sure, and that goes into Wilson's interval (as Korn and Graubard
    1998 do for surveys), with Student's quantile. Its degrees of freedom lie midway (geometrically) between the number
    of groups and the number of those that carry the scatter (Satterthwaite 1946), since of sentences most are right
    throughout and a few hard ones hold the mistakes: by the first, intervals of all words were too narrow by up to 3
    points of coverage, by the second, those of rare types were too wide by as much. Things of a group are never
    taken to say more than as many independent ones.

    Args:
        right, count: of each group, [groups] or, for several ratios at once, [groups, k]; right is at most count.

    Returns:
        [2] or [k, 2]; [0, 1] where there is nothing to count.

    >>> grouped(np.array([3, 0, 4, 4] * 20), np.array([4] * 80)).round(3).tolist()
    [0.589, 0.771]
    """
    right, count = (np.asarray(values, dtype=float) for values in (right, count))
    one = right.ndim == 1
    if one:
        right, count = right[:, None], count[:, None]
    sums, totals = right.sum(0), count.sum(0)
    ratio = sums / np.maximum(totals, 1)
    spread = right - ratio * count
    groups = (count > 0).sum(0)
    variance = (spread * spread).sum(0) / np.maximum(totals, 1) ** 2 * groups / np.maximum(groups - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = ratio * (1 - ratio) / variance
    alike = np.where(variance > 0, np.minimum(alike, totals), totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        carrying = (spread**2).sum(0) ** 2 / (spread**4).sum(0)
    freedom = np.sqrt(np.where(variance > 0, np.minimum(carrying, groups), groups) * np.maximum(groups - 1.0, 0))
    found = shares(ratio * alike, alike, z=student(Z95, freedom))
    return found[0] if one else found
