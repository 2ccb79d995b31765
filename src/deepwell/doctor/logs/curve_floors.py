"""Closed-form fingerprints on a curve: a loss that stands at, or begins with, a number that a fault makes."""

from __future__ import annotations

import math

import numpy as np

from deepwell.doctor.logs.closed_forms import Known, binary_entropy
from deepwell.doctor.logs.curve_twice import double_sigmoid, double_softmax
from deepwell.doctor.logs.series import Curve, Series
from deepwell.findings import Finding, Level


def floors(curve: Curve, known: Known) -> list[Finding]:
    """What a curve without NaN shows of closed forms; at most one cause a part."""
    found: list[Finding] = []
    parts = (("train", curve.loss, curve.accuracy), ("validation", curve.val_loss, curve.val_accuracy))
    for where, one, accuracy in parts:
        if one is None or len(one) < 3:
            continue
        for check in (_constant, _negative, _sum_reduction, double_softmax, double_sigmoid, _entropy, _mean_only):
            hit = check(where, one, accuracy, known)
            if hit is not None:
                found.append(hit)
                break
    return _agreeing(curve, found) + _unrelated_validation(curve, known)


def _agreeing(curve: Curve, found: list[Finding]) -> list[Finding]:
    """A training that seems to stand on a floor which its validation is far below stands there for other reasons."""
    val = curve.val_loss
    kept = [
        f
        for f in found
        if not (f.code in ("M01", "M04") and f.where == "train" and val is not None
                and val.values.min() < 0.98 * f.values["floor"])
    ]  # fmt: skip
    codes = {(f.code, f.saw) for f in kept if f.where == "train"}
    return [f for f in kept if f.where == "train" or (f.code, f.saw) not in codes]


def _constant(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    """From the first point on the same number: nothing is learnt."""
    if len(one) < 5 or np.ptp(one.values) > 1e-7 * max(1.0, abs(one.values[0])) or where != "train":
        return None
    value = float(one.values[0])
    if value == 0 and known.may("exclusive"):
        return Finding("M05", "note", where, "curve_zero", {"points": len(one)})
    # PyTorch holds log(0) at -100: a constant 1 costs 100 for each negative
    if known.positives is not None and abs(value - 100 * (1 - known.positives)) < 2 * known.positives + 0.5:
        return Finding("M05", "warn", where, "curve_constant", {"loss": value, "positives": known.positives})
    return Finding("O04", "note", where, "curve_constant", {"loss": value, "points": len(one)})


def _negative(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    """NLL on probabilities: begins at -1/C and falls to -1."""
    if not known.may("exclusive") or one.values.max() > 0 or one.values.min() < -1 or one.end >= 0:
        return None
    values = {"start": one.start, "end": one.end}
    if known.family == "exclusive":
        return Finding("M03", "stop", where, "curve_negative", values)
    if known.classes is None:
        return None  # a cosine or dice loss is negative too, and right
    near_start = abs(one.start + 1 / known.classes) < 0.3 / known.classes + 0.02
    # with p of the right class as the loss, loss = -mean(p), and mean(p) follows the accuracy
    follows = accuracy is not None and abs(one.end + accuracy.end) < 0.1
    level: Level = "warn" if near_start or follows else "note"
    return Finding("M03", level, where, "curve_negative", values)


def _sum_reduction(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    """CE with reduction="sum" begins at B ln C; a high start of the right size elsewhere is a matter of scale."""
    if where != "train" or known.classes is None or not known.may("exclusive"):
        return None
    usual = math.log(known.classes)
    batch = known.batch_size or 0
    if batch >= 4 and abs(one.start / (batch * usual) - 1) < 0.2:
        # the mean over samples can't be so high where most answers are right
        learns = accuracy is not None and accuracy.end > 0.5 and one.end > 3 * usual * (1 - accuracy.end) + 1
        values = {"start": one.start, "batch_size": batch, "classes": known.classes, "expected": batch * usual}
        return Finding("O07", "warn" if learns else "note", where, "curve_start", values)
    if one.start > 3 * usual:
        return Finding("M14", "note", where, "curve_high_start", {"start": one.start, "expected": usual})
    return None


def _entropy(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    """The loss of the constant answer: the entropy of the labels, ln C where classes are even."""
    if where != "train" or len(one) < 5:
        return None
    if known.positives is not None and known.may("binary"):
        entropy, chance = binary_entropy(known.positives), max(known.positives, 1 - known.positives)
    elif known.classes is not None and known.may("exclusive"):
        entropy, chance = math.log(known.classes), 1 / known.classes
    else:
        return None
    if (
        abs(one.end / entropy - 1) > 0.01
        or not one.flat(0.01)
        or np.median(one.values[: len(one) // 2]) < 0.97 * entropy
    ):
        return None
    values = {"loss": one.end, "entropy": entropy, "points": len(one)}
    if accuracy is None:
        return Finding("M18", "note", where, "curve_entropy", values)
    if accuracy.end > 1.5 * chance and accuracy.end > chance + 0.02:
        return None
    return Finding(
        "M18", "warn", where, "curve_entropy_and_accuracy", values | {"accuracy": accuracy.end, "chance": chance}
    )


def _mean_only(where: str, one: Series, accuracy: Series | None, known: Known) -> Finding | None:
    """Squares: the mean as the answer costs exactly the variance, as broadcasting (B, 1) with (B,) makes it."""
    variance = known.target_variance
    if where != "train" or variance is None or not known.may("squares"):
        return None
    near = abs(one.end / variance - 1) <= 0.03 and one.values.min() >= 0.97 * variance
    if len(one) >= 5 and near and one.flat(0.02):
        level: Level = "warn" if abs(one.end / variance - 1) <= 0.005 + one.rounding / variance else "note"
        return Finding(
            "D12", level, where, "curve_variance", {"loss": one.end, "variance": variance, "points": len(one)}
        )
    if one.start > 10 * variance:
        return Finding(
            "D07",
            "note",
            where,
            "curve_first",
            {"start": one.start, "variance": variance, "ratio": one.start / variance},
        )
    return None


def _unrelated_validation(curve: Curve, known: Known) -> list[Finding]:
    """Training learns, validation stays at chance from first to last: their labels do not mean the same."""
    train, val, loss = curve.accuracy, curve.val_accuracy, curve.val_loss
    if known.classes is None or train is None or val is None or len(val) < 5:
        return []
    chance = 1 / known.classes
    learns = train.end > max(0.5, 3 * chance)
    above = loss is not None and loss.values.min() > 0.98 * math.log(known.classes)
    if not learns or np.median(val.values) > 1.2 * chance + 0.01 or not (loss is None or above):
        return []
    values = {"accuracy": train.end, "val_accuracy": float(np.median(val.values)), "chance": chance}
    return [Finding("D33", "warn" if above else "note", "validation", "curve_chance", values)]
