"""The loss of every step: what it began with, where it is, and whether it falls."""

from __future__ import annotations

import math
from collections.abc import Iterator

from deepwell.doctor.judges.trend import in_a_row, median, slope, zigzag
from deepwell.findings import Finding

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
    (0.45, False)
    """

    def __init__(self) -> None:
        self.count = 0
        self.broken = 0
        self.first: list[float] = []
        self.recent: list[float] = []
        self.lowest = math.inf
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
            self.lowest = min(self.lowest, self.level)

    @property
    def known(self) -> bool:
        """Whether there are enough losses to speak of a level."""
        return len(self.recent) >= _LEVEL + _FIRST

    @property
    def initial(self) -> float:
        """Median of the first losses."""
        return median(self.first)

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

    def judge(self, *, ratio: float | None, turn: float | None, scored: bool) -> Iterator[Finding]:
        """What the losses say.

        Args:
            ratio: of the updates to the weights, lately; None where unknown.
            turn: cosine between gradients of neighbouring steps, lately; None where unknown.
            scored: the loss is known to be one that training shall lower (read back from its gradient).
        """
        yield from self._diverges(ratio, scored)
        yield from self._oscillates(ratio, turn)
        yield from self._spike()

    def _diverges(self, ratio: float | None, scored: bool) -> Iterator[Finding]:
        risen = self.known and self.initial > 0 and self.level > 2 * self.initial
        times = in_a_row(self.strikes, "O01", risen)
        if times < 2:
            return
        large = ratio is not None and ratio > 0.03
        values = {"initial": self.initial, "loss": self.level, "times": self.level / self.initial}
        yield Finding("O01", "warn" if large or (scored and times >= 5) else "note", "loss", "training_diverges", values)

    def _oscillates(self, ratio: float | None, turn: float | None) -> Iterator[Finding]:
        window = self.recent[-40:]
        mean = sum(window) / max(1, len(window))
        swing = median([abs(b - a) for a, b in zip(window, window[1:], strict=False)]) if len(window) > 1 else 0.0
        link = zigzag(window) if len(window) == 40 else 0.0
        bad = link < -0.5 and swing > 0.05 * abs(mean)
        times = in_a_row(self.strikes, "O18", bad)
        still = times >= 2 and self.fell < 0.5 and self.flat(min(100, len(self.recent)))
        if not still:
            return
        sure = turn is not None and turn < -0.5 and ratio is not None and ratio > 1e-3
        values = {"swing": swing / abs(mean), "link": link}
        yield Finding("O18", "warn" if sure else "note", "loss", "training_zigzag", values)

    def _spike(self) -> Iterator[Finding]:
        """Modified z-score (Iglewicz and Hoaglin 1993): 0.6745 (x - median) / MAD."""
        usual = self.recent[-60:-10]
        if len(usual) < 40:
            return
        middle = median(usual)
        scale = median([abs(v - middle) for v in usual]) / 0.6745
        last = self.recent[-10:]
        top = max(range(len(last)), key=last.__getitem__)
        z = (last[top] - middle) / max(scale, 1e-3 * abs(middle), 1e-12)
        # a converged loss has heavy tails: a spike also stands above where the training began
        alone = sum(v > middle + 6 * scale for v in last) <= 2
        if z > 10 and alone and last[top] > 1.5 * self.initial > 0:
            step = self.count - len(last) + top + 1
            values = {"step": step, "loss": last[top], "usual": middle, "z": z}
            yield Finding("O22", "note", "loss", "training_spike", values)
