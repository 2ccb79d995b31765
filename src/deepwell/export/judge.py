"""Two passages of one batch, compared from the front to the back: the first difference is where it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.export.answers import unlike
from deepwell.export.routes import Passage


class Difference(UserError):
    """An export that does not answer as the trained model does.

    Attributes:
        where: ``preprocessing``, ``body`` or ``decoding``: where it begins.
        layer: the first layer of the body that differs, or "".
    """

    def __init__(self, what: str, where: str, came: str, *, layer: str = "") -> None:
        self.where = where
        self.layer = layer
        super().__init__(
            f"the {what} does not answer as the trained model does, and it begins in the {where}: {came}",
            expected="the same answers from the same raw samples",
            fix="nothing was written; please report it, and use the model file itself until then",
        )


class Judge:
    """Compares, and remembers the largest differences.

    Args:
        what: what is judged, for the error.
        tolerance: see ``gate.TOLERANCE``.
        first_layer: names the first layer that differs for raw samples, or gives "".

    Attributes:
        worst: the largest absolute difference at each place.
        ties: answers that differ because two were equally good.
    """

    def __init__(self, what: str, tolerance: float, first_layer: Callable[[Sequence[Any]], str] | None = None) -> None:
        self.what = what
        self.tolerance = tolerance
        self.first_layer = first_layer or (lambda _raw: "")
        self.worst = dict.fromkeys(("encoded", "prepared", "scores", "probabilities"), 0.0)
        self.ties = 0

    def look(self, ours: Passage, theirs: Passage, batch: Sequence[Any]) -> None:
        """One batch.

        Args:
            ours: what is right.
            theirs: what is judged.
            batch: the raw samples.

        Raises:
            Difference: the first difference beyond the tolerance.
        """
        whole = ours.encoded.dtype.kind in "iub"
        limit = 0.0 if whole else self.tolerance * _size(ours.encoded)
        if words := self._apart("encoded", ours.encoded, theirs.encoded, batch, limit):
            raise Difference(self.what, "preprocessing", f"the encoded numbers {words}")
        limit = self.tolerance * _size(ours.prepared)
        if words := self._apart("prepared", ours.prepared, theirs.prepared, batch, limit):
            raise Difference(self.what, "preprocessing", f"the numbers that the network is given {words}")
        own, other = unpadded(ours.scores, ours.real), unpadded(theirs.scores, ours.real)
        limit = self.tolerance * _size(own)
        if words := self._apart("scores", own, other, batch, limit):
            layer = self.first_layer(batch)
            at = f"the first layer that differs is {layer}; " if layer else ""
            raise Difference(self.what, "body", f"{at}the scores {words}", layer=layer)
        if words := self._apart("probabilities", ours.probabilities, theirs.probabilities, batch, self.tolerance):
            raise Difference(self.what, "decoding", f"the probabilities {words}")
        self._answers(ours, theirs, batch)

    def _apart(
        self, place: str, ours: np.ndarray | None, theirs: np.ndarray | None, batch: Sequence[Any], limit: float
    ) -> str:
        """What is wrong between two arrays, in words; "" where nothing is, or where one side has none."""
        if ours is None or theirs is None:
            return ""
        if ours.shape != theirs.shape:
            return f"have the shape {list(theirs.shape)} in place of {list(ours.shape)}"
        if ours.dtype.kind != theirs.dtype.kind:
            return f"are {theirs.dtype} in place of {ours.dtype}"
        each = [_largest(a, b) for a, b in zip(ours, theirs, strict=True)]
        largest = max(each, default=0.0)
        self.worst[place] = max(self.worst[place], largest)
        if largest <= limit:
            return ""
        name = named(batch[each.index(largest)])
        return f"of {name} differ by up to {largest:.3g}, where {limit:.1g} is allowed"

    def _answers(self, ours: Passage, theirs: Passage, batch: Sequence[Any]) -> None:
        for sample, own, other in zip(batch, ours.answers, theirs.answers, strict=True):
            found = unlike(own, other, self.tolerance)
            if found is None:
                continue
            if not found.tie:
                words = f"{named(sample)} is answered {found.theirs} in place of {found.ours} ({found.place})"
                raise Difference(self.what, "decoding", words)
            self.ties += 1


def unpadded(array: np.ndarray, real: np.ndarray | None) -> np.ndarray:
    """An array [n, length, ...] with 0 where there is padding; others as they are.

    >>> unpadded(np.ones((1, 2, 1)), np.array([[True, False]])).tolist()
    [[[1.0], [0.0]]]
    """
    if real is None or array.shape[:2] != real.shape:
        return array
    return np.where(real.reshape(*real.shape, *(1,) * (array.ndim - 2)), array, 0)


def _size(array: np.ndarray | None) -> float:
    """The largest magnitude, at least 1."""
    return 1.0 if array is None else max(1.0, float(np.abs(array).max(initial=0.0)))


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest absolute difference; infinite where only one side is infinite or no number."""
    # the same infinities on both sides are no difference
    alike = (ours == theirs) | ((ours != ours) & (theirs != theirs))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where(alike, 0.0, np.abs(ours.astype(np.float64) - theirs.astype(np.float64)))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))


def named(sample: Any) -> str:
    """What a person calls a raw sample."""
    if hasattr(sample, "shape"):
        return f"an array of shape {list(sample.shape)}"
    if hasattr(sample, "size") and hasattr(sample, "mode"):
        return f"a picture of {sample.size[0]}x{sample.size[1]} ({sample.mode})"
    shown = repr(sample)
    return shown if len(shown) <= 60 else shown[:60] + "..."
