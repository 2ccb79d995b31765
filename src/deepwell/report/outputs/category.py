"""One of several classes: a confusion matrix, a table of classes, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from deepwell.report.outputs import row

SECTIONS = (
    "summary", "curves", "time", "confusion", "classes", "calibration", "baselines", "mistakes", "labels", "slices",
    "findings", "data", "uses", "repeat",
)  # fmt: skip
FIGURES = ("accuracy", "macro_f1", "log_loss", "calibration_error")
CURVES = ("accuracy",)
NAMED = "class"
COLUMNS = ("precision", "recall", "f1")


def rows(evaluation: Mapping[str, Any]) -> list[row.Row]:
    """A row a class."""
    return row.rows(evaluation["per_class"], COLUMNS, "samples")


def wrong(output: Any, decoded: list[Any], targets: Any) -> list[row.Wrong]:
    """The wrong answers; the less probable the right class was, the earlier."""
    p = torch.stack(list(decoded)).float().cpu()
    y = targets.argmax(1) if targets.dim() == 2 else targets
    best = p.argmax(1)
    places = torch.nonzero(best != y)[:, 0]
    chance = p[places, y[places]]
    order = places[torch.argsort(chance, stable=True)].tolist()
    return [
        row.Wrong(
            i,
            (str(output.classes[int(y[i])]),),
            (str(output.classes[int(best[i])]),),
            float(p[i, best[i]]),
            float(p[i, y[i]]),
        )
        for i in order
    ]


def counts(output: Any, targets: Any) -> dict[str, int]:
    """Samples of each class."""
    y = targets.argmax(1) if targets.dim() == 2 else targets
    found = torch.bincount(y, minlength=len(output.classes)).tolist()
    return {str(name): number for name, number in zip(output.classes, found, strict=True)}
