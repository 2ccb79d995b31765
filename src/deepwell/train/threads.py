"""How many threads an operation gets: asked again as the training runs, on the training's own steps.

What was fastest a minute ago is not fastest when another program has taken the processors or has left them: two
spinning threads on a shared machine have been seen 15 to 230 times slower than one, and one thread on a free machine
half as fast as two. So another number is tried where steps have become slow, and now and then where fewer threads are
used than could be. A step of a trial is a step of the training like any other: it costs no copy and next to no time.
While all threads are used and steps are as fast as they were, nothing is tried, and the bits stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Generator

import torch

_MUCH_FASTER = 1.1
"""More threads must win by this factor: fewer are kinder to other programs."""

_WINDOW = 0.5
"""Seconds over which the time of a step is averaged."""

_SLOWED = 2.0
"""A window this many times slower than the best one is slow; two in a row start a trial."""

_FIRST_TRIAL = 2.0
_WAIT, _LONGEST_WAIT = 30.0, 300.0
"""Seconds of steps until the first trial, and until the next: twice as many each time that nothing was won."""

_TRIAL = 0.1
_FEWEST, _MOST = 3, 30
"""A trial's seconds, and the fewest and most steps of one number of threads in it."""

_HOPELESS = 3.0
"""Steps this many times slower than the present ones end a trial early."""

Timed = tuple[float, float]
"""One step: seconds, and how much it had to do."""


class Threads:
    """The number of threads of the next step.

    Args:
        now: the number to begin with.
        most: the largest number that may be used; None keeps ``now`` whatever happens.

    >>> threads = Threads(2, 2)
    >>> threads.after(0.01, 32), threads.now
    (None, 2)
    """

    def __init__(self, now: int, most: int | None) -> None:
        self.now = now
        self._said: str | None = None
        self._set_to = 0
        self._course = self._alternate(max(most, now)) if most is not None and max(most, now) > 1 else None
        self._wanted = next(self._course) if self._course else now

    def before(self) -> None:
        """Set the number for the step that comes."""
        if self._wanted != self._set_to:
            torch.set_num_threads(self._wanted)
            self._set_to = self._wanted

    def settle(self) -> None:
        """Set the number for what is no step: a trial of another one may be under way."""
        torch.set_num_threads(self.now)
        self._set_to = self.now

    def after(self, seconds: float, size: float) -> str | None:
        """Take the time of one step.

        Args:
            seconds: that it took.
            size: how much it had to do (numbers in the batch); steps on texts differ in it.

        Returns:
            words, where the number has changed; else None.
        """
        self._said = None
        if self._course is not None:
            self._wanted = self._course.send((seconds, max(size, 1.0)))
        return self._said

    def _alternate(self, most: int) -> Generator[int, Timed, None]:
        """The whole course: steps with the present number, a trial of another one, and so on."""
        wait, until = _WAIT, _FIRST_TRIAL
        while True:
            present, slowed = yield from self._keep(until if self.now < most else math.inf)
            other = most if self.now < most else 1
            theirs = yield from self._try(other, _HOPELESS * present)
            ours = (yield from self._try(self.now, math.inf)) if theirs < math.inf else present
            if theirs * (_MUCH_FASTER if other > self.now else 1.0) < ours:
                why = "another program uses the processors: " if slowed and other < self.now else ""
                self._said = f"{why}{self.now} -> {other} threads, {ours / theirs:.1f} times as fast"
                self.now, wait = other, _WAIT
            else:
                wait = _WAIT if slowed else min(2 * wait, _LONGEST_WAIT)
            until = wait

    def _keep(self, until: float) -> Generator[int, Timed, tuple[float, bool]]:
        """Steps with the present number for so many seconds, or until they have become much slower.

        Returns:
            seconds per unit of work, and whether they have become slower.
        """
        spent, best, slow = 0.0, math.inf, 0
        while True:
            seconds = size = 0.0
            steps = 0
            while seconds < _WINDOW or steps < 3:
                took, work = yield self.now
                seconds, size, steps = seconds + took, size + work, steps + 1
            pace, spent = seconds / size, spent + seconds
            slow = slow + 1 if pace > _SLOWED * best else 0
            best = min(best, pace)
            if slow >= 2 or spent >= until:
                return pace, slow >= 2

    def _try(self, threads: int, limit: float) -> Generator[int, Timed, float]:
        """A few steps with so many threads: seconds per unit of work, infinity where that is above the limit."""
        yield threads  # the first wakes the other threads up, or lets them go to sleep
        seconds = size = 0.0
        steps = 0
        while steps < _FEWEST or (seconds < _TRIAL and steps < _MOST):
            took, work = yield threads
            seconds, size, steps = seconds + took, size + work, steps + 1
            if seconds >= _TRIAL and seconds > limit * size:
                return math.inf
        return seconds / size
