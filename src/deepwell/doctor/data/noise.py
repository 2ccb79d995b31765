"""Labels that look wrong, by confident learning: a list to look through, never a reason to delete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import read
from deepwell.doctor.data.probe import Probe, probe_classes, taken
from deepwell.findings import Finding

_ASKED = 1_000


@dataclass(frozen=True)
class Suspicious:
    """A label that looks wrong.

    Attributes:
        row: of the sample.
        given: its label.
        suggested: the label that the others of its kind have.
        margin: how much more probable the suggested label is than the given one, from 0 to 1.
    """

    row: int
    given: Any
    suggested: Any
    margin: float


def suspicious_labels(
    x: Any, y: Any, *, classes: Sequence[Any] | None = None, most: int | None = None, seed: int = 0
) -> list[Suspicious]:
    """Samples whose label looks wrong, the most doubtful first.

    Confident learning (Northcutt, Jiang, Chuang 2021, doi:10.1613/jair.1.12125): each sample is judged by a cheap
    model that has not seen it; it is listed where another class passes the mean confidence that samples of that class
    have in it, and is the most probable of those. Of such lists about one half is really wrong in published sets
    (Northcutt, Athalye, Mueller 2021, arXiv:2103.14749), so look before you change a label.

    Args:
        x: pictures, tables or ids as arrays or tensors [n, ...], or a list of texts.
        y: one class a sample: numbers, names or one-hot rows.
        classes: names of the classes by number.
        most: of samples that are looked at, a draw by the seed; None: all.
        seed: of folds and draws.

    >>> random = np.random.default_rng(0)
    >>> y = np.arange(200) % 2
    >>> x = random.normal(size=(200, 4)) + 4 * y[:, None]
    >>> y[17] = 0
    >>> [(s.row, s.given, s.suggested) for s in suspicious_labels(x, y)][0]
    (17, 0, 1)
    """
    case = Case({"train": read("train", (x, y), seed=seed)})
    if case.answer != "classes" or len(case.names) < 2:
        return []
    probe = probe_classes(case.train, case.labels["train"], len(case.names), seed=seed, most=most or len(case.train))
    names = case.names if classes is None else [classes[name] for name in case.names]
    return [] if probe is None else ranked(probe, names, case.train.rows)


def ranked(probe: Probe, names: Sequence[Any], rows: np.ndarray | None = None) -> list[Suspicious]:
    """The samples of a probe that look wrong, by margin."""
    chances = probabilities(probe)
    y = probe.labels
    own = chances[np.arange(len(y)), y]
    counts = np.bincount(y, minlength=chances.shape[1])
    usual = np.bincount(y, weights=own, minlength=chances.shape[1]) / np.maximum(counts, 1)
    usual[counts == 0] = np.inf
    confident = np.where(chances >= usual, chances, -1.0)
    best = confident.argmax(1)
    there = confident[np.arange(len(y)), best]
    margin = there - own
    places = np.flatnonzero((best != y) & (there > 0) & (margin > 0))
    order = places[np.argsort(-margin[places], kind="stable")]
    number = probe.places if rows is None else rows[probe.places]
    return [Suspicious(int(number[i]), names[y[i]], names[best[i]], round(float(margin[i]), 4)) for i in order]


def probabilities(probe: Probe) -> np.ndarray:
    """Out-of-fold scores as probabilities: softmax at the temperature that makes the labels most likely."""
    best, found = -np.inf, np.zeros_like(probe.scores)
    for sharpness in (1, 2, 4, 6, 9, 13, 20, 30):
        scores = sharpness * (probe.scores - probe.scores.max(1, keepdims=True))
        chances = np.exp(scores)
        chances /= chances.sum(1, keepdims=True)
        likely = float(np.log(np.maximum(chances[np.arange(len(chances)), probe.labels], 1e-4)).mean())
        if likely > best:
            best, found = likely, chances
    return found


def cleaner_validation(case: Case) -> Iterator[Finding]:
    """D20 on the training part alone: the cheap model, fitted on it, is right far more often on held-out labels.

    Unseen samples of either part are as hard as each other, so the difference is in the labels. Two signals: the
    difference, and at least a tenth of the training labels on the list of confident learning.
    """
    probe = case.probe
    if probe is None or not probe.learns or len(probe.labels) < 200:
        return
    for part in case.held_out:
        if len(part) < 100:
            continue
        places = part.sample(_ASKED, case.said.seed)
        right = float((probe.answers(taken(part.x, places)) == case.labels[part.name][places]).mean())
        error = float(np.sqrt(0.25 / len(places) + 0.25 / len(probe.labels)))
        listed = len(ranked(probe, case.names)) / len(probe.labels)
        if right - probe.accuracy > max(0.12, 5 * error) and listed >= 0.1:
            found = {"accuracy": probe.accuracy, "right": right, "listed": listed, "looked": len(places)}
            yield Finding("D20", "warn", "labels", "cleaner", {**found, "part": part.name, "of": part.total})
            return


def label_noise(case: Case) -> Iterator[Finding]:
    """D20: more labels look wrong than a set that was labelled with care has; a note, as half of them may be right."""
    probe = case.probe
    if probe is None or probe.accuracy < max(0.7, 0.5 * (1 + probe.base)):
        return
    found = ranked(probe, case.names, case.train.rows)
    errors = int((probe.scores.argmax(1) != probe.labels).sum())
    # a model that is often wrong for reasons of its own is doubtful of few labels only
    if len(found) < max(5, 0.025 * len(probe.labels), 0.5 * errors):
        return
    first = found[0]
    values: dict[str, Any] = {
        "count": len(found),
        "looked": len(probe.labels),
        "of": case.train.total,
        "accuracy": probe.accuracy,
    }
    values |= {"row": first.row, "given": str(first.given), "suggested": str(first.suggested)}
    values |= {"rows": ", ".join(str(s.row) for s in found[:8])}
    yield Finding("D20", "note", "labels", "list", values)
