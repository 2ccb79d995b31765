"""How many samples a model can learn from in the time given: tried on a few, computed for more."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

_MARGIN = 2.0
"""What a computed time may be wrong by: machines are shared, and iterations grow with the samples."""
_TRIED = 0.2
"""Share of the time that may go into trying."""
_FIRST, _STEP = 500, 4


class Growth(NamedTuple):
    """How time grows with the samples learnt from: the exponents for learning and for answering."""

    learning: float
    answering: float


class Size(NamedTuple):
    """How many samples to learn from, and how that was found: (samples, seconds to learn, seconds to answer)."""

    samples: int
    tried: list[tuple[int, float, float]]


def choose_size(
    timed: Callable[[int], tuple[float, float]],
    total: int,
    seconds: float,
    growth: Growth,
    *,
    least: int = 2,
    spent: Callable[[], float],
) -> Size:
    """The most samples whose learning and answering fits what is left of the time.

    500 are tried first, then four times as many as long as that costs little: times of milliseconds say little about
    seconds. A computed number has two digits, so that it is easily said and repeated.

    Args:
        timed: learns from so many samples; (seconds to learn, seconds to answer the whole test part).
        total: samples there are.
        seconds: for everything, trying included.
        growth: how time grows.
        least: never fewer than these, such as two a class.
        spent: seconds used up to now.

    >>> choose_size(lambda n: (n * 1e-3, 0.0), 100_000, 30, Growth(1, 1), spent=lambda: 0.0).samples
    15000
    """
    least, size = min(max(2, least), total), min(total, max(_FIRST, least))
    tried: list[tuple[int, float, float]] = []
    while True:
        learning, answering = timed(size)
        tried.append((size, learning, answering))
        left = seconds - spent()

        def cost(samples: float, size: int = size, learning: float = learning, answering: float = answering) -> float:
            times = samples / size
            return learning * times**growth.learning + answering * times**growth.answering

        if size == total or cost(total) * _MARGIN <= left:
            return Size(total if cost(total) * _MARGIN <= left else _within(cost, left, least, total), tried)
        larger = min(size * _STEP, total)
        if cost(larger) * _MARGIN + spent() > _TRIED * seconds:
            return Size(_within(cost, left, least, total), tried)
        size = larger


def _within(cost: Callable[[float], float], left: float, least: int, total: int) -> int:
    low, high = float(least), float(total)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle) * _MARGIN <= left else (low, middle)
    digits = 10 ** max(0, int(math.log10(max(low, 1))) - 1)
    return max(least, int(low) // digits * digits)
