"""Samples and answers that do not belong together: shifted rows, numbers of classes that mean other names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import Part
from deepwell.doctor.data.probe import Probe, probe_classes, taken
from deepwell.findings import Finding

_ENOUGH, _FEWEST = 650, 300
_ASKED = 1_000


def unrelated(case: Case) -> Iterator[Finding]:
    """D33: the cheap model learns no more from the labels than from shuffled ones.

    Alone a note, as a task may be beyond the model. A warning where labels of rows a step further can be learnt, or
    where the same model learns the held-out part's own labels from as few samples.
    """
    probe = case.probe
    if probe is None or len(probe.labels) < _FEWEST or not probe.learns_nothing:
        return
    found = {"accuracy": probe.accuracy, "base": probe.base, "shuffled": probe.shuffled, "looked": len(probe.labels)}
    found |= {"of": case.train.total}
    better = {k: share for k, share in probe.shifted.items() if share > probe.base + max(8 * probe.error, 0.1)}
    if better:
        rows = max(better, key=lambda k: better[k])
        yield Finding("D33", "warn", "labels", "shifted", {**found, "rows": rows, "shifted": better[rows]})
        return
    for part in case.held_out:
        if len(part) < 200:
            continue
        own = probe_classes(part, case.labels[part.name], len(case.names), seed=case.said.seed, most=_ENOUGH)
        if own is not None and own.learns and own.accuracy > own.base + 0.2:
            yield Finding("D33", "warn", "labels", "train_only", {**found, "part": part.name, "own": own.accuracy})
            return
    if len(probe.labels) >= _ENOUGH:
        yield Finding("D33", "note", "labels", "nothing", found)


def class_map(case: Case) -> Iterator[Finding]:
    """D13: the classes of a part are numbered otherwise than those of the training part.

    By the maps that data sets carry (``class_to_idx``, ``classes``), and by what the cheap model says: wrong on the
    part under the numbers as they are, right under another order of them.
    """
    for part in case.held_out:
        given = _maps(case.train, part)
        if given is not None:
            yield Finding("D13", "stop", part.name, "maps", given)
            continue
        probe = case.probe
        if probe is not None and probe.learns and len(part) >= 50 and len(case.names) <= 50:
            yield from _permuted(case, part, probe)


def _maps(train: Part, part: Part) -> dict[str, str] | None:
    for name in ("class_to_idx", "classes"):
        one, two = (getattr(p.dataset, name, None) for p in (train, part))
        if one is None or two is None or type(one) is not type(two) or one == two:
            continue
        pairs = [dict(v) if isinstance(v, dict) else {c: i for i, c in enumerate(v)} for v in (one, two)]
        other = next((c for c in pairs[0] if c in pairs[1] and pairs[0][c] != pairs[1][c]), None)
        if other is not None:
            return {"name": str(other), "train": str(pairs[0][other]), "part": str(pairs[1][other])}
    return None


def _permuted(case: Case, part: Part, probe: Probe) -> Iterator[Finding]:
    places = part.sample(_ASKED, case.said.seed)
    said, true = probe.answers(taken(part.x, places)), case.labels[part.name][places]
    classes = len(case.names)
    table = np.bincount(said * classes + true, minlength=classes * classes).reshape(classes, classes)
    plain = float(np.trace(table) / len(places))
    there = np.flatnonzero(table.sum(0))
    best = table[:, there].argmax(0)  # what the model says where the part has each of its classes
    if len(there) < 2 or len(set(best.tolist())) < len(there) or (best == there).all():
        return
    renamed = float(table[best, there].sum() / len(places))
    # two classes that are swapped: the model must be sure of both
    if renamed > plain + 0.3 and renamed > 0.8 * probe.accuracy and plain < 0.6 * probe.accuracy:
        moved = np.flatnonzero(best != there)
        one, two = int(there[moved[0]]), int(best[moved[0]])
        found: dict[str, Any] = {"plain": plain, "renamed": renamed, "own": probe.accuracy, "looked": len(places)}
        found |= {"one": str(case.names[one]), "two": str(case.names[two]), "moved": len(moved)}
        yield Finding("D13", "warn", part.name, "permuted", found)
