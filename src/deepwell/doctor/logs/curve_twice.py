"""A softmax or a sigmoid that was applied twice, seen by the floor on which the loss stands (M01, M04)."""

from __future__ import annotations

import math

import numpy as np

from deepwell.doctor.logs.closed_forms import Known, double_sigmoid_floor, double_softmax_floor
from deepwell.doctor.logs.series import Series, at_epochs
from deepwell.findings import Finding, Level


def double_softmax(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    if not known.may("exclusive") or (known.positives is not None and known.classes is None):
        return None
    candidates = [known.classes] if known.classes else _likely_classes(one, accuracy)
    for classes in candidates:
        floor = double_softmax_floor(classes)
        # no sample can be below the floor, so no mean can
        if one.values.min() < floor * (1 - 1e-4) - one.rounding:
            continue
        values = {"loss": one.end, "floor": floor, "classes": classes, "distance": abs(one.end / floor - 1)}
        level = _at_floor(one, floor, accuracy)
        if level is not None:
            if known.classes is None:
                return Finding("M01", level if _is_high(accuracy) else "note", where, "curve_floor_guessed", values)
            return Finding("M01", level, where, "floor", values)
        if known.classes is not None and accuracy is not None and _follows_accuracy(one, accuracy, floor, classes):
            share = accuracy.end
            return Finding(
                "M01", "warn", where, "curve_with_accuracy", values | {"accuracy": share, "expected": floor + 1 - share}
            )
    return None


def _is_high(accuracy: Series | None) -> bool:
    return accuracy is not None and accuracy.end >= 0.99


def _at_floor(one: Series, floor: float, accuracy: Series | None) -> Level | None:
    """Warn where the curve leans on the floor from above while nearly all answers are right, or lies flat on it."""
    distance = one.end - floor
    if _is_high(accuracy) and abs(distance) <= 0.005 * floor + one.rounding:
        return "warn" if one.rounding < 0.002 * floor else "note"
    if accuracy is not None:
        return None
    lies = np.abs(one.tail - floor).max() <= 0.001 * floor + one.rounding
    if len(one) < 5 or one.rounding > 0.01 * floor:
        return None
    if not lies:
        near = len(one) >= 10 and -0.001 * floor <= distance <= 0.015 * floor and one.flat(0.01)
        return "note" if near and one.start > 1.2 * floor else None
    return "warn" if one.start > 1.05 * floor and one.rounding <= 0.0005 * floor else "note"


def _follows_accuracy(one: Series, accuracy: Series, floor: float, classes: int) -> bool:
    """Once its probabilities are 0 or 1, a double softmax costs the floor, and 1 more for each wrong answer.

    A right program crosses that line on its way down; only the faulty one goes along it.
    """
    shares = at_epochs(accuracy, one)
    last = max(5, len(shares) // 5)
    if len(shares) < last or (classes == 2 and accuracy.end < 0.97):
        return False
    near = one.values[-last:] / (floor + 1 - shares.values[-last:]) - 1
    if shares.values[-last:].min() < 0.8 or near.min() < -0.005 or near.max() > 0.06:
        return False
    sure = shares.values >= 0.5
    moved = float(np.ptp(shares.values[sure]))
    slope = float(np.polyfit(shares.values[sure], one.values[-len(shares) :][sure], 1)[0]) if moved > 0.05 else 0.0
    return -2.5 <= slope <= -0.6


def _likely_classes(one: Series, accuracy: Series | None) -> list[int]:
    """The class count whose floor is the end of the curve: only where floors lie far apart beside the distance."""
    classes = round(math.e * math.expm1(min(one.end, 6.0))) + 1
    if not 2 <= classes <= 1000:
        return []
    floor = double_softmax_floor(classes)
    apart = 1 / (math.e + classes - 1)
    near = abs(one.end - floor)
    begins = floor < one.start <= max(1.03 * math.log(classes), 1.001 * math.log(classes) + one.rounding)
    sharp = near <= 0.05 * apart and one.rounding <= 0.05 * apart
    return [classes] if sharp and (_is_high(accuracy) or (begins and len(one) >= 10)) else []


def double_sigmoid(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    if not known.may("binary") or known.positives is None:
        return None
    floor = double_sigmoid_floor(known.positives)
    if np.median(one.tail) < floor * 0.995 or (level := _at_floor(one, floor, accuracy)) is None:
        return None
    values = {"loss": one.end, "floor": floor, "positives": known.positives, "distance": abs(one.end / floor - 1)}
    return Finding("M04", level, where, "curve_floor", values)
