"""Values over the epochs: lines, the noise of one of them as a band, and a mark at the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deepwell.report.charts.scale import Scale, frame, padded, ticks, upwards, wide
from deepwell.report.html import Html, tag

_WIDTH, _HEIGHT = 460, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 448, 48, 226


@dataclass(frozen=True)
class Line:
    """Values by epoch from 1; None or NaN leaves a gap. ``look``: ``first``, ``second``: a class of the style."""

    name: str
    values: Sequence[float | None]
    look: str


def lines(
    title: str,
    across_name: str,
    upwards_name: str,
    drawn: Sequence[Line],
    *,
    band: tuple[Sequence[float], Sequence[float]] | None = None,
    band_name: str = "",
    best: int | None = None,
    best_name: str = "",
    from_zero: bool = False,
) -> Html:
    """A chart of lines.

    Args:
        title: for who can't see it.
        across_name, upwards_name: of the axes.
        drawn: at least one line.
        band: (low, high) by epoch, behind the lines.
        band_name: in the legend.
        best: the epoch to mark, from 1; ``best_name`` stands beside the mark.
        from_zero: whether the vertical axis begins at 0.
    """
    count = max(len(line.values) for line in drawn)
    values = [v for _, v in _numbers([v for line in drawn for v in line.values])]
    values += [v for side in band or () for _, v in _numbers(side)]
    low, high = padded(values or [0.0, 1.0])
    x = Scale(1, max(2, count), _LEFT + 8, _RIGHT - 8)
    y = Scale(0.0 if from_zero else low, high, _BOTTOM, _TOP)
    parts: list[Html | None] = [upwards(y, _LEFT, _RIGHT, upwards_name)]
    if band is not None:
        parts.append(tag("path", d=_area(x, y, *band), class_="band"))
    if best is not None and 1 <= best <= count:
        parts.append(tag("line", x1=x(best), x2=x(best), y1=_TOP - 6, y2=_BOTTOM, class_="best"))
        end = x(best) > (_LEFT + _RIGHT) / 2
        where = x(best) + (-5 if end else 5)
        parts.append(tag("text", best_name, x=where, y=_TOP + 3, class_="note end" if end else "note"))
    for line in drawn:
        parts.append(tag("path", d=_path(x, y, line.values), class_=f"line {line.look}"))
        if count <= 40:
            parts += [
                tag("circle", cx=x(n), cy=y(v), r=2.4, class_=f"dot {line.look}") for n, v in _numbers(line.values)
            ]
    parts.append(_epochs(x, across_name))
    parts.append(_legend(drawn, band_name if band is not None else ""))
    return frame(_WIDTH, _HEIGHT, title, *parts)


def _numbers(values: Sequence[float | None]) -> list[tuple[int, float]]:
    """Epochs, from 1, with the values that are there."""
    return [(n, value) for n, value in enumerate(values, 1) if value is not None and math.isfinite(value)]


def _epochs(x: Scale, name: str) -> Html:
    """The axis of epochs, marked at whole numbers alone."""
    whole = [value for value in ticks(x.low, x.high, 7) if value == round(value)]
    if len(whole) < 2:
        whole = [x.low, x.high]
    return tag(
        "g",
        tag("line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, class_="axis"),
        *(tag("text", f"{v:.0f}", x=x(v), y=_BOTTOM + 17, class_="tick middle") for v in whole),
        tag("text", name, x=_RIGHT, y=_BOTTOM + 35, class_="name end"),
    )


def _path(x: Scale, y: Scale, values: Sequence[float | None]) -> str:
    pieces, pen = [], "M"
    for n, value in enumerate(values, 1):
        if value is None or not math.isfinite(value):
            pen = "M"
            continue
        pieces.append(f"{pen}{x(n):.1f} {y(value):.1f}")
        pen = "L"
    return "".join(pieces)


def _area(x: Scale, y: Scale, low: Sequence[float], high: Sequence[float]) -> str:
    there = [f"{x(n):.1f} {y(v):.1f}" for n, v in enumerate(high, 1)]
    back = [f"{x(n):.1f} {y(v):.1f}" for n, v in reversed(list(enumerate(low, 1)))]
    return "M" + "L".join(there + back) + "Z"


def _legend(drawn: Sequence[Line], band_name: str) -> Html:
    """Names of what is drawn, in one row above the chart, from the right."""
    items: list[Html] = []
    at = float(_RIGHT)
    entries = [(line.name, f"line {line.look}") for line in drawn] + ([(band_name, "band")] if band_name else [])
    for name, look in reversed(entries):
        at -= wide(name)
        items.append(tag("text", name, x=at, y=12, class_="key"))
        if look == "band":
            items.append(tag("rect", x=at - 21, y=3, width=16, height=10, class_="band"))
        else:
            items.append(tag("line", x1=at - 21, x2=at - 5, y1=8, y2=8, class_=look))
        at -= 33
    return tag("g", *items)
