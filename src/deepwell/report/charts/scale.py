"""From values to pixels, and the round values at which an axis is marked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepwell.report.html import Html, joined, tag


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` lie from pixel ``start`` to pixel ``stop``.

    >>> Scale(0, 10, 100, 0)(5)
    50.0
    """

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.stop - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values from ``low`` to ``high``, about so many; steps are 1, 2 or 5 times a power of ten.

    >>> ticks(0, 1), ticks(0.862, 0.938)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.88, 0.9, 0.92])
    """
    if not high > low:
        return [low]
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def padded(values: list[float], share: float = 0.06) -> tuple[float, float]:
    """The range of some values and a little more; of one value alone a range around it.

    >>> padded([1.0, 2.0])
    (0.94, 2.06)
    """
    low, high = min(values), max(values)
    more = (high - low) * share or abs(high) * 0.1 or 1.0
    return low - more, high + more


def told(value: float, step: float) -> str:
    """A tick's value with as many digits as its step needs.

    >>> told(0.30000000000000004, 0.1), told(1200, 200)
    ('0.3', '1,200')
    """
    if step and step < 1e-4 and abs(value) < 1e-2:
        return f"{value:.1e}" if value else "0"
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 3
    return f"{value:,.{digits}f}"


def wide(text: str, size: float = 12) -> float:
    """Pixels that a text takes, by guess: an ideograph is square, a letter somewhat more than half of that.

    >>> round(wide("ab")), round(wide("验证"))
    (13, 24)
    """
    return sum(1.0 if ord(c) > 0x2E7F else 0.55 for c in text) * size


def across(scale: Scale, y: float, name: str, about: int = 5, *, shown: list[str] | None = None) -> Html:
    """A horizontal axis at height ``y``: ticks with values, and the axis' name below its right end."""
    at = ticks(scale.low, scale.high, about)
    step = at[1] - at[0] if len(at) > 1 else 0.0
    words = shown or [told(value, step) for value in at]
    return joined(
        [
            tag("line", x1=scale.start, x2=scale.stop, y1=y, y2=y, class_="axis"),
            *(tag("text", word, x=scale(v), y=y + 17, class_="tick middle") for v, word in zip(at, words, strict=True)),
            tag("text", name, x=scale.stop, y=y + 35, class_="name end"),
        ]
    )


def upwards(scale: Scale, left: float, right: float, name: str, about: int = 5) -> Html:
    """A vertical axis: a thin line and a value at each tick, and the axis' name above."""
    at = ticks(scale.low, scale.high, about)
    step = at[1] - at[0] if len(at) > 1 else 0.0
    return joined(
        [
            *(tag("line", x1=left, x2=right, y1=scale(v), y2=scale(v), class_="grid") for v in at),
            *(tag("text", told(v, step), x=left - 7, y=scale(v) + 4, class_="tick end") for v in at),
            tag("text", name, x=0, y=12, class_="name"),
        ]
    )


def frame(width: float, height: float, title: str, *inside: Html | None, class_: str = "chart") -> Html:
    """The ``svg`` element; ``title`` says to a screen reader what is seen."""
    return tag(
        "svg",
        tag("title", title),
        *inside,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        class_=class_,
        style=f"--natural:{width:g}px",
    )
