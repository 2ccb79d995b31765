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
    # a share of the training, or a number of steps: nobody means a drop after each single step by 1
    length = max(1, round(total * every if every <= 1 else every))
    return lambda step: gamma ** (step // length)


def _one_cycle(total: int, *, peak: float = 0.25, start: float = 0.04, end: float = 0.0) -> Factor:
    top = max(1, round(total * peak))

    def factor(step: int) -> float:
        if step < top:
            return start + (1.0 - start) * step / top
        rest = max(1, total - top)
        return end + (1.0 - end) * max(0.0, 1.0 - (step - top) / rest)

    return factor


SCHEDULES: dict[str, str] = {
    "constant": "the same rate throughout",
    "linear": "falls in a straight line to 0",
    "cosine": "falls along half a cosine to 0 (Loshchilov and Hutter 2017)",
    "step": "falls tenfold after each third",
    "one-cycle": "rises for a quarter of the steps, then falls to 0 (Smith 2018)",
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

_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "every": (lambda v: 0 < v < math.inf, "a share of the steps from above 0 to 1, or a number of steps above 1"),
    "gamma": (lambda v: 0 < v <= 1, "from above 0 to 1"),
    "peak": (lambda v: 0 < v < 1, "a share of the steps, between 0 and 1"),
    "start": (lambda v: 0 <= v <= 1, "from 0 to 1"),
    "end": (lambda v: 0 <= v <= 1, "from 0 to 1"),
    "patience": (lambda v: 1 <= v < math.inf and v == int(v), "a whole number of epochs from 1 up"),
}


class Schedule:
    """A factor for each step; ``plateau`` also listens to scores, and can be saved and loaded.

    Args:
        base: step after the warm-up to factor.
        warmup: steps in which the factor rises in a straight line.
        patience: for ``plateau``: scores in a row without improvement that lower the factor; 0 does not listen.
        gamma: what the factor is multiplied by then.
    """

    def __init__(self, base: Factor, warmup: int, *, patience: int = 0, gamma: float = 0.1) -> None:
        self._base = base
        self._warmup = warmup
        self._patience = patience
        self._gamma = gamma
        self._scale, self._waited = 1.0, 0
        self._best: float | None = None

    def factor(self, step: int) -> float:
        """Of the highest learning rate, for step 0, 1, ...; between 0 and 1."""
        rise = min(1.0, (step + 1) / (self._warmup + 1)) if self._warmup else 1.0
        return rise * self._base(max(0, step - self._warmup)) * self._scale

    def on_score(self, score: float) -> None:
        """Hear of an epoch's score, higher is better; NaN counts as no improvement."""
        if not self._patience:
            return
        if not math.isnan(score) and (self._best is None or score > self._best):
            self._best, self._waited = score, 0
            return
        self._waited += 1
        if self._waited >= self._patience:
            self._scale, self._waited = self._scale * self._gamma, 0

    def state(self) -> dict[str, Any]:
        """For a checkpoint: plain JSON values."""
        return {"scale": self._scale, "waited": self._waited, "best": self._best}

    def load(self, state: Mapping[str, Any]) -> None:
        """Undo ``state``.

        Raises:
            UserError: the state is not one of a schedule.
        """
        missing = [word for word in ("scale", "waited", "best") if word not in state]
        if missing:
            raise UserError(f"the schedule's state lacks {', '.join(missing)}", expected="what state() gave")
        self._scale, self._waited, self._best = state["scale"], state["waited"], state["best"]


def schedule(name: str, *, total_steps: int, warmup: int = 0, **options: float) -> Schedule:
    """A schedule by name.

    The one cycle is that of Smith 2018 (arXiv:1803.09820) for the learning rate alone: straight up, straight down
    to ``end``; the momentum stays.

    Args:
        name: see ``SCHEDULES``.
        total_steps: of the whole training, at least 1.
        warmup: steps in which the rate rises in a straight line before the schedule begins.
        options: ``every`` (a share of the steps up to 1, else steps), ``gamma`` (step); ``peak`` (share of the
            steps), ``start``, ``end`` (one-cycle); ``patience`` (epochs), ``gamma`` (plateau).

    Raises:
        UserError: unknown name or option, impossible numbers.

    >>> s = schedule("cosine", total_steps=100)
    >>> s.factor(0), round(s.factor(50), 6), round(s.factor(100), 6)
    (1.0, 0.5, 0.0)
    """
    if name not in _MAKERS:
        raise unknown_name("schedule", name, _MAKERS)
    make, allowed = _MAKERS[name]
    for option, value in options.items():
        if option not in allowed:
            raise unknown_name(f"option of {name}", option, allowed or ("(none)",))
        holds, expected = _RANGES[option]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(value):
            raise UserError(f"{option} of {name} is {value}", expected=expected, fix=f"leave {option} out")
    if total_steps < 1 or not 0 <= warmup <= total_steps:
        raise UserError(
            f"the schedule has {total_steps} steps, {warmup} of them to warm up",
            expected="0 <= warmup <= steps, steps >= 1",
            fix="train for more epochs or warm up for fewer steps",
        )
    if name == "plateau":
        patience = int(options.get("patience", 3))
        return Schedule(make(total_steps), warmup, patience=patience, gamma=options.get("gamma", 0.1))
    return Schedule(make(max(1, total_steps - warmup), **options), warmup)
