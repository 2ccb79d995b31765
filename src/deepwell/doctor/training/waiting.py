"""How long a loop waits for its batches, beside how long it takes to use them."""

from __future__ import annotations

import time

from deepwell.doctor.training.judges.trend import median

_LEAST = 2e-3
"""Seconds: a toy's batch costs less than anybody's notice."""


class Waiting:
    """Times from the end of a step to the next forward pass, and from there to the end of the step.

    >>> waiting = Waiting()
    >>> waiting.stepped(), waiting.began(), waiting.stepped(), waiting.share
    (None, None, None, None)
    """

    def __init__(self) -> None:
        self._ended: float | None = None
        self._began: float | None = None
        self._waits: list[float] = []
        self._works: list[float] = []

    def began(self) -> None:
        """A forward pass with gradients begins; the first after a step counts."""
        if self._ended is not None:
            now = time.perf_counter()
            self._waits.append(now - self._ended)
            self._began, self._ended = now, None

    def interrupted(self) -> None:
        """Something else than the next batch comes now, such as an evaluation."""
        self._ended = None

    def stepped(self) -> None:
        """A step ended."""
        now = time.perf_counter()
        if self._began is not None:
            self._works.append(now - self._began)
        self._ended, self._began = now, None
        if len(self._works) > 200:
            del self._works[:100], self._waits[:100]

    @property
    def share(self) -> float | None:
        """Of the time, spent waiting; None where too little is known or the wait is not worth a word."""
        if len(self._works) < 20 or (wait := median(self._waits)) < _LEAST:
            return None
        return wait / (wait + median(self._works))
