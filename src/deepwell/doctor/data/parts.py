"""What is wrong with how the data was parted: sizes, classes, order, groups, time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import Part
from deepwell.findings import Finding, Level

_GROUP = re.compile(r"(^|[_\W])(patient|subject|user|speaker|session|customer|group|family|site)([_\W]?id)?s?$", re.I)


def sizes(case: Case) -> Iterator[Finding]:
    """D23: a score on so few samples is mostly noise. Half width of a 95 % interval at 90 %, normal approximation."""
    if case.answer == "none":
        return
    for name, part in case.parts.items():
        if name == "train":
            continue
        width = 1.96 * math.sqrt(0.09 / part.total) if part.total else 0.0
        if part.total and width > 0.05:
            # so few where there are many is a choice; where all is small it is what there is
            chosen = width > 0.1 and case.train.total >= 10 * part.total
            yield Finding("D23", "warn" if chosen else "note", name, "interval", {"count": part.total, "width": width})
    if case.answer == "classes" and case.train.total < 10 * len(case.names):
        found = {"count": case.train.total, "classes": len(case.names)}
        yield Finding("D23", "note", "train", "few", found)


def coverage(case: Case) -> Iterator[Finding]:
    """D10: classes that are not in the training part, or are in it alone. D21: the tail of sorted data held out."""
    if case.answer != "classes" or len(case.names) < 2:
        return
    labels = case.labels
    train = np.bincount(labels["train"], minlength=len(case.names))
    for name, part in case.parts.items():
        if name == "train" or not len(part):
            continue
        here = np.bincount(labels[name], minlength=len(case.names))
        tail = _is_tail(case, train, here)
        if tail is not None:
            yield Finding("D21", "warn", name, "sorted_tail", tail)
            continue
        new = np.flatnonzero((train == 0) & (here > 0))
        if len(new):
            found = {"names": _names(case, new), "count": len(new), "samples": int(here[new].sum())}
            whole = case.train.rows is None and part.rows is None
            yield Finding("D10", "warn" if whole else "note", name, "unlearnt", found)
        missing = np.flatnonzero((train > 0) & (here == 0))
        if len(missing):
            found = {"names": _names(case, missing), "count": len(missing), "classes": len(case.names)}
            yield Finding("D10", "note", name, "unmeasured", found)


def _names(case: Case, numbers: np.ndarray) -> str:
    return ", ".join(str(case.names[i]) for i in numbers[:5].tolist()) + (", ..." if len(numbers) > 5 else "")


def _is_tail(case: Case, train: np.ndarray, here: np.ndarray) -> dict[str, Any] | None:
    """Whether a part's classes are others than the training part's, which lies sorted by class.

    Signals: total variation of the shares at least 0.3 with chi-square beyond chance, and labels in the order of the
    rows that change hardly ever (or, where the order is not known, two or more classes that are nowhere in training).
    """
    n, m = train.sum(), here.sum()
    if m < 5 or n < 10:
        return None
    distance = 0.5 * float(np.abs(train / n - here / m).sum())
    expected = (train + here) / (n + m)
    there = expected > 0
    chi = float((((train - n * expected) ** 2)[there] / (n * expected[there])).sum())
    chi += float((((here - m * expected) ** 2)[there] / (m * expected[there])).sum())
    freedom = int(there.sum()) - 1
    if distance < 0.3 or chi < freedom + 6 * math.sqrt(2 * freedom):
        return None
    sorted_ = is_sorted(case.labels["train"])
    nowhere = int(((train == 0) & (here > 0)).sum())
    if not sorted_ and nowhere < 2:
        return None
    lost = int(((here == 0) & (train > 0)).sum())
    return {"distance": distance, "chi": chi, "freedom": freedom, "missing": lost, "nowhere": nowhere}


def is_sorted(labels: np.ndarray) -> bool:
    """Whether equal labels lie together: at most a tenth of the changes that a random order has.

    >>> is_sorted(np.repeat([0, 1], 50)), is_sorted(np.arange(100) % 2)
    (True, False)
    """
    if len(labels) < 10 or len(np.unique(labels)) < 2:
        # with one class left there is no order to see: it is what the tail leaves of two
        return len(labels) >= 10
    shares = np.bincount(np.unique(labels, return_inverse=True)[1]) / len(labels)
    expected = (len(labels) - 1) * (1 - float((shares**2).sum()))
    return int((labels[1:] != labels[:-1]).sum()) <= max(len(shares) - 1, 0.1 * expected)


def shared_groups(case: Case) -> Iterator[Finding]:
    """D16: one patient, speaker or user on both sides of the split."""
    given = case.said.groups
    first = set(_plain(given.get("train", ())))
    for name in case.parts:
        if name == "train" or not first or name not in given:
            continue
        here = _plain(given[name])
        shared = first & set(here)
        if shared:
            samples = sum(value in shared for value in here)
            found = {"shared": len(shared), "groups": len(set(here)), "samples": samples, "of": len(here)}
            yield Finding("D16", "warn", name, "groups", {**found, "first": str(min(map(str, shared)))})
    if not given and case.kind == "table" and case.said.names is not None:
        for part in case.held_out:
            yield from _group_columns(case, part)


def _group_columns(case: Case, part: Part) -> Iterator[Finding]:
    """Columns that are named as groups are, and whose values are on both sides."""
    for number, name in enumerate(case.said.names or ()):
        if not _GROUP.search(str(name)) or number >= case.train.x.shape[1]:
            continue
        first, here = case.train.x[:, number], part.x[:, number]
        distinct = np.unique(here)
        shared = np.isin(here, first)
        if 2 < len(distinct) <= len(here) * 0.9 and shared.mean() > 0.2:
            found = {"column": str(name), "samples": int(shared.sum()), "of": len(here)}
            yield Finding("D16", "warn", part.name, "column", found)


def later_times(case: Case) -> Iterator[Finding]:
    """D17: training samples from after the first sample that is held out."""
    given = case.said.times
    if "train" not in given:
        return
    train = np.asarray(given["train"])
    for name in case.parts:
        if name == "train" or name not in given or not len(given[name]):
            continue
        begin = np.asarray(given[name]).min()
        later = int((train > begin).sum())
        if later:
            level: Level = "warn" if later > 0.01 * len(train) else "note"
            found = {"later": later, "of": len(train), "begin": str(begin), "end": str(train.max())}
            yield Finding("D17", level, name, "later", found)


def _plain(values: Any) -> list[Any]:
    return np.asarray(values).tolist()
