"""The learning rate over the steps, as a factor of the highest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from deepwell.core.errors import UserError, unknown_name

Factor = Callable[[int], float]


def _constant(_total: int) -> Factor:
    return lambda step: 1.0


def _linear(total: int) -> Factor:
    return lambda step: max(0.0, 1.0 - step / total)


def _cosine(total: int) -> Factor:
    return lambda step: 0.5 * (1.0 + math.cos(math.pi * min(step, total) / total))


def _step(total: int, *, every: float = 1 / 3, gamma: float = 0.1) -> Factor:
    length = max(1, round(total * every))
    return lambda step: gamma ** (step // length)


def _one_cycle(total: int, *, peak: float = 0.2, start: float = 0.0, end: float = 0.0) -> Factor:
    top = max(1, round(total * peak))

    def factor(step: int) -> float:
        if step < top:
            return start + (1.0 - start) * (step + 1) / (top + 1)
        rest = max(1, total - top)
        return end + (1.0 - end) * max(0.0, 1.0 - (step - top) / rest)

    return factor


SCHEDULES: dict[str, str] = {
    "constant": "the same rate throughout",
    "linear": "falls in a straight line to 0",
    "cosine": "falls along half a cosine to 0 (Loshchilov and Hutter 2017)",
    "step": "falls tenfold after each third",
    "one-cycle": "rises for a fifth of the steps, then falls to 0 (Smith 2018)",
    "plateau": "falls tenfold when the score has not improved for 3 epochs",
}

_MAKERS: dict[str, tuple[Callable[..., Factor], tuple[str, ...]]] = {
    "constant": (_constant, ()),
    "linear": (_linear, ()),
    "cosine": (_cosine, ()),
    "step": (_step, ("every", "gamma")),
    "one-cycle": (_one_cycle, ("peak", "start", "end")),
    "plateau": (_constant, ("patience", "gamma")),
}


class Schedule:
    """A factor for each step; ``plateau`` also listens to scores, and can be saved and loaded."""

    def __init__(self, base: Factor, warmup: int, *, patience: int = 0, gamma: float = 0.1) -> None:
        self._base = base
        self._warmup = warmup
        self._patience = patience
        self._gamma = gamma
        self._scale, self._waited = 1.0, 0
        self._best: float | None = None

    def factor(self, step: int) -> float:
        """Of the highest learning rate, for step 0, 1, ..."""
        rise = min(1.0, (step + 1) / (self._warmup + 1)) if self._warmup else 1.0
        return rise * self._base(max(0, step - self._warmup)) * self._scale

    def on_score(self, score: float) -> None:
        """Hear of an epoch's score, higher is better."""
        if not self._patience:
            return
        if self._best is None or score > self._best:
            self._best, self._waited = score, 0
            return
        self._waited += 1
        if self._waited >= self._patience:
            self._scale, self._waited = self._scale * self._gamma, 0

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"scale": self._scale, "waited": self._waited, "best": self._best}

    def load(self, state: Mapping[str, Any]) -> None:
        """Undo ``state``."""
        self._scale, self._waited, self._best = state["scale"], state["waited"], state["best"]


def schedule(name: str, *, total_steps: int, warmup: int = 0, **options: float) -> Schedule:
    """A schedule by name.

    Args:
        name: see ``SCHEDULES``.
        total_steps: of the whole training, at least 1.
        warmup: steps in which the rate rises in a straight line before the schedule begins.
        options: ``every``, ``gamma`` (step); ``peak``, ``start``, ``end`` (one-cycle); ``patience``, ``gamma``
            (plateau).

    Raises:
        UserError: unknown name or option, impossible numbers.

    >>> s = schedule("cosine", total_steps=100)
    >>> s.factor(0), round(s.factor(50), 6), round(s.factor(100), 6)
    (1.0, 0.5, 0.0)
    """
    if name not in _MAKERS:
        raise unknown_name("schedule", name, _MAKERS)
    make, allowed = _MAKERS[name]
    for option in options:
        if option not in allowed:
            raise unknown_name(f"option of {name}", option, allowed or ("(none)",))
    if total_steps < 1 or not 0 <= warmup <= total_steps:
        raise UserError(
            f"the schedule has {total_steps} steps, {warmup} of them to warm up",
            expected="0 <= warmup <= steps, steps >= 1",
        )
    if name == "plateau":
        patience = int(options.get("patience", 3))
        return Schedule(make(total_steps), warmup, patience=patience, gamma=options.get("gamma", 0.1))
    return Schedule(make(max(1, total_steps - warmup), **options), warmup)
