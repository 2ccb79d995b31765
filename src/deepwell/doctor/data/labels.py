"""What is wrong with the answers themselves: their range, their form, how many there are of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import Part
from deepwell.findings import Finding, Level

_EXCLUSIVE = ("cross_entropy", "nll_loss", "nll")
_OF_PROBABILITIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "bce")


def one_answer(case: Case) -> Iterator[Finding]:
    """D08: all training samples have the same answer."""
    y = case.train.y
    if case.answer == "classes":
        constant, value = len(np.unique(case.labels["train"])) == 1, str(case.names[case.labels["train"][0]])
    elif case.answer in ("multi-hot", "numbers", "positions"):
        array = np.asarray(y)
        constant, value = bool((array == array[:1]).all()), f"{array.reshape(-1)[0]:g}"
        if case.answer == "positions":
            constant = constant and bool((array == array.reshape(-1)[0]).all())
    elif case.answer == "tags":
        found = {tag for row in y for tag in row}
        constant, value = len(found) == 1, next(iter(found), "")
    else:
        return
    if constant and len(y) > 1:
        level: Level = "note" if _stands_in(case) else "stop"
        yield Finding("D08", level, "labels", "one", {"value": value, "count": len(y)})


def _stands_in(case: Case) -> bool:
    """Whether constant numbers may stand for no answer at all: of floats, in every part, for a loss of no known name.

    Triplets, adversarial pairs and autoencoders are often given such a column, as a data set wants one.
    """
    if case.said.loss is not None or case.said.classes is not None:
        return False
    arrays = [np.asarray(part.y) for part in case.parts.values() if part.y is not None]
    return all(a.dtype.kind == "f" and (a == arrays[0].reshape(-1)[0]).all() for a in arrays)


def balance(case: Case) -> Iterator[Finding]:
    """D09: most samples are of few classes.

    Over ten times the smallest is a note. Two signals make a warning: over twenty times, and an effective number of
    classes (perplexity of the shares, from 1 to C, brought to 0..1) below one half. The loss may weigh the classes,
    which is not seen here unless it is said (``weighted``).
    """
    if case.answer != "classes":
        return
    counts = np.bincount(case.labels["train"], minlength=len(case.names))
    there = np.flatnonzero(counts)
    if len(there) < 2:
        return
    small, large = int(there[counts[there].argmin()]), int(counts.argmax())
    if counts[large] <= 10 * counts[small]:
        return
    shares = counts[there] / counts.sum()
    effective = float(np.exp(-(shares * np.log(shares)).sum()))
    uneven = counts[large] > 20 * counts[small] and (effective - 1) / (len(there) - 1) < 0.5
    # what is measured is even and what is learnt from is not: nobody meant it
    held = [np.bincount(case.labels[part.name], minlength=len(case.names))[there] for part in case.held_out]
    uneven |= any(len(part) and part.min() > 0 and part.max() < 3 * part.min() and part.sum() >= 50 for part in held)
    level: Level = "warn" if uneven and not case.said.weighted else "note"
    found = {
        "large": str(case.names[large]),
        "many": int(counts[large]),
        "small": str(case.names[small]),
        "few": int(counts[small]),
        "share": float(shares.max()),
        "effective": effective,
        "classes": len(there),
    }
    yield Finding("D09", level, "labels", "counts", found)


def in_range(case: Case) -> Iterator[Finding]:
    """D11: class numbers that a loss over 0 to C-1 can't take; counted from 1, with gaps, or below 0."""
    if case.answer != "classes" or case.class_names is not None:
        return
    numbers = [np.asarray(part.y) for part in case.parts.values() if part.y is not None]
    if any(a.dtype.kind not in "iu" or (a.ndim == 2 and a.shape[1] > 1) for a in numbers):
        return
    for part in case.parts.values():
        yield from _range_of(case, part)


def _range_of(case: Case, part: Part) -> Iterator[Finding]:
    values = np.asarray(part.y).reshape(-1)
    kept = values[values != case.said.ignored]
    if not len(kept):
        return
    distinct = np.unique(kept)
    low, high, classes = int(distinct[0]), int(distinct[-1]), case.said.classes
    shown = ", ".join(map(str, distinct[:6].tolist())) + (", ..." if len(distinct) > 6 else "")
    exclusive = case.said.loss in _EXCLUSIVE
    wrong = kept_places(values, case.said.ignored, 0, classes if classes is not None else high + 1)
    found = {"labels": shown, "low": low, "high": high, "classes": classes or high + 1, "count": len(wrong)}
    found["row"] = part.row(int(wrong[0])) if len(wrong) else -1
    if classes is not None and len(wrong) and classes > 1:
        one_based = low == 1 and high == classes
        gaps = len(distinct) <= classes and low >= 0
        saw = "one_based" if one_based else "below" if low < 0 else "gaps" if gaps else "range"
        # -1 marks what is to be left out as often as not, and whether the loss leaves it out is not known here
        marked = low == -1 and high < classes and (kept == -1).mean() < 0.9 and not exclusive
        yield Finding("D11", "note" if marked else "stop", part.name, saw, found)
    elif classes is None and exclusive and low < 0:
        level: Level = "stop" if distinct.tolist() == [-1, 1] else "note"
        yield Finding("D11", level, part.name, "below", found)
    elif classes is None and part.name == "train" and low >= 0 and len(distinct) < high + 1 and len(distinct) > 1:
        saw = "from_one" if low == 1 and len(distinct) == high else "holes"
        yield Finding("D11", "note", part.name, saw, {**found, "there": len(distinct)})


def kept_places(values: np.ndarray, ignored: int, low: int, high: int) -> np.ndarray:
    """Where numbers are outside low..high-1 and are not the one that the loss leaves out."""
    return np.flatnonzero(((values < low) | (values >= high)) & (values != ignored))


def form(case: Case) -> Iterator[Finding]:
    """D12: a type or shape of the answers that the named loss does not take. D34: rows of several labels."""
    loss, part = case.said.loss, case.train
    y = np.asarray(part.y) if part.y is not None and case.answer not in ("tags", "none", "sets") else None
    if loss is None or y is None or y.dtype.kind not in "buif":
        return
    # an array may still be cast on its way to the loss; a tensor was made for it
    level: Level = "stop" if part.tensors else "note"
    found = {"dtype": str(y.dtype), "shape": str(list(y.shape)), "loss": loss}
    if loss in _EXCLUSIVE:
        if y.ndim == 2 and y.shape[1] == 1:
            yield Finding("D12", level, "labels", "labels_column", found)
        elif y.ndim == 1 and y.dtype.kind == "f":
            yield Finding("D12", level, "labels", "labels_float", found)
        elif y.ndim == 2 and y.dtype.kind != "f" and y.shape[1] > 1 and y.min() >= 0 and y.max() <= 1:
            yield Finding("D12", level, "labels", "labels_rows", found)
    elif loss in _OF_PROBABILITIES and y.dtype.kind in "iub":
        yield Finding("D12", level, "labels", "labels_whole", found)
    if y.ndim == 2 and y.shape[1] > 1:
        yield from _rows_of_labels(case, y.astype(np.float64, copy=False))


def _rows_of_labels(case: Case, y: np.ndarray) -> Iterator[Finding]:
    if not ((y == 0) | (y == 1)).all():
        return
    sums = y.sum(1)
    several = np.flatnonzero(sums != 1)
    if case.said.loss in _EXCLUSIVE and len(several):
        found = {"count": len(several), "of": len(y), "row": case.train.row(int(several[0])), "width": y.shape[1]}
        yield Finding("D34", "warn", "labels", "several", {**found, "labels": int(sums[several[0]])})
    elif case.said.loss in _OF_PROBABILITIES and not len(several) and y.shape[1] > 2 and len(y) >= 20:
        yield Finding("D34", "note", "labels", "exclusive", {"of": len(y), "width": y.shape[1]})


def masks(case: Case) -> Iterator[Finding]:
    """D32: answers for every pixel or word that are no class numbers."""
    classes = case.said.classes
    if case.answer != "positions" or classes is None:
        return
    for part in case.parts.values():
        values = np.asarray(part.y)
        distinct = np.unique(values[:: max(1, len(values) // 500)])
        odd = [int(v) for v in distinct if not 0 <= v < classes and v != case.said.ignored]
        if not odd:
            continue
        found = {"values": ", ".join(map(str, odd[:5])), "classes": classes}
        # 255 and -1 are the usual marks of "no class": whether the loss knows of them is not seen here
        yield Finding("D32", "note" if set(odd) <= {255, -1} else "stop", part.name, "classes", found)
