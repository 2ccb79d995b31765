"""Several labels at once: a table of labels, calibration, missing labels and labels too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from deepwell.report.outputs import row

SECTIONS = (
    "summary", "curves", "time", "classes", "calibration", "baselines", "mistakes", "slices", "findings", "data",
    "uses", "repeat",
)  # fmt: skip
FIGURES = ("f1", "accuracy", "calibration_error")
CURVES = ("f1", "accuracy")
NAMED = "label"
COLUMNS = ("precision", "recall")


def rows(evaluation: Mapping[str, Any]) -> list[row.Row]:
    """A row a label."""
    table = evaluation["per_label"]
    columns = (*COLUMNS, *(["f1"] if table and "f1" in next(iter(table.values())) else []))
    return row.rows(table, columns, "samples")


def wrong(output: Any, decoded: list[Any], targets: Any) -> list[row.Wrong]:
    """Samples whose set is not exactly right; that with the surest wrong label first."""
    p = torch.stack(list(decoded)).float().cpu()
    true, given = targets > 0.5, p > 0.5
    off = (true != given).any(1)
    sure = torch.where(true != given, torch.where(given, p, 1 - p), torch.zeros(())).amax(1)
    places = torch.nonzero(off)[:, 0]
    order = places[torch.argsort(-sure[places], stable=True)].tolist()
    names = [str(name) for name in output.classes]
    return [
        row.Wrong(i, _named(names, true[i].tolist()), _named(names, given[i].tolist()), float(sure[i])) for i in order
    ]


def counts(output: Any, targets: Any) -> dict[str, int]:
    """Samples that have each label."""
    return {str(name): int(n) for name, n in zip(output.classes, (targets > 0.5).sum(0).tolist(), strict=True)}


def _named(names: list[str], there: list[bool]) -> tuple[str, ...]:
    return tuple(name for name, held in zip(names, there, strict=True) if held)
