"""No check can crash a training: what it raises becomes a note that names it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from deepwell.findings import Finding


class Guard:
    """Runs checks one after the other, within a time.

    Args:
        budget: seconds for all of them together. A check that has begun is not cut off; one that is marked
            ``optional`` is left out once the time is over, with a note that says so.

    >>> def broken() -> list[Finding]:
    ...     raise ZeroDivisionError("oh")
    >>> [f.code for f in Guard().run("broken", broken)]
    ['C01']
    """

    def __init__(self, budget: float = 3.0) -> None:
        self.budget = budget
        self._begin = time.perf_counter()

    @property
    def left(self) -> float:
        """Seconds that are left, never below zero."""
        return max(0.0, self.budget - (time.perf_counter() - self._begin))

    def run(
        self, name: str, check: Callable[..., Iterable[Finding]], *args: Any, optional: bool = False, **options: Any
    ) -> list[Finding]:
        """The check's findings; a C01 note in place of what it raised."""
        if optional and not self.left:
            return [Finding("C01", "note", "doctor", "slow", {"check": name, "budget": self.budget})]
        try:
            return list(check(*args, **options))
        # a check runs the user's model, loss and data set: they may raise anything
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else ""
            words = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
            return [Finding("C01", "note", "doctor", "raised", {"check": name, "error": words[:200]})]
