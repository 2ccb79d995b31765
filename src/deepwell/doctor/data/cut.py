"""A part that was cut off the end of the same rows: seen by where its rows lie in memory, or by a subset's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import Part
from deepwell.findings import Finding


def tail(case: Case) -> Iterator[Finding]:
    """D21: held-out rows are the rest of the training rows' own array: harmless only where that was shuffled."""
    for part in case.held_out:
        if _follows(case.train, part) and not (part.name in case.said.times or case.said.times):
            share = part.total / (part.total + case.train.total)
            yield Finding("D21", "note", part.name, "tail", {"count": part.total, "share": share})


def _follows(first: Part, second: Part) -> bool:
    numbers, more = _numbers(first.dataset), _numbers(second.dataset)
    if numbers is not None and more is not None:
        return first.dataset.dataset is second.dataset.dataset and _counted(numbers) and _counted([numbers[-1], *more])
    a, b = first.x, second.x
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray) or not a.flags.c_contiguous or not a.nbytes:
        return False
    return bool(a.__array_interface__["data"][0] + a.nbytes == b.__array_interface__["data"][0])


def _numbers(dataset: Any) -> list[int] | None:
    indices = getattr(dataset, "indices", None)
    return [int(i) for i in indices] if indices is not None and len(indices) > 1 else None


def _counted(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))
