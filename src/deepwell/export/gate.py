"""The gate: an export passes if it gives the trained model's answers, from raw samples on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.export.judge import Difference, Judge, named
from deepwell.export.routes import Passage, Route

TOLERANCE = 1e-4
"""Largest difference of a probability, and of a score as a share of the batch's largest score (or of 1).

Another runtime adds the same float32 numbers in another order. A sum of k products then moves by about sqrt(k) times
6e-8 of its terms' size, and layers add up: some 1e-6 is usual, and deep networks reach 1e-5. What goes wrong in exports
(a channel, a normalisation, a layer's mode) moves scores by 1e-2 and more."""

LEAST = 64
"""Real samples that an export is held against."""

_BATCHES = (7, 1)
_ALONE = 8
"""Real samples that are also answered one by one; the odd ones all are."""


@dataclass(frozen=True)
class Parity:
    """What a comparison came to, where nothing was beyond the tolerance.

    Attributes:
        samples: real ones.
        odd: made ones, of strange sizes and contents.
        refused: odd ones that both sides refuse.
        batches: sizes of batches that were run.
        encoded, prepared, scores, probabilities: the largest absolute difference of each.
        answers_differ: samples with another answer: 0, or there is no ``Parity``.
        ties: times that two best answers were so close that either is right, and the two sides chose apart.
        tolerance: see ``TOLERANCE``.
    """

    samples: int
    odd: int
    refused: int
    batches: tuple[int, ...]
    encoded: float
    prepared: float
    scores: float
    probabilities: float
    answers_differ: int
    ties: int
    tolerance: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "batches": list(self.batches)}


def spread(parts: Sequence[Sequence[Any]], most: int = 256) -> list[Any]:
    """Raw samples for the gate: from the first parts that together have enough, evenly taken.

    >>> spread([[1, 2], list(range(100))], most=64)[:5]
    [1, 2, 0, 2, 3]
    """
    found: list[Any] = []
    for part in parts:
        left = most - len(found)
        if len(found) >= LEAST or not left:
            break
        places = np.linspace(0, max(0, len(part) - 1), min(left, len(part))).round().astype(int)
        found += [part[place] for place in np.unique(places).tolist()]
    return found


def compare(
    trained: Route,
    other: Route,
    samples: Sequence[Any],
    odd: Sequence[Any],
    *,
    what: str,
    tolerance: float = TOLERANCE,
    first_layer: Callable[[Sequence[Any]], str] | None = None,
) -> Parity:
    """Run samples both ways and compare what comes out at each place.

    Args:
        trained: what is right.
        other: what is judged.
        samples: real raw samples.
        odd: further ones, which may be refused if both sides refuse them; each is a batch of its own.
        what: the name of ``other`` in the error.
        tolerance: see ``TOLERANCE``.
        first_layer: names the first layer that differs for such raw samples, or gives "".

    Raises:
        Difference: the first difference beyond the tolerance, with the place where it begins.
    """
    judge, refused = Judge(what, tolerance, first_layer), 0
    for batch in _batches(samples):
        judge.look(trained.passage(batch), _accepted(other, batch, what), batch)
    for sample in odd:
        ours, theirs = _or_refused(trained, sample), _or_refused(other, sample)
        if (ours is None) != (theirs is None):
            side = "accepts, and the trained model refuses," if ours is None else "refuses"
            raise Difference(what, "preprocessing", f"it {side} {named(sample)}")
        if ours is None or theirs is None:
            refused += 1
        else:
            judge.look(ours, theirs, [sample])
    return Parity(
        samples=len(samples),
        odd=len(odd),
        refused=refused,
        batches=_BATCHES,
        **judge.worst,
        answers_differ=0,
        ties=judge.ties,
        tolerance=tolerance,
    )


def _batches(samples: Sequence[Any]) -> Iterator[Sequence[Any]]:
    most, least = max(_BATCHES), min(_BATCHES)
    for start in range(0, len(samples), most):
        yield samples[start : start + most]
    for start in range(0, min(_ALONE, len(samples)), least):
        yield samples[start : start + least]


def _accepted(route: Route, batch: Sequence[Any], what: str) -> Passage:
    try:
        return route.passage(batch)
    except UserError as error:
        raise Difference(what, "preprocessing", f"it refuses what the trained model accepts ({error})") from None


def _or_refused(route: Route, sample: Any) -> Passage | None:
    try:
        return route.passage([sample])
    except UserError:
        return None
