"""Scores with their intervals, one below the other: what overlaps can't be told apart by eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepwell.report.charts.scale import Scale, frame, padded, ticks, told, wide
from deepwell.report.html import Html, tag

_WIDTH, _ROW, _TOP = 460, 30, 14


@dataclass(frozen=True)
class Dot:
    """A score, its interval where there is one, and whether it is the one that the others are compared with."""

    name: str
    value: float
    interval: Sequence[float] | None
    ours: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """Of the interval; the score itself where there is none."""
        return (self.value, self.value) if self.interval is None else (self.interval[0], self.interval[1])


def dots(title: str, axis_name: str, drawn: Sequence[Dot], *, zero_to_one: bool = False) -> Html:
    """A row a score, the name at the left, an interval as a line; ``ours`` has its band drawn through all rows."""
    left = min(190.0, max(wide(dot.name) for dot in drawn) + 14)
    low, high = padded([v for dot in drawn for v in dot.ends])
    x = Scale(max(0.0, low) if zero_to_one else low, min(1.0, high) if zero_to_one else high, left, _WIDTH - 14)
    bottom = _TOP + _ROW * len(drawn)
    at = ticks(x.low, x.high, 5)
    step = at[1] - at[0] if len(at) > 1 else 0.0
    parts: list[Html] = [
        tag(
            "rect",
            x=x(dot.ends[0]),
            y=_TOP - 6,
            width=max(1.0, x(dot.ends[1]) - x(dot.ends[0])),
            height=bottom - _TOP + 6,
            class_="band",
        )
        for dot in drawn
        if dot.ours
    ]
    parts += [tag("line", x1=x(v), x2=x(v), y1=_TOP - 6, y2=bottom, class_="grid") for v in at]
    parts += [tag("text", told(v, step), x=x(v), y=bottom + 16, class_="tick middle") for v in at]
    parts.append(tag("text", axis_name, x=_WIDTH - 14, y=bottom + 34, class_="name end"))
    for row, dot in enumerate(drawn):
        y = _TOP + _ROW * row + _ROW / 2 - 4
        look = "first" if dot.ours else "second"
        parts += [
            tag("text", _fitted(dot.name, left - 12), x=0, y=y + 4, class_="key ours" if dot.ours else "key"),
            tag("line", x1=x(dot.ends[0]), x2=x(dot.ends[1]), y1=y, y2=y, class_=f"whisker {look}"),
            tag("circle", cx=x(dot.value), cy=y, r=4.5, class_=f"dot {look}"),
        ]
    return frame(_WIDTH, bottom + 40, title, *parts)


def _fitted(name: str, room: float) -> str:
    """A name cut off where it is too long.

    >>> _fitted("a very long name", 60)
    'a very l…'
    """
    if wide(name) <= room:
        return name
    while name and wide(name + "…") > room:
        name = name[:-1]
    return name + "…"
