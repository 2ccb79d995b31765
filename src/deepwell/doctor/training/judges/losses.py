"""The loss of every step: what it began with, where it is, and whether it falls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from deepwell.doctor.training.judges.trend import in_a_row, median, slope, zigzag
from deepwell.findings import Finding, Level

_KEPT = 400
_FIRST = 5
_LEVEL = 20


class Losses:
    """A training's losses, step by step.

    A *note* is what the losses alone say; a *warn* needs a second sign, such as the size of the updates.

    >>> losses = Losses()
    >>> for step in range(100):
    ...     losses.add(2.0 - 0.01 * step)
    >>> round(losses.fell, 2), losses.flat(50)
    (0.44, False)
    """

    def __init__(self) -> None:
        self.count = 0
        self.broken = 0
        self.first: list[float] = []
        self.recent: list[float] = []
        self.lowest: float | None = None
        self.judged = 0
        self.strikes: dict[str, int] = {}

    def add(self, value: float) -> None:
        """Take the mean loss of one step."""
        self.count += 1
        if not math.isfinite(value):
            self.broken += 1
            return
        if len(self.first) < _FIRST:
            self.first.append(value)
        self.recent.append(value)
        if len(self.recent) > 2 * _KEPT:
            del self.recent[:-_KEPT]
        if self.count % _LEVEL == 0:
            self.lowest = self.level if self.lowest is None else min(self.lowest, self.level)

    @property
    def known(self) -> bool:
        """Whether there are enough losses to speak of a level."""
        return len(self.recent) >= _LEVEL + _FIRST

    @property
    def initial(self) -> float:
        """Median of the first losses; the very first where the next ones are all far above it."""
        middle = median(self.first)
        exploded = len(self.first) == _FIRST and min(self.first[1:]) > 1.5 * self.first[0] > 0
        return self.first[0] if exploded and middle > 3 * self.first[0] else middle

    @property
    def level(self) -> float:
        """Median of the last losses."""
        return median(self.recent[-_LEVEL:])

    @property
    def fell(self) -> float:
        """Share of the first loss that is gone; below 0 where it rose, 0 while too little is known."""
        return (self.initial - self.level) / max(abs(self.initial), 1e-12) if self.known else 0.0

    @property
    def stuck(self) -> bool:
        """The loss is known and has fallen by less than a twentieth since the beginning."""
        return self.known and self.fell < 0.05

    def flat(self, window: int) -> bool:
        """Over the last ``window`` steps the loss did not fall by more than noise may explain."""
        if len(self.recent) < window:
            return False
        return slope(self.recent[-window:])[1] > -2.0

    def _decline(self, window: int) -> float:
        """Share by which the median fell over the last steps."""
        values = self.recent[-window:]
        half = len(values) // 2
        before = median(values[:half])
        return (before - median(values[half:])) / max(abs(before), 1e-12)

    def judge(
        self, *, ratio: float | None, turn: float | None, scored: bool, batch: Callable[[int], str] = "batch {}".format
    ) -> Iterator[Finding]:
        """What the losses say.

        Args:
            ratio: of the updates to the weights, lately; None where unknown.
            turn: cosine between gradients of neighbouring steps, lately; None where unknown.
            scored: the loss is known to be one that training shall lower (read back from its gradient).
            batch: what a step's batch is called.
        """
        yield from self._diverges(ratio, scored)
        yield from self._oscillates(ratio, turn)
        yield from self._spike(batch)

    def _diverges(self, ratio: float | None, scored: bool) -> Iterator[Finding]:
        risen = self.known and self.initial > 0 and self.level > 2 * self.initial
        times = in_a_row(self.strikes, "O01", risen)
        if times < 2:
            return
        large = ratio is not None and ratio > 0.03
        values = {"initial": self.initial, "loss": self.level, "times": self.level / self.initial}
        yield Finding(
            "O01", "warn" if large or (scored and times >= 5) else "note", "loss", "training_diverges", values
        )

    def _oscillates(self, ratio: float | None, turn: float | None) -> Iterator[Finding]:
        """The loss zig-zags, or each gradient points against the last one, while the loss gets no lower."""
        window = self.recent[-40:]
        still = self.flat(min(100, len(self.recent))) or self._decline(40) < 0.01
        if len(window) < 40 or not still:
            in_a_row(self.strikes, "O18", False)
            return
        mean = max(abs(sum(window) / len(window)), 1e-12)
        swing = median([abs(b - a) for a, b in pairwise(window)]) / mean
        link = zigzag(window)
        jumps = link < -0.5 and swing > 0.05 and self.fell < 0.5
        flips = turn is not None and turn < -0.8 and ratio is not None and ratio > 1e-3
        if in_a_row(self.strikes, "O18", jumps or flips) < 3:
            return
        if flips:
            level: Level = "warn" if self.fell < 0.5 else "note"
            yield Finding("O18", level, "loss", "training_flips", {"turn": turn, "loss": self.level})
        else:
            yield Finding("O18", "note", "loss", "training_zigzag", {"swing": swing, "link": link})

    def _spike(self, batch: Callable[[int], str]) -> Iterator[Finding]:
        """Modified z-score (Iglewicz and Hoaglin 1993): 0.6745 (x - median) / MAD."""
        new = min(self.count - self.judged, len(self.recent) - 1)
        self.judged = self.count
        usual = self.recent[-new - 60 : -new]
        if new < 1 or len(usual) < 40 or self.initial <= 0:
            return
        middle = median(usual)
        scale = max(median([abs(v - middle) for v in usual]) / 0.6745, 1e-3 * abs(middle), 1e-12)
        last = self.recent[-new:]
        # a converged loss has heavy tails: a spike also stands above where the training began
        high = [i for i, v in enumerate(last) if v > middle + 10 * scale and v > 1.5 * self.initial]
        if high:
            step = self.count - new + high[0] + 1
            found = last[high[0]]
            values = {"step": step, "loss": found, "usual": middle, "z": (found - middle) / scale, "batch": batch(step)}
            yield Finding("O22", "note", "loss", "training_spike", values)
