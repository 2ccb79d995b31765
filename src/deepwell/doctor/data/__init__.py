"""What can be said of prepared data before a model sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.protocols import Rows
from deepwell.doctor.finding import Finding

_LOOKED_AT = 20_000


def look(
    *,
    targets: Tensor,
    classes: Sequence[Any],
    split: Any,
    rows: Rows,
    skipped: Sequence[tuple[str, str]] = (),
    pictures: bool = True,
) -> list[Finding]:
    """Findings on labels, split and samples.

    Args:
        targets: class numbers of all samples, int64 [n].
        classes: their names.
        split: has ``train``, ``validation`` and ``test``, arrays of row numbers.
        rows: the encoded samples.
        skipped: (name, why) of samples that were left out.
        pictures: whether a row is a picture, which may be blank; a text of one word is none.
    """
    findings = [*_balance(targets, classes, split), *_sizes(split, len(classes)), *_coverage(targets, classes, split)]
    if skipped:
        name, why = skipped[0]
        evidence = f"{len(skipped)} samples can't be read and were left out; the first: {name}: {why}"
        findings.append(Finding("D30", "note", "samples", evidence, "mend or remove these files"))
    if pictures:
        findings += _values(rows, split)
    if hasattr(rows, "digests"):
        findings += _contents(rows, targets, classes, split)
    return findings


def _balance(targets: Tensor, classes: Sequence[Any], split: Any) -> list[Finding]:
    counts = np.bincount(targets[torch.from_numpy(split.train)].numpy(), minlength=len(classes))
    small, large = int(counts.argmin()), int(counts.argmax())
    if counts[small] == 0 or counts[large] <= 10 * counts[small]:
        return []
    evidence = f"class {classes[large]!r} has {counts[large]} training samples, {classes[small]!r} {counts[small]}"
    advice = "weigh the classes (--class-weights balanced) and read the macro F1, not the accuracy"
    return [Finding("D09", "warn", "labels", evidence, advice)]


def _sizes(split: Any, classes: int) -> list[Finding]:
    findings = []
    for part in ("validation", "test"):
        size = len(getattr(split, part))
        # half the width of a 95 % interval at the accuracy of 90 %, normal approximation
        width = 1.96 * math.sqrt(0.09 / size) if size else 0.0
        if size and width > 0.05:
            evidence = f"{size} samples: an accuracy near 90 % is known to +-{width:.0%} only"
            findings.append(
                Finding("D23", "warn", f"{part} part", evidence, f"give more data or hold out more ({part})")
            )
    if len(split.train) < 10 * classes:
        evidence = f"{len(split.train)} training samples for {classes} classes"
        findings.append(Finding("D23", "warn", "training part", evidence, "collect more: at least some tens a class"))
    return findings


def _coverage(targets: Tensor, classes: Sequence[Any], split: Any) -> list[Finding]:
    findings = []
    for part in ("validation", "test"):
        rows = getattr(split, part)
        if not len(rows):
            continue
        there = set(targets[torch.from_numpy(rows)].tolist())
        missing = [str(classes[i]) for i in range(len(classes)) if i not in there]
        if missing:
            names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            evidence = f"no sample of {len(missing)} of {len(classes)} classes ({names})"
            advice = "hold out more, or collect more of these classes: their score is not measured"
            findings.append(Finding("D10", "warn", f"{part} part", evidence, advice))
    return findings


def _contents(rows: Any, targets: Tensor, classes: Sequence[Any], split: Any) -> list[Finding]:
    findings = []
    digests = rows.digests()
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    repeated = len(digests) - len(first)
    labels = targets.numpy()
    if repeated:
        conflicts = np.flatnonzero(labels != labels[first[inverse]])
        if len(conflicts):
            row = int(conflicts[0])
            other = int(first[inverse[row]])
            evidence = (
                f"{len(conflicts)} samples equal another with a different label; first: {row} is "
                f"{classes[labels[row]]!r}, {other} is {classes[labels[other]]!r}"
            )
            findings.append(Finding("D19", "warn", "labels", evidence, "look at these pairs and mend the labels"))
        evidence = f"{repeated} of {len(digests)} samples equal another; equal samples are on one side of the split"
        findings.append(Finding("D14", "note", "samples", evidence, "nothing to do, unless you did not expect it"))
    return findings


def _values(rows: Rows, split: Any) -> list[Finding]:
    findings = []
    sample = torch.from_numpy(split.train[:: max(1, len(split.train) // _LOOKED_AT)])
    values = rows.gather(sample[:2000])
    flat = values.reshape(len(values), -1)
    blank = sample[:2000][(flat == flat[:, :1]).all(1)]
    if len(blank):
        evidence = (
            f"{len(blank)} of {len(values)} samples looked at have one value throughout; first: row {int(blank[0])}"
        )
        findings.append(Finding("D30", "warn", "samples", evidence, "look at these: a blank picture teaches nothing"))
    if bool((flat == flat[0, 0]).all()):
        evidence = "every sample looked at is the same value throughout"
        findings.append(Finding("D06", "stop", "samples", evidence, "check how the data is read"))
    return findings


def examine_data(*args, **kwargs):
    return []
