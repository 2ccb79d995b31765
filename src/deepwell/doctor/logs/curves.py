"""What a logged loss curve says by itself: closed-form fingerprints, numbers that broke, and trends beyond noise."""

from __future__ import annotations

import numpy as np

from deepwell.core.errors import UserError, unknown_name
from deepwell.doctor.logs.closed_forms import Known
from deepwell.doctor.logs.curve_batches import saw_tooth
from deepwell.doctor.logs.curve_floors import floors
from deepwell.doctor.logs.curve_trends import trends
from deepwell.doctor.logs.series import Curve, Series, series
from deepwell.findings import Finding, worst_first

__all__ = ["LOSSES", "Curve", "Series", "examine_curve", "series"]

LOSSES = {
    "cross_entropy": "exclusive",
    "nll_loss": "exclusive",
    "binary_cross_entropy": "binary",
    "binary_cross_entropy_with_logits": "binary",
    "mse_loss": "squares",
    "l1_loss": "other",
    "smooth_l1_loss": "other",
    "huber_loss": "other",
    "kl_div": "other",
    "other": "other",
}
"""Names of losses and the family whose closed forms hold for them."""


def examine_curve(
    curve: Curve,
    *,
    classes: int | None = None,
    positives: float | None = None,
    loss: str | None = None,
    target_variance: float | None = None,
    batch_size: int | None = None,
) -> list[Finding]:
    """Findings on a log alone, worst first. What is not told is not guessed: the more is told, the more can be seen.

    Args:
        curve: what was logged.
        classes: number of exclusive classes.
        positives: share of positive targets, 0 to 1, of a binary or multi-label task.
        loss: name of the loss, one of ``LOSSES``.
        target_variance: of a regression's targets, in the units in which they are trained.
        batch_size: samples a step.

    Raises:
        UserError: a number outside its range, or an unknown loss.

    >>> for finding in examine_curve(Curve.of(loss=[0.6, 0.4] + [0.31328] * 8, accuracy=[0.8] + [1.0] * 9), classes=2):
    ...     print(finding.level, finding.code, round(finding.values["floor"], 4))
    warn M01 0.3133
    """
    _checked(classes, positives, target_variance, batch_size)
    if loss is not None and loss not in LOSSES:
        raise unknown_name("loss", loss, LOSSES)
    family = LOSSES[loss] if loss is not None else None
    known = Known(classes, positives, family, target_variance, batch_size)
    curve = curve.shares
    found = broken(curve)
    clean = curve.mapped(lambda one: one.finite)
    causes = floors(clean, known)
    if causes:  # a curve that stands on a floor repeats itself
        found = [f for f in found if f.saw != "curve_repeated"]
    # one cause explains a flat curve: its trend would be the same thing said twice
    found += causes + trends(clean, explained=bool(causes)) + saw_tooth(clean)
    return worst_first(found)


def _checked(
    classes: int | None, positives: float | None, target_variance: float | None, batch_size: int | None
) -> None:
    if classes is not None and classes < 2:
        raise UserError(f"classes is {classes}", expected="2 or more", fix="give the number of the task's classes")
    if positives is not None and not 0 < positives < 1:
        raise UserError(f"positives is {positives:g}", expected="a share between 0 and 1", fix="0.1 means 10 %")
    if target_variance is not None and not 0 < target_variance < np.inf:
        raise UserError(f"target_variance is {target_variance:g}", expected="a number above 0", fix="give numpy.var(y)")
    if batch_size is not None and batch_size < 1:
        raise UserError(f"batch_size is {batch_size}", expected="1 or more", fix="give the samples of one step")


def broken(curve: Curve) -> list[Finding]:
    """NaN and infinity in the log, and the traces of those that were averaged away."""
    found: list[Finding] = []
    for where, one in (("train", curve.loss), ("train", curve.batch_loss), ("validation", curve.val_loss)):
        if one is not None and not any(f.level == "stop" or f.where == where for f in found):
            found += _not_finite(where, one)
    if not found and curve.loss is not None:
        found += _hidden(curve)
    return found


def _not_finite(where: str, one: Series) -> list[Finding]:
    bad = ~np.isfinite(one.values)
    if not bad.any():
        return []
    first = int(np.argmax(bad))
    values = one.at(first) | {"count": int(bad.sum()), "points": len(one)}
    # weights that are NaN never recover: NaN up to the end is a training that broke
    if bad[-1] and bad[first:].mean() > 0.9:
        return [Finding("O20", "stop", where, "curve", values)]
    return [Finding("O20", "note", where, "curve_recovered", values)]


def _hidden(curve: Curve) -> list[Finding]:
    """Hugging Face's Trainer logs 0 or the mean of the past instead of NaN (``logging_nan_inf_filter``)."""
    one = curve.loss
    assert one is not None
    norm = curve.gradient_norm
    norm_broke = norm is not None and not np.isfinite(norm.values[-1])
    if len(one) < 6 or one.start == 0:
        return []
    same = int(np.argmax(one.values[::-1] != one.values[-1])) or len(one)  # how many at the end are equal
    before = one.values[-same - 1] if same < len(one) else one.values[0]
    to_zero = one.values[-1] == 0 and before > 0.1 * one.start
    exact = one.rounding <= 0.5e-4 and one.values[-1] != 0 and abs(before / one.values[-1] - 1) > 0.01
    if same < 3 or same == len(one) or not (to_zero or norm_broke or (exact and same >= 5)):
        return []
    values = one.at(-same) | {"value": float(one.values[-1]), "count": same}
    if norm_broke:
        return [Finding("O21", "warn", "train", "curve_repeated_and_norm", values)]
    return [Finding("O21", "note", "train", "curve_repeated", values)]
