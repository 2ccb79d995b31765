"""Counts as bars: a histogram, and one bar cut into shares."""

from __future__ import annotations

from collections.abc import Sequence

from deepwell.report.charts.scale import Scale, across, frame, upwards
from deepwell.report.html import Html, tag

_WIDTH, _HEIGHT = 460, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 448, 30, 168


def histogram(title: str, across_name: str, upwards_name: str, edges: Sequence[float], counts: Sequence[int]) -> Html:
    """Bars between edges, one more of these than counts."""
    x = Scale(edges[0], edges[-1], _LEFT, _RIGHT)
    y = Scale(0, max([*counts, 1]) * 1.04, _BOTTOM, _TOP)
    bars = [
        tag(
            "rect",
            tag("title", f"{low:g} – {high:g}: {count:,}"),
            x=x(low) + 0.5,
            y=y(count),
            width=max(0.6, x(high) - x(low) - 1),
            height=y(0) - y(count),
            class_="bar",
        )
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    grid = upwards(y, _LEFT, _RIGHT, upwards_name, 4)
    return frame(_WIDTH, _HEIGHT, title, grid, *bars, across(x, _BOTTOM, across_name))


def shares(title: str, pieces: Sequence[tuple[str, float]]) -> Html:
    """One bar cut by how much each piece has; a piece's look is the class ``piece-1``, ``piece-2``, ..."""
    whole = sum(size for _, size in pieces) or 1.0
    drawn, at = [], 0.0
    for number, (name, size) in enumerate(pieces, 1):
        wide = 460 * size / whole
        if wide > 0:
            drawn.append(tag("rect", tag("title", name), x=at, y=0, width=wide, height=22, class_=f"piece-{number}"))
        at += wide
    return frame(460, 22, title, *drawn, class_="chart shares")
