"""The same checks on data that deepwell itself has encoded and split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.protocols import Rows
from deepwell.doctor.data.case import Case, Said
from deepwell.doctor.data.examine_data import examine_case
from deepwell.doctor.data.kinds import kind_of_samples
from deepwell.doctor.data.part import Part, plain
from deepwell.doctor.guard import Guard
from deepwell.findings import Finding

_PARTS = ("train", "validation", "test")
_MOST = {"train": 20_000, "validation": 2_000, "test": 2_000}
_BYTES = 64 << 20


def look(
    *,
    targets: Any,
    classes: Sequence[Any],
    split: Any,
    rows: Rows,
    skipped: Sequence[tuple[str, str]] = (),
    pictures: bool = True,
    raw: Sequence[Any] | None = None,
    answer: str = "category",
    weighted: bool = False,
    batch_size: int | None = None,
    budget: float = 3.0,
) -> list[Finding]:
    """Findings on samples, labels and split of prepared data.

    Args:
        targets: class numbers of all samples, int64 [n]; for ``label-sets`` 0 and 1 [n, classes].
        classes: their names.
        split: has ``train``, ``validation`` and ``test``, arrays of row numbers.
        rows: the encoded samples.
        skipped: (name, why) of samples that were left out.
        pictures: whether a row is a picture [height, width, channels].
        raw: texts, lists of words or trees as they came, by row number: they say more than their ids.
        answer: of the output, a name of ``outputs.OUTPUTS``.
        weighted: whether the loss weighs the classes.
        batch_size: of the training.
        budget: seconds.

    Returns:
        the worst first.
    """
    findings = []
    if skipped:
        name, why = skipped[0]
        findings.append(Finding("D30", "note", "samples", "unread", {"count": len(skipped), "name": name, "why": why}))
    digests = None if raw is not None or not hasattr(rows, "digests") else rows.digests()
    found = {}
    for name in _PARTS:
        numbers = np.asarray(getattr(split, name))
        if len(numbers):
            found[name] = _part(name, numbers, targets, rows, raw, pictures=pictures, answer=answer, digests=digests)
    named = list(classes) if answer == "category" else None
    known = Said(classes=len(classes), weighted=weighted, normalised_inside=True, batch_size=batch_size)
    return findings + examine_case(Case(found, known, named), Guard(budget))


def _part(
    name: str,
    numbers: np.ndarray,
    targets: Any,
    rows: Rows,
    raw: Sequence[Any] | None,
    *,
    pictures: bool,
    answer: str,
    digests: np.ndarray | None,
) -> Part:
    """One part, or an even draw of it where it is large."""
    most = _MOST[name]
    if raw is None:
        one = rows.gather(torch.from_numpy(numbers[:1]))
        # rows without digests are read or made as they are asked for
        most = most if digests is not None else most // 10
        most = max(64, min(most, _BYTES // max(1, one.numel() * one.element_size())))
    chosen = (
        numbers if len(numbers) <= most else numbers[np.linspace(0, len(numbers) - 1, most).round().astype(np.int64)]
    )
    if raw is not None:
        x = plain([raw[i] for i in chosen.tolist()])
    else:
        x = _array(rows.gather(torch.from_numpy(chosen)), pictures)
    y = None if answer == "tags" else _answers(targets, chosen)
    made = Part(name, x, y, kind_of_samples(x), len(numbers), chosen)
    if digests is not None:
        made.digests["exact"] = np.ascontiguousarray(digests[chosen]).view(np.uint64).reshape(len(chosen), -1)[:, 0]
    return made


def _array(values: Tensor, pictures: bool) -> np.ndarray:
    array = values.numpy()
    return array.transpose(0, 3, 1, 2) if pictures and array.ndim == 4 else array


def _answers(targets: Any, chosen: np.ndarray) -> np.ndarray:
    return targets[torch.from_numpy(chosen)].numpy()
