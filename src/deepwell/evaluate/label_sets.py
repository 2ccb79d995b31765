"""How good sets of labels are, and how sure that figure is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.evaluate.bootstrap import RESAMPLES, percentiles
from deepwell.evaluate.category import Measured
from deepwell.evaluate.interval import wilson


@dataclass(frozen=True)
class LabelSetEvaluation:
    """Metrics pooled over all samples and labels.

    Attributes:
        samples: number of them.
        accuracy: share of samples whose set is exactly right, with Wilson's interval.
        f1: over all labels of all samples (micro), with the percentile interval of 1,000 bootstrap resamples.
        classes: the labels.
        precision, recall: of each label, [labels]; 0 where nothing was to be divided.
        support: samples that have each label, [labels].
    """

    samples: int
    accuracy: Measured
    f1: Measured
    classes: tuple[Any, ...]
    precision: np.ndarray
    recall: np.ndarray
    support: np.ndarray

    def __str__(self) -> str:
        lines = [f"{self.samples:,} samples"]
        for name in ("f1", "accuracy"):
            m = getattr(self, name)
            lines.append(f"{name:9}  {m.value:.4f}  (95 % interval {m.low:.4f} to {m.high:.4f})")
        width = max(5, *(len(str(name)) for name in self.classes))
        lines.append(f"{'label':{width}}  precision  recall  samples")
        for i, name in enumerate(self.classes[:40]):
            lines.append(
                f"{name!s:{width}}  {self.precision[i]:9.4f}  {self.recall[i]:6.4f}  {int(self.support[i]):7,}"
            )
        if len(self.classes) > 40:
            lines.append(f"and {len(self.classes) - 40} more labels")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        table = {
            str(name): {"precision": float(p), "recall": float(r), "samples": int(s)}
            for name, p, r, s in zip(self.classes, self.precision, self.recall, self.support, strict=True)
        }
        return {
            "samples": self.samples,
            "f1": self.f1.to_json(),
            "accuracy": self.accuracy.to_json(),
            "per_label": table,
        }


def label_sets(probabilities: Tensor, targets: Tensor, classes: Sequence[Any], *, seed: int = 0) -> LabelSetEvaluation:
    """Measure sets of labels: those more probable than one half against those that are true.

    Args:
        probabilities, targets: [n, labels], n at least 1.
        classes: names, as many as columns.
        seed: of the resamples.

    Raises:
        UserError: shapes that do not fit.

    >>> import torch
    >>> found = label_sets(torch.tensor([[0.9, 0.2], [0.8, 0.7]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), ["a", "b"])
    >>> round(found.f1.value, 3), found.accuracy.value
    (0.8, 0.5)
    """
    if probabilities.shape != targets.shape or targets.dim() != 2 or not len(targets):
        raise UserError(
            f"there are answers of shape {list(probabilities.shape)} and targets of {list(targets.shape)}",
            expected=f"the same, [n, {len(classes)}], n at least 1",
        )
    given, true = (values.detach().cpu().numpy() > 0.5 for values in (probabilities, targets))
    right = given & true
    exact = int((given == true).all(1).sum())
    sums = np.stack([right.sum(1), given.sum(1) + true.sum(1)]).astype(np.float64)  # [2, n]
    draws = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES):
        hits, of = sums[:, draws.integers(0, len(true), len(true))].sum(1)
        found.append(2 * hits / max(of, 1))
    value = 2 * sums[0].sum() / max(sums[1].sum(), 1)
    return LabelSetEvaluation(
        len(true),
        Measured(exact / len(true), *wilson(exact, len(true))),
        Measured(float(value), *percentiles(np.array(found))),
        tuple(classes),
        right.sum(0) / np.maximum(given.sum(0), 1),
        right.sum(0) / np.maximum(true.sum(0), 1),
        true.sum(0),
    )
