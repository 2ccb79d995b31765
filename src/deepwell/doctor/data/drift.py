"""Parts that differ: of another scale, told apart by a cheap classifier, or scaled by what they must not know."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.features import Features
from deepwell.doctor.data.part import Part
from deepwell.doctor.data.probe import out_of_fold, taken
from deepwell.doctor.data.repeat import steady
from deepwell.doctor.data.values import by_channel
from deepwell.findings import Finding

_EACH = 500
_CERTAIN = 0.98
"""Area under the curve that no two draws from one source reach."""
_CONTROLS = 5
_FIT = 1e-4
"""A mean or deviation so near to 0 or 1 was made by fitting on just these rows: chance misses by 1/sqrt(n)."""


def drift(case: Case) -> Iterator[Finding]:
    """D24: a part that can be told from the training part by its samples alone."""
    for part in case.held_out:
        if case.kind == "unknown" or min(len(case.train), len(part)) < 50:
            continue
        other = _other_scale(case, part)
        if other is not None:
            yield other
            continue
        auc, control = _told_apart(case.train, part, case.said.seed)
        if auc > 0.8 and auc > control + 0.15:
            found = {"auc": auc, "control": control, "looked": min(len(part), _EACH), "of": part.total}
            # a training part that is augmented on the way differs by design, and so does a later time
            alone = not case.said.times and not case.class_names
            certain = auc > _CERTAIN and control < 0.65 and alone and steady(case.train) and steady(part)
            yield Finding("D24", "warn" if certain else "note", part.name, "told", found)


def _other_scale(case: Case, part: Part) -> Finding | None:
    """Another spread and another place in most columns: not prepared as the training part was.

    Spread alone may be honest (a quiet week of a sensor), and so may a shift: both, by factors, are not.
    """
    if case.kind not in ("table", "image", "series"):
        return None
    one, two = by_channel(case.train, case.said.seed), by_channel(part, case.said.seed)
    if one.shape[1] != two.shape[1] or not (np.isfinite(one).all() and np.isfinite(two).all()):
        return None
    a, b = one.std(0), two.std(0)
    moving = (a > 0) & (b > 0)
    if not moving.any():
        return None
    spread = np.maximum(a[moving] / b[moving], b[moving] / a[moving])
    apart = np.abs(one.mean(0) - two.mean(0))[moving] / np.maximum(a[moving], b[moving])
    reach = _reach(one[:, moving], two[:, moving])
    if np.median(spread) < 5 or (np.median(apart) < 0.3 and np.median(reach) < 20):
        return None
    found = {
        "mean": float(one.mean()),
        "std": float(np.median(a[moving])),
        "part_mean": float(two.mean()),
        "part_std": float(np.median(b[moving])),
        "times": float(np.median(spread)),
    }
    return Finding("D24", "warn", part.name, "scale", found)


def _reach(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """How many times further from end to end the one is than the other, by column; inner 98 %."""
    a, b = (np.subtract(*np.quantile(v, [0.99, 0.01], axis=0)) for v in (one, two))
    a, b = np.maximum(a, 1e-12), np.maximum(b, 1e-12)
    return np.maximum(a / b, b / a)


def _told_apart(train: Part, part: Part, seed: int) -> tuple[float, float]:
    """Area under the curve of "from the part", out of fold, and the largest of it for shuffled answers."""
    rows, places = train.sample(_EACH, seed), part.sample(_EACH, seed)
    features = Features(taken(train.x, rows), train.kind, seed=seed)
    inputs = np.concatenate([features(taken(train.x, rows)), features(taken(part.x, places))])
    side = np.concatenate([np.zeros(len(rows), np.float32), np.ones(len(places), np.float32)])
    random = np.random.default_rng([3, seed])
    columns = np.stack([side, *(random.permutation(side) for _ in range(_CONTROLS))], 1)
    scores = out_of_fold(inputs, columns - columns.mean(0), 0.1, seed=seed)
    found = [auc(scores[:, i], columns[:, i] > 0.5) for i in range(columns.shape[1])]
    return found[0], max(found[1:])


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive's score is the larger one, ties one half (Mann, Whitney).

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    distinct, places = np.unique(scores, return_inverse=True)
    counts = np.bincount(places.reshape(-1), minlength=len(distinct))
    ranks = np.cumsum(counts) - (counts - 1) / 2
    n, m = int(positive.sum()), int((~positive).sum())
    total = float(ranks[places.reshape(-1)][positive].sum())
    return (total - n * (n + 1) / 2) / (n * m) if n and m else 0.5


def fitted_on_all(case: Case) -> Iterator[Finding]:
    """D04: columns that have mean 0 and deviation 1 (or run from 0 to 1) over all parts, and not over the training
    part: the scaler was fitted on what is held out too."""
    parts = [case.train, *case.held_out]
    if (
        case.kind != "table"
        or len(parts) < 2
        or case.train.x.dtype.kind != "f"
        or any(p.rows is not None for p in parts)
    ):
        return
    if sum(p.x.size for p in parts) > 20_000_000 or case.train.x.ndim != 2:
        return
    train = case.train.x.astype(np.float64)
    whole = np.concatenate([p.x for p in parts]).astype(np.float64)
    if not np.isfinite(whole).all() or len(train) < 20:
        return
    moving = train.std(0) > 0
    fits = [_standardised(v) for v in (whole, train)]
    by_all, by_train = ((f & moving).sum() for f in fits)
    kinds = [("standardised", by_all, by_train)]
    ends = [(v.min(0) == 0) & (v.max(0) == 1) & ~_binary(v) for v in (whole, train)]
    kinds.append(("ranged", (ends[0] & moving).sum(), (ends[1] & moving).sum()))
    for saw, all_, own in kinds:
        # two columns are four numbers that fit to a ten thousandth; ends may be met by chance, so more are asked for
        least = 2 if saw == "standardised" else 3
        if all_ >= max(least, 0.6 * moving.sum()) and own <= 0.5 * all_:
            found: dict[str, float] = {"columns": int(all_), "of": int(moving.sum()), "own": int(own)}
            found |= {"mean": float(np.abs(train.mean(0)[moving]).max())}
            yield Finding("D04", "warn", "samples", saw, found)
            return


def _standardised(values: np.ndarray) -> np.ndarray:
    mean, std = np.abs(values.mean(0)), values.std(0)
    sample = std * np.sqrt(len(values) / (len(values) - 1))  # pandas divides by n - 1
    return (mean < _FIT) & ((np.abs(std - 1) < _FIT) | (np.abs(sample - 1) < _FIT))


def _binary(values: np.ndarray) -> np.ndarray:
    return ((values == 0) | (values == 1)).all(0)
