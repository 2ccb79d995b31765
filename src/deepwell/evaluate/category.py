"""How good a choice among classes is, and how sure that figure is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.evaluate.bootstrap import macro_f1_interval, mean_interval
from deepwell.evaluate.interval import wilson
from deepwell.metrics import (
    accuracy,
    calibration_error,
    calibration_state,
    confusion,
    log_loss,
    macro_f1,
    per_class,
)

_WIDE = 0.03  # half-width of an interval from which the figure is called uncertain


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "interval": [self.low, self.high]}


@dataclass(frozen=True)
class Evaluation:
    """Metrics pooled over all samples.

    Attributes:
        samples: number of them.
        accuracy: with Wilson's interval.
        macro_f1: mean over the classes that occur, with the percentile interval of 1,000 bootstrap resamples.
        log_loss: mean, in nats, with the same; above 20,000 samples with the normal interval of a mean.
        classes: names, in the order of the matrix.
        confusion: counts [classes, classes], row the true class, column the answer.
        precision, recall, f1: [classes]; 0 where nothing was to be divided.
        calibration_error: mean distance of confidence and accuracy, 0 to 1 (Guo et al. 2017, 15 bins).
        notes: what limits the figures: few samples, classes without samples.
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

    def __str__(self) -> str:
        names = [str(c) for c in self.classes]
        width = max(5, *(len(name) for name in names))
        lines = [f"{self.samples:,} samples"]
        for name in ("accuracy", "macro_f1", "log_loss"):
            m = getattr(self, name)
            lines.append(f"{name.replace('_', ' '):9}  {m.value:.4f}  (95 % interval {m.low:.4f} to {m.high:.4f})")
        lines.append(f"{'calibration error':17}  {self.calibration_error:.4f}")
        lines.append(f"{'class':{width}}  precision  recall      F1  samples")
        for i, name in enumerate(names):
            lines.append(
                f"{name:{width}}  {self.precision[i]:9.4f}  {self.recall[i]:6.4f}  {self.f1[i]:6.4f}  "
                f"{int(self.confusion[i].sum()):7,}"
            )
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        table = {
            str(name): {
                "precision": float(self.precision[i]),
                "recall": float(self.recall[i]),
                "f1": float(self.f1[i]),
                "samples": int(self.confusion[i].sum()),
            }
            for i, name in enumerate(self.classes)
        }
        return {
            "samples": self.samples,
            "accuracy": self.accuracy.to_json(),
            "macro_f1": self.macro_f1.to_json(),
            "log_loss": self.log_loss.to_json(),
            "per_class": table,
            "confusion": self.confusion.tolist(),
            "calibration_error": self.calibration_error,
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
    matrix = confusion(p.argmax(1), y, len(classes))
    losses = log_loss(p, y)
    count, right = len(y), int(np.trace(matrix))
    share = Measured(float(accuracy(matrix)), *wilson(right, count))
    table = per_class(matrix)
    log_scores = torch.from_numpy(np.log(np.maximum(p, 1e-300)))
    return Evaluation(
        count,
        share,
        Measured(float(macro_f1(matrix)), *macro_f1_interval(matrix, seed=seed)),
        Measured(float(losses.mean()), *mean_interval(losses, seed=seed)),
        tuple(classes),
        matrix,
        table["precision"],
        table["recall"],
        table["f1"],
        calibration_error(calibration_state(log_scores, torch.from_numpy(y))),
        _notes(share, matrix, classes),
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
