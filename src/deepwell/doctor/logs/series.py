"""What a log says about a training: series of numbers by name, each with its places on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_UNITS = {"step": "步", "epoch": "轮", "row": "行"}


@dataclass(frozen=True)
class Series:
    """Numbers that were logged one after the other.

    Attributes:
        values: [n]; NaN and infinity where the log says so.
        step: [n], rising: the log's steps, else its epochs, else the number of the row.
        epoch: [n], the epoch of each where the log says it.
        unit: what ``step`` counts: ``step``, ``epoch`` or ``row``.
    """

    values: Floats
    step: Floats
    epoch: Floats | None = None
    unit: str = "step"

    def __len__(self) -> int:
        return len(self.values)

    def kept(self, mask: NDArray[np.bool_]) -> Series:
        """The points where ``mask`` [n] is true."""
        epoch = None if self.epoch is None else self.epoch[mask]
        return replace(self, values=self.values[mask], step=self.step[mask], epoch=epoch)

    def at(self, place: int) -> dict[str, float | str]:
        """Where a point is, as the values of a finding: its step, and the unit of it in both languages."""
        return {"at": float(self.step[place]), "unit": self.unit, "unit_zh": _UNITS[self.unit]}

    @property
    def finite(self) -> Series:
        """Without NaN and infinity."""
        return self.kept(np.isfinite(self.values))

    @property
    def end(self) -> float:
        """Where it ended: the median of the last fifth, of at least 3 points."""
        return float(np.median(self.tail))

    @property
    def start(self) -> float:
        """Where it began: the first value, or the median of the first hundredth of a long log."""
        return float(np.median(self.values[: max(1, len(self) // 100)]))

    @property
    def tail(self) -> Floats:
        """The last fifth, of at least 3 points."""
        return self.values[-max(3, -(-len(self) // 5)) :]

    @property
    def noise(self) -> float:
        """How far two neighbours differ by chance: a robust standard deviation of one value (MAD of differences)."""
        if len(self) < 3:
            return 0.0
        steps = np.diff(self.values)
        return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2))

    @property
    def rounding(self) -> float:
        """Half a unit of the last decimal that was written; 0 where numbers were written whole.

        >>> series([0.74, 0.75, 0.9]).rounding
        0.005
        """
        some = self.values[-200:]
        for digits in range(7):
            if np.array_equal(np.round(some, digits), some):
                return 0.5 * 10.0**-digits
        return 0.0

    def flat(self, share: float) -> bool:
        """Whether the last fifth's halves differ by at most a share of their size."""
        half = len(self.tail) // 2
        first, last = np.median(self.tail[:half]), np.median(self.tail[half:])
        return bool(abs(last - first) <= share * abs(first) + 2 * self.rounding)


def series(values: Iterable[float], step: Sequence[float] | None = None) -> Series:
    """Plain numbers as a series.

    >>> series([3, 2, 1]).step.tolist()
    [1.0, 2.0, 3.0]
    """
    numbers = np.asarray(list(values), dtype=np.float64)
    if step is None:
        return Series(numbers, np.arange(1.0, len(numbers) + 1), unit="row")
    return Series(numbers, np.asarray(step, dtype=np.float64))


@dataclass(frozen=True)
class Curve:
    """What was logged of a training; None where the log has no such series.

    Attributes:
        loss, val_loss: of the training and validation part, a point an epoch or a point a step.
        batch_loss: of single batches, where the log has them beside those of epochs.
        accuracy, val_accuracy: shares of right answers, 0 to 1 (percent is divided).
        learning_rate: as it was set.
        gradient_norm: of all gradients together.
    """

    loss: Series | None = None
    val_loss: Series | None = None
    batch_loss: Series | None = None
    accuracy: Series | None = None
    val_accuracy: Series | None = None
    learning_rate: Series | None = None
    gradient_norm: Series | None = None

    @classmethod
    def of(cls, *, step: Sequence[float] | None = None, **named: Iterable[float]) -> Curve:
        """A curve from plain lists.

        >>> len(Curve.of(loss=[2.3, 2.2], val_loss=[2.3, 2.3]).loss)
        2
        """
        return cls(**{name: series(values, step) for name, values in named.items()})

    def mapped(self, change: Callable[[Series], Series]) -> Curve:
        """Each series changed; one that is left empty is None."""
        new: dict[str, Any] = {name: change(one) for name, one in vars(self).items() if one is not None}
        return replace(self, **{name: one if len(one) else None for name, one in new.items()})

    @property
    def shares(self) -> Curve:
        """With accuracies between 0 and 1: numbers above 1 are percent."""
        return replace(self, accuracy=_share(self.accuracy), val_accuracy=_share(self.val_accuracy))


def _share(one: Series | None) -> Series | None:
    if one is None or not len(one) or np.nanmax(one.values) <= 1.5:
        return one
    return replace(one, values=one.values / 100)


def at_epochs(one: Series, other: Series) -> Series:
    """``one`` at the places of ``other``: the last value at or before each; places before the first fall away.

    >>> at_epochs(series([5, 4, 3, 2]), series([0, 0], [2, 4])).values.tolist()
    [4.0, 2.0]
    """
    place = np.searchsorted(one.step, other.step, side="right") - 1
    seen = place >= 0
    epoch = None if other.epoch is None else other.epoch[seen]
    return Series(one.values[place[seen]], other.step[seen], epoch)
