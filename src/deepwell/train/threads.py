"""How many threads an operation gets: asked again as the training runs.

What was fastest a minute ago is not fastest when another program has taken the processors or has left them: two
spinning threads on a shared machine have been seen 15 to 230 times slower than one, and one thread on a free machine
half as fast as two. The numbers are measured on copies of the model, so that a training in which nothing changes ends
with the same bits as one in which nobody asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch

Measure = Callable[[Sequence[int]], Sequence[float]]
"""Numbers of threads -> seconds that a step takes with each."""

_MUCH_FASTER = 1.1
"""More threads must win by this factor: fewer are kinder to other programs."""

_WINDOW, _STEPS = 0.5, 3
"""Seconds and steps over which the time of a step is averaged, at least."""

_SLOWED = 2.0
"""A window this many times slower than the best one is slow; after two in a row the numbers are measured."""

_FIRST = 2.0
_FIRST_STEPS = 200
"""Seconds and steps after which they are measured first: the race may have met another program's load."""

_WAIT, _LONGEST = 30.0, 300.0
"""Seconds until the next time, twice as many each time that nothing was won."""

_SHARE, _SHARE_BELOW = 0.01, 0.05
"""Of the training's time that measuring may take; more while there are fewer threads than there could be, where it is
half of the time that may be won. The first time and contention do not wait."""


class Threads:
    """The number of threads of the next step.

    Args:
        now: the number to begin with.
        options: the numbers to choose from; with one alone nothing is measured.
        measure: tells how long a step takes with each of some numbers.

    >>> threads = Threads(1, [1, 2], lambda numbers: [1.0 / n for n in numbers])
    >>> [threads.after(0.01, 32) for _ in range(200)][-1], threads.now
    ('1 -> 2 threads: 1e+03 -> 500 ms a step', 2)
    """

    def __init__(self, now: int, options: Sequence[int], measure: Measure) -> None:
        self.now = now
        self._options, self._measure = list(options), measure
        self._elapsed, self._steps = 0.0, 0
        self._due, self._wait = _FIRST, _WAIT
        self._fresh()

    def set(self) -> None:
        """Tell PyTorch."""
        torch.set_num_threads(self.now)

    def after(self, seconds: float, size: float) -> str | None:
        """Take the time of one step, and measure other numbers where it is time to.

        Args:
            seconds: that it took.
            size: how much it had to do (numbers in the batch); steps on texts differ in it.

        Returns:
            words, where the number has changed; else None.
        """
        if len(self._options) < 2:
            return None
        self._elapsed, self._steps = self._elapsed + seconds, self._steps + 1
        contended = self._slowed(seconds, size)
        if contended or (self._elapsed >= self._due and self._steps >= _FIRST_STEPS):
            return self._ask(contended=contended)
        return None

    def _fresh(self) -> None:
        """Forget the windows: they were made with another number."""
        self._best, self._slow = math.inf, 0
        self._window = (0.0, 0.0, 0)

    def _slowed(self, seconds: float, size: float) -> bool:
        """Whether two windows in a row were slow."""
        spent, done, steps = self._window
        self._window = spent, done, steps = spent + seconds, done + max(size, 1.0), steps + 1
        if spent < _WINDOW or steps < _STEPS:
            return False
        pace, self._window = spent / done, (0.0, 0.0, 0)
        self._slow = self._slow + 1 if pace > _SLOWED * self._best else 0
        self._best = min(self._best, pace)
        return self._slow >= 2

    def _ask(self, *, contended: bool) -> str | None:
        other = next(option for option in self._options if option != self.now)
        begin = time.perf_counter()
        ours, theirs = self._measure([self.now, other])
        cost = time.perf_counter() - begin
        changed = theirs * (_MUCH_FASTER if other > self.now else 1.0) < ours
        self._wait = _WAIT if changed or contended else min(2 * self._wait, _LONGEST)
        below = (other if changed else self.now) < max(self._options)
        self._due = self._elapsed + max(self._wait, cost / (_SHARE_BELOW if below else _SHARE))
        self._slow = 0
        if not changed:
            return None
        why = "another program uses the processors: " if contended and other < self.now else ""
        words = f"{why}{self.now} -> {other} threads: {1e3 * ours:.3g} -> {1e3 * theirs:.3g} ms a step"
        self.now = other
        self._fresh()
        self.set()
        return words
