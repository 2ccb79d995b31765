"""Trends of a logged curve that are larger than its noise: divergence, oscillation, plateau, overfitting, ends."""

from __future__ import annotations

import numpy as np

from deepwell.doctor.logs.series import Curve, Series, at_epochs, series
from deepwell.findings import Finding

_FEWEST = 5
"""Points below which a trend is not judged."""


def trends(curve: Curve, *, explained: bool) -> list[Finding]:
    """Findings on a curve without NaN; ``explained``: a closed form says already why the loss stays where it is."""
    found = _diverges(curve) + _schedule(curve) + _too_soon(curve)
    if not any(f.code == "O01" for f in found):
        found += _oscillates(curve) + _overfits(curve) + _better_outside(curve)
        if not explained:
            found += _plateau(curve) + _still_falls(curve)
    return found


def smooth(one: Series, points: int = 20) -> Series:
    """At most so many medians of equal stretches: batch noise goes, trends stay."""
    if len(one) <= points:
        return one
    parts = np.array_split(np.arange(len(one)), points)
    middle = np.array([np.median(one.values[part]) for part in parts])
    return Series(middle, np.array([one.step[part[-1]] for part in parts]))


def _diverges(curve: Curve) -> list[Finding]:
    """The loss ends at more than twice its start and keeps away from its best (O01)."""
    if curve.loss is None or len(curve.loss) < _FEWEST:
        return []
    one = smooth(curve.loss)
    start, end, best = float(one.values[0]), float(np.median(one.values[-3:])), float(one.values.min())
    if start <= 0 or end <= 2 * start or end - best <= 5 * one.noise:
        return []
    values = {"start": start, "end": end, "best": best, "factor": end / start}
    worse = curve.val_loss is not None and curve.val_loss.end > 2 * curve.val_loss.values.min()
    drops = curve.accuracy is not None and curve.accuracy.end < curve.accuracy.values.max() - 0.05
    beyond = end > 10 * start and one.values[-1] > one.values[len(one) // 2]
    return [Finding("O01", "warn" if worse or drops or beyond else "note", "train", "curve", values)]


def _oscillates(curve: Curve) -> list[Finding]:
    """Swings of an epoch's mean up and down in at least a quarter of the points (AutoTrainer, ICSE 2021)."""
    one = curve.loss
    if one is None or not 8 <= len(one) <= 500 or (curve.val_loss is None and curve.accuracy is None):
        return []  # a series of single batches swings by nature
    share = _swings(one.values, 0.05 * max(abs(float(np.median(one.values))), 0.1 * abs(one.start)))
    if curve.accuracy is not None and len(curve.accuracy) >= 8:
        # a loss near zero swings by large shares of little
        share = min(share, _swings(curve.accuracy.values, 0.03))
    if share < 0.25:
        return []
    return [Finding("O18", "note", "train", "curve", {"share": share, "points": len(one)})]


def _swings(values: np.ndarray, least: float) -> float:
    """Share of inner points that are a peak or a valley of at least so much on both sides."""
    steps = np.diff(values)
    turns = (steps[1:] * steps[:-1] < 0) & (np.minimum(np.abs(steps[1:]), np.abs(steps[:-1])) >= least)
    return float(turns.mean()) if len(turns) else 0.0


def _overfits(curve: Curve) -> list[Finding]:
    """Validation loss rises from its best beyond its noise while the training loss falls (E09)."""
    val, train = curve.val_loss, curve.loss
    if val is None or train is None or len(val) < _FEWEST:
        return []
    best = int(np.argmin(val.values))
    lowest, end = float(val.values[best]), float(np.median(val.values[-3:]))
    rise = end - lowest
    # the lowest of n points lies below their level by chance: some two deviations
    if len(val) - best <= 3 or rise <= 0.1 * abs(lowest) or rise <= 4 * val.noise:
        return []
    matched = at_epochs(train, val)
    if not len(matched) or matched.values[-1] >= matched.values[min(best, len(matched) - 1)]:
        return []
    values = val.at(best) | {"best": lowest, "end": end, "rise": rise / max(abs(lowest), 1e-12)}
    accuracy = curve.val_accuracy
    if accuracy is not None and len(accuracy) >= _FEWEST:
        fall = float(accuracy.values.max() - np.median(accuracy.values[-3:]))
        # few samples make steps: most differences are 0, so their plain deviation counts as well
        if fall > max(0.02, 4 * accuracy.noise, 2 * float(np.diff(accuracy.values[best:]).std())):
            return [Finding("E09", "warn", "validation", "curve_both", values | {"fall": fall})]
    return [Finding("E09", "note", "validation", "curve", values)]


def _better_outside(curve: Curve) -> list[Finding]:
    """Validation better than training, also than the training of the epoch after (E10)."""
    val, train = curve.val_loss, curve.loss
    if val is None or train is None or len(val) < _FEWEST:
        return []
    # an epoch's training loss is a mean over the epoch: what is measured at its end compares with the next
    after = at_epochs(train, Series(val.values[1:], val.step[1:]))
    count = min(len(after), len(val) - 1)
    if count < _FEWEST - 1:
        return []
    train_next, val_now = after.values[-count:], val.values[:-1][-count:]
    better = (val_now < 0.9 * train_next) & (train_next > 0)
    if better.mean() < 0.8 or not better[-1] or np.median(train_next - val_now) < 3 * val.noise:
        return []
    values = {"loss": float(np.median(train_next[-3:])), "val_loss": float(np.median(val_now[-3:]))}
    return [Finding("E10", "note", "validation", "curve", values)]


def _too_soon(curve: Curve) -> list[Finding]:
    """More than 99.5 % right on validation within the first tenth of the log (E11)."""
    one = curve.val_accuracy
    if one is None or len(one) < 2:
        return []
    early = one.values[: max(1, len(one) // 10)]
    if early.max() <= 0.995 or one.end <= 0.995:
        return []
    values = one.at(int(np.argmax(early > 0.995))) | {"accuracy": float(early.max())}
    return [Finding("E11", "note", "validation", "curve", values)]


def _schedule(curve: Curve) -> list[Finding]:
    """The learning rate is below 1 % of its highest long before the end, and the loss stands still from there (O05)."""
    rate, loss = curve.learning_rate, curve.loss
    if rate is None or len(rate) < 10 or rate.values.max() <= 0:
        return []
    low = rate.values < 0.0099 * rate.values.max()
    # from where on it is low up to the end
    first = len(low) - int(np.argmax(~low[::-1])) if not low.all() else 0
    span = rate.step[-1] - rate.step[0]
    if first == 0 or first >= len(rate) or span <= 0:
        return []
    share = float((rate.step[first] - rate.step[0]) / span)
    if share >= 0.8:
        return []
    values = rate.at(first) | {"share": share, "rate": float(rate.values[-1])}
    spent = rate.values[-1] <= 1e-4 * rate.values.max()
    if loss is not None and spent:
        late = loss.values[loss.step >= rate.step[first]]
        early = loss.values[loss.step < rate.step[first]]
        if len(late) >= 4 and len(early) >= 2:
            half = len(late) // 2
            gained = abs(float(np.median(late[:half]) - np.median(late[half:])))
            before = abs(float(early[0] - np.median(late)))
            if gained < 0.02 * before + loss.rounding:
                return [Finding("O05", "warn", "optimizer", "curve_spent", values)]
    return [Finding("O05", "note", "optimizer", "curve_ended", values)]


def _plateau(curve: Curve) -> list[Finding]:
    """The training loss hardly moved from its first point to its last (O19)."""
    one = curve.loss
    if one is None or len(one) < 2 * _FEWEST:
        return []
    smoothed = smooth(one, 10)
    first, last = float(smoothed.values[0]), float(np.median(smoothed.values[-3:]))
    gained = first - last
    if first <= 0 or abs(gained) > 0.02 * first or smoothed.values.min() < 0.95 * first or np.ptp(one.values) == 0:
        return []
    right = curve.accuracy.end if curve.accuracy is not None else 0.0
    if right > 0.9:
        return []
    return [Finding("O19", "note", "train", "curve", {"first": first, "last": last, "points": len(one)})]


def _still_falls(curve: Curve) -> list[Finding]:
    """The loss that counts still fell at the end, beyond noise, with a learning rate that was not spent (O27)."""
    one = curve.val_loss or curve.loss
    rate = curve.learning_rate
    if one is None or len(one) < 8:
        return []
    if rate is not None and rate.values[-1] < 0.05 * rate.values.max():
        return []
    values = smooth(one).values
    last = max(2, len(values) // 4)
    total = float(values[0] - values[-1])
    recent = float(values[-last - 1] - values[-1])
    falling = np.diff(values[-last - 1 :])
    noise = series(values).noise
    if total <= 0.02 * abs(values[0]) or recent < 0.1 * total or recent < 3 * noise or (falling < 0).mean() < 0.75:
        return []
    where = "validation" if one is curve.val_loss else "train"
    return [Finding("O27", "note", where, "curve", {"share": recent / total, "end": float(values[-1])})]
