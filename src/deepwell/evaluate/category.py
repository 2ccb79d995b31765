"""How good a choice among classes is, and how sure that figure is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.evaluate.bootstrap import mean_interval
from deepwell.evaluate.calibration import Bin, error_interval, expected_error, reliability
from deepwell.evaluate.interval import f1_shares, shares, wilson
from deepwell.evaluate.macro import macro_f1_interval
from deepwell.evaluate.measured import Measured, ends
from deepwell.evaluate.slices import Slice
from deepwell.evaluate.words import calibration_lines, class_lines, slice_lines
from deepwell.metrics import accuracy, confusion, log_loss, macro_f1, per_class

__all__ = ["Evaluation", "Measured", "category"]

_WIDE = 0.03  # half-width of an interval from which the figure is called uncertain


@dataclass(frozen=True)
class Evaluation:
    """Metrics pooled over all samples.

    Attributes:
        samples: number of them.
        accuracy: with Wilson's interval.
        macro_f1: mean over the classes that occur; its interval is ``macro.macro_f1_interval``.
        log_loss: mean, in nats, with the interval of the bootstrap-t.
        classes: names, in the order of the matrix.
        confusion: counts [classes, classes], row the true class, column the answer.
        precision, recall, f1: [classes]; 0 where nothing was to be divided.
        calibration_error: mean distance of confidence and accuracy, 0 to 1 (Guo et al. 2017, 15 bins).
        notes: what limits the figures: few samples, classes without samples.
        intervals: of ``precision``, ``recall`` and ``f1``, 95 %, [classes, 2] each; [0, 1] where nothing is known.
        calibration_interval: 95 %; None below ten wrong answers.
        reliability: bins of the reliability curve that hold an answer, the least sure first.
        temperature: what the scores were divided by before the softmax; 1.0 where none was fitted.
        calibration: what the temperature did on the validation part (``temperature.Fitted.to_json``), or None.
        slices: parts of the samples that do worse than the rest, worst first; see ``slices.worst_slices``.
    """

    samples: int
    accuracy: Measured
    macro_f1: Measured
    log_loss: Measured
    classes: tuple[Any, ...]
    confusion: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    calibration_error: float
    notes: tuple[str, ...] = ()
    intervals: Mapping[str, np.ndarray] | None = None
    calibration_interval: tuple[float, float] | None = None
    reliability: tuple[Bin, ...] = ()
    temperature: float = 1.0
    calibration: Mapping[str, Any] | None = None
    slices: tuple[Slice, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.samples:,} samples"]
        lines += [f"{name.replace('_', ' '):9}  {getattr(self, name)}" for name in ("accuracy", "macro_f1", "log_loss")]
        lines += calibration_lines(self.calibration_error, self.calibration_interval, self.calibration)
        names = [str(name) for name in self.classes]
        columns = {name: getattr(self, name) for name in ("precision", "recall", "f1")}
        lines += class_lines("class", names, columns, self.intervals or {}, self.confusion.sum(1))
        lines += slice_lines(self.slices)
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        table = {}
        for i, name in enumerate(self.classes):
            table[str(name)] = {
                "precision": float(self.precision[i]),
                "recall": float(self.recall[i]),
                "f1": float(self.f1[i]),
                "samples": int(self.confusion[i].sum()),
                "intervals": {column: ends(found, i) for column, found in (self.intervals or {}).items()},
            }
        return {
            "samples": self.samples,
            "accuracy": self.accuracy.to_json(),
            "macro_f1": self.macro_f1.to_json(),
            "log_loss": self.log_loss.to_json(),
            "per_class": table,
            "confusion": self.confusion.tolist(),
            "calibration_error": self.calibration_error,
            "calibration_interval": None if self.calibration_interval is None else list(self.calibration_interval),
            "reliability": [found.to_json() for found in self.reliability],
            "temperature": self.temperature,
            "calibration": None if self.calibration is None else dict(self.calibration),
            "slices": [found.to_json() for found in self.slices],
            "notes": list(self.notes),
        }


def category(probabilities: Tensor, targets: Tensor, classes: Sequence[Any], *, seed: int = 0) -> Evaluation:
    """Measure answers against targets.

    Args:
        probabilities: [n, classes], rows sum to 1; on any device.
        targets: class numbers int64 [n], n at least 1.
        classes: names, as many as columns.
        seed: of the resamples.

    Raises:
        UserError: shapes that do not fit, a target that is no class, rows that are no probabilities.

    >>> import torch
    >>> e = category(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 1, 0]), ["a", "b"])
    >>> round(e.accuracy.value, 4)
    0.6667
    """
    p, y = _checked(probabilities, targets, len(classes))
    answer = p.argmax(1)
    matrix = confusion(answer, y, len(classes))
    losses = log_loss(p, y)
    count, right = len(y), np.diag(matrix)
    share = Measured(float(accuracy(matrix)), *wilson(int(right.sum()), count))
    table = per_class(matrix)
    answered, support = matrix.sum(0), matrix.sum(1)
    bins = reliability(np.minimum(p.max(1), 1.0), answer == y)
    return Evaluation(
        count,
        share,
        Measured(float(macro_f1(matrix)), *macro_f1_interval(matrix)),
        Measured(float(losses.mean()), *mean_interval(losses, seed=seed)),
        tuple(classes),
        matrix,
        table["precision"],
        table["recall"],
        table["f1"],
        expected_error(bins),
        _notes(share, matrix, classes),
        {
            "precision": shares(right, answered),
            "recall": shares(right, support),
            "f1": f1_shares(right, answered + support - 2 * right),
        },
        error_interval(bins),
        bins,
    )


def _checked(probabilities: Tensor, targets: Tensor, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Both as NumPy arrays, double [n, classes] and int64 [n], after a look at shapes and values."""
    if not len(targets) or len(probabilities) != len(targets):
        raise UserError(
            f"there are {len(probabilities)} answers and {len(targets)} targets", expected="as many, at least 1"
        )
    p = probabilities.detach().cpu().double().numpy()
    y = targets.detach().cpu().numpy()
    if p.ndim != 2 or p.shape[1] != classes:
        raise UserError(
            f"the probabilities have shape {list(p.shape)}", expected=f"[{len(y)}, {classes}], a column a class"
        )
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise UserError(
            f"the targets are {targets.dtype} {list(y.shape)}",
            expected="class numbers, int64 [n]",
            fix="for one-hot targets give targets.argmax(1)",
        )
    odd = np.flatnonzero((y < 0) | (y >= classes))
    if len(odd):
        raise UserError(
            f"target {odd[0]} is {y[odd[0]]} ({len(odd)} such)",
            expected=f"class numbers from 0 to {classes - 1}",
            fix="evaluate on samples of the classes that the model knows",
        )
    sums = p.sum(1)
    odd = np.flatnonzero(~((np.abs(sums - 1) < 1e-2) & (p >= 0).all(1)))
    if len(odd):
        raise UserError(
            f"the probabilities of sample {odd[0]} sum to {sums[odd[0]]:.4g}, the lowest is {p[odd[0]].min():.4g} "
            f"({len(odd)} such samples)",
            expected="numbers from 0 up that sum to 1",
            fix="give the softmax of the scores; where they are NaN, look at the model's weights",
        )
    return p, y.astype(np.int64)


def _notes(share: Measured, matrix: np.ndarray, classes: Sequence[Any]) -> tuple[str, ...]:
    """What a reader of the figures should know before comparing them."""
    notes = []
    half = (share.high - share.low) / 2
    if half > _WIDE:
        # the half-width falls with the square root of the number of samples
        wanted = int(np.ceil(matrix.sum() * (half / _WIDE) ** 2 / 100) * 100)
        notes.append(
            f"few samples: accuracy is known to +-{100 * half:.0f} points; about {wanted:,} samples would give "
            f"+-{100 * _WIDE:.0f}"
        )
    missing = [str(name) for name, support in zip(classes, matrix.sum(1), strict=True) if not support]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        notes.append(f"no samples of {len(missing)} of {len(classes)} classes ({shown}): nothing is known of these")
    return tuple(notes)
