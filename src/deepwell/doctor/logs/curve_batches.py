"""A loss that repeats its ups and downs in every epoch: the batches come in the same order (D22)."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from deepwell.doctor.logs.series import Curve, Floats, Series
from deepwell.findings import Finding

_SKIPPED = 2
"""Points at the start of an epoch that are left out: progress bars begin their running means anew there."""


def saw_tooth(curve: Curve) -> list[Finding]:
    """D22, where the log has at least 8 points in each of 3 epochs and says where epochs begin.

    The profile of an epoch is the loss's second difference, which a falling trend and a step between epochs leave
    alone. Shuffled batches make profiles that have nothing to do with each other: a mean correlation of 0.5 over
    all pairs is then some 3 deviations or more away.
    """
    one = next((s for s in (curve.batch_loss, curve.loss) if s is not None and s.epoch is not None), None)
    if one is None:
        return []
    profiles = _profiles(one)
    if len(profiles) < 3:
        return []
    length = min(map(len, profiles))
    bends = [np.diff(profile[_SKIPPED:length], n=2) for profile in profiles[:50]]
    if length < 8 + _SKIPPED or any(bend.std() < 1e-12 for bend in bends):
        return []
    likeness = [float(np.corrcoef(a, b)[0, 1]) for a, b in combinations(bends, 2)]
    together = float(np.mean(likeness))
    by_chance = 1 / np.sqrt(len(bends[0]) * len(likeness))
    if together < 0.5 or together < 3 * by_chance or np.mean(np.array(likeness) > 0.2) < 0.9:
        return []
    return [
        Finding("D22", "note", "train", "curve", {"correlation": together, "epochs": len(profiles), "points": length})
    ]


def _profiles(one: Series) -> list[Floats]:
    """The loss of each whole epoch; epochs of another length than most are left out."""
    assert one.epoch is not None
    whole = np.array_equal(one.epoch, np.round(one.epoch))
    # an epoch as a fraction counts what was done: 1.0 is the end of the first
    number = one.epoch if whole else np.ceil(one.epoch - 1e-6)
    ends = np.flatnonzero(np.diff(number)) + 1
    parts = [part for part in np.split(one.values, ends) if len(part)]
    usual = int(np.median([len(part) for part in parts]))
    return [part for part in parts if abs(len(part) - usual) <= 1]
