"""How good a choice among classes is, and how sure that figure is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.evaluate.interval import wilson
from deepwell.metrics import accuracy, confusion, log_loss, macro_f1, per_class

_RESAMPLES = 1000


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
        macro_f1, log_loss: with percentile intervals of 1,000 bootstrap resamples.
        classes: names, in the order of the matrix.
        confusion: counts [classes, classes], row the true class, column the answer.
        precision, recall, f1: [classes].
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

    def __str__(self) -> str:
        names = [str(c) for c in self.classes]
        width = max(5, *(len(name) for name in names))
        lines = [f"{self.samples:,} samples"]
        for name in ("accuracy", "macro_f1", "log_loss"):
            m = getattr(self, name)
            lines.append(f"{name.replace('_', ' '):9}  {m.value:.4f}  (95 % interval {m.low:.4f} to {m.high:.4f})")
        lines.append(f"{'class':{width}}  precision  recall      F1  samples")
        for i, name in enumerate(names):
            lines.append(
                f"{name:{width}}  {self.precision[i]:9.4f}  {self.recall[i]:6.4f}  {self.f1[i]:6.4f}  "
                f"{int(self.confusion[i].sum()):7,}"
            )
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
        }


def category(probabilities: Tensor, targets: Tensor, classes: Sequence[Any], *, seed: int = 0) -> Evaluation:
    """Measure answers against targets.

    Args:
        probabilities: [n, classes], rows sum to 1.
        targets: class numbers int64 [n].
        classes: names.
        seed: of the resamples.

    >>> import torch
    >>> e = category(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 1, 0]), ["a", "b"])
    >>> round(e.accuracy.value, 4)
    0.6667
    """
    if not len(targets) or len(probabilities) != len(targets):
        raise UserError(
            f"there are {len(probabilities)} answers and {len(targets)} targets", expected="as many, at least 1"
        )
    p, y = probabilities.double().numpy(), targets.numpy()
    matrix = confusion(p.argmax(1), y, len(classes))
    losses = log_loss(p, y)
    rng = np.random.default_rng(seed)
    count = len(y)
    # resampling samples is drawing the cells of the matrix anew: a multinomial, however many samples there are
    cells = matrix.ravel()
    filled = np.flatnonzero(cells)
    drawn = rng.multinomial(count, cells[filled] / count, size=_RESAMPLES)
    f1s = np.empty(_RESAMPLES)
    for i, row in enumerate(drawn):
        again = np.zeros_like(cells)
        again[filled] = row
        f1s[i] = macro_f1(again.reshape(matrix.shape))
    means = np.array([losses[rng.integers(0, count, count)].mean() for _ in range(min(_RESAMPLES, 400))])
    right = int(np.trace(matrix))
    table = per_class(matrix)
    return Evaluation(
        count,
        Measured(float(accuracy(matrix)), *wilson(right, count)),
        Measured(float(macro_f1(matrix)), *_percentiles(f1s)),
        Measured(float(losses.mean()), *_percentiles(means)),
        tuple(classes),
        matrix,
        table["precision"],
        table["recall"],
        table["f1"],
    )


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
