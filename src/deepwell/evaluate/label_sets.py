"""How good sets of labels are, and how sure that figure is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.evaluate.calibration import Bin, expected_error, reliability
from deepwell.evaluate.interval import f1_of_jaccard, f1_shares, shares, wilson
from deepwell.evaluate.measured import Measured, ends
from deepwell.evaluate.ratio import grouped
from deepwell.evaluate.slices import Slice
from deepwell.evaluate.words import calibration_lines, class_lines, slice_lines


@dataclass(frozen=True)
class LabelSetEvaluation:
    """Metrics pooled over all samples and labels.

    Attributes:
        samples: number of them.
        accuracy: share of samples whose set is exactly right, with Wilson's interval.
        f1: over all labels of all samples (micro); its interval is ``ratio.grouped``: labels of a sample hang together.
        classes: the labels.
        precision, recall: of each label, [labels]; 0 where nothing was to be divided.
        support: samples that have each label, [labels].
        per_label_f1: of each label, [labels].
        intervals: of ``precision``, ``recall`` and ``f1`` of each label, 95 %, float [labels, 2] each.
        calibration_error: mean distance of confidence and accuracy over all labels of all samples, 0 to 1; the
            confidence of a label is the probability of what was answered, there or not there. It has no interval:
            none was found that holds, since the labels of a sample hang together.
        reliability: bins of the reliability curve that hold an answer, the least sure first.
        temperature: what the scores were divided by before the sigmoid; 1.0 where none was fitted.
        calibration: what the temperature did on the validation part (``temperature.Fitted.to_json``), or None.
        slices: parts of the samples that do worse than the rest, worst first; see ``slices.worst_slices``.
        notes: what limits the figures.
    """

    samples: int
    accuracy: Measured
    f1: Measured
    classes: tuple[Any, ...]
    precision: np.ndarray
    recall: np.ndarray
    support: np.ndarray
    per_label_f1: np.ndarray
    intervals: Mapping[str, np.ndarray]
    calibration_error: float
    reliability: tuple[Bin, ...]
    temperature: float = 1.0
    calibration: Mapping[str, Any] | None = None
    slices: tuple[Slice, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.samples:,} samples"]
        lines += [f"{name:9}  {getattr(self, name)}" for name in ("f1", "accuracy")]
        lines += calibration_lines(self.calibration_error, None, self.calibration)
        names = [str(name) for name in self.classes]
        columns = {"precision": self.precision, "recall": self.recall, "f1": self.per_label_f1}
        lines += class_lines("label", names, columns, self.intervals, self.support)
        lines += slice_lines(self.slices)
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        table = {}
        for i, name in enumerate(self.classes):
            table[str(name)] = {
                "precision": float(self.precision[i]),
                "recall": float(self.recall[i]),
                "f1": float(self.per_label_f1[i]),
                "samples": int(self.support[i]),
                "intervals": {column: ends(found, i) for column, found in self.intervals.items()},
            }
        return {
            "samples": self.samples,
            "f1": self.f1.to_json(),
            "accuracy": self.accuracy.to_json(),
            "per_label": table,
            "calibration_error": self.calibration_error,
            "calibration_interval": None,
            "reliability": [found.to_json() for found in self.reliability],
            "temperature": self.temperature,
            "calibration": None if self.calibration is None else dict(self.calibration),
            "slices": [found.to_json() for found in self.slices],
            "notes": list(self.notes),
        }


def label_sets(probabilities: Tensor, targets: Tensor, classes: Sequence[Any]) -> LabelSetEvaluation:
    """Measure sets of labels: those more probable than one half against those that are true.

    Args:
        probabilities, targets: [n, labels], n at least 1.
        classes: names, as many as columns.

    Raises:
        UserError: shapes that do not fit, probabilities outside 0 to 1.

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
    p = probabilities.detach().cpu().double().numpy()
    if not ((p >= 0) & (p <= 1)).all():
        raise UserError(
            "some probabilities of labels are not between 0 and 1",
            expected="the sigmoid of the scores",
            fix="where they are NaN, look at the model's weights",
        )
    given, true = p > 0.5, targets.detach().cpu().numpy() > 0.5
    right = given & true
    exact = int((given == true).all(1).sum())
    hits, answered, support = right.sum(0), given.sum(0), true.sum(0)
    union = (given | true).sum(1)
    low, high = f1_of_jaccard(grouped(right.sum(1), union))
    value = 2 * hits.sum() / max(answered.sum() + support.sum(), 1)
    bins = reliability(np.maximum(p, 1 - p), given == true)
    return LabelSetEvaluation(
        len(true),
        Measured(exact / len(true), *wilson(exact, len(true))),
        Measured(float(value), float(low), float(high)),
        tuple(classes),
        hits / np.maximum(answered, 1),
        hits / np.maximum(support, 1),
        support,
        2 * hits / np.maximum(answered + support, 1),
        {
            "precision": shares(hits, answered),
            "recall": shares(hits, support),
            "f1": f1_shares(hits, answered + support - 2 * hits),
        },
        expected_error(bins),
        bins,
    )
