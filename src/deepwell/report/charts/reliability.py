"""How often answers of each confidence are right (Niculescu-Mizil, Caruana 2005), and how many there are of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepwell.report.charts.scale import Scale, across, frame, upwards, wide
from deepwell.report.html import Html, tag

_SIDE, _LEFT, _TOP = 300, 50, 30
_HEAP = 54


def reliability(
    bins: Sequence[Mapping[str, Any]], *, title: str, confidence: str, right: str, samples: str, ideal: str
) -> Html:
    """The reliability curve, with 95 % intervals, above a histogram of confidence.

    Args:
        bins: each with ``low``, ``high``, ``samples``, ``confidence``, ``accuracy``, ``interval``; empty ones are
            left out.
        title, confidence, right, samples, ideal: words of the chart and of its axes.
    """
    full = [one for one in bins if one["samples"]]
    bottom = _TOP + _SIDE
    x, y = Scale(0, 1, _LEFT, _LEFT + _SIDE), Scale(0, 1, bottom, _TOP)
    parts: list[Html] = [
        upwards(y, _LEFT, _LEFT + _SIDE, right),
        tag("line", x1=x(0), y1=y(0), x2=x(1), y2=y(1), class_="ideal"),
        tag("text", ideal, x=x(1), y=12, class_="key end"),
        tag("line", x1=x(1) - wide(ideal) - 24, x2=x(1) - wide(ideal) - 6, y1=8, y2=8, class_="ideal"),
    ]
    for one in full:
        where = x(one["confidence"])
        low, high = one["interval"]
        parts.append(tag("line", x1=where, x2=where, y1=y(low), y2=y(high), class_="whisker first"))
    path = "L".join(f"{x(one['confidence']):.1f} {y(one['accuracy']):.1f}" for one in full)
    parts.append(tag("path", d="M" + path, class_="line first thin"))
    parts += [tag("circle", cx=x(b["confidence"]), cy=y(b["accuracy"]), r=4, class_="dot first") for b in full]
    most = max((one["samples"] for one in full), default=1)
    floor = bottom + 24 + _HEAP
    for one in full:
        tall = max(1.0, _HEAP * one["samples"] / most)
        left, right_edge = x(one["low"]) + 1, x(one["high"]) - 1
        bar = tag("title", f"{one['samples']:,}")
        parts.append(tag("rect", bar, x=left, y=floor - tall, width=right_edge - left, height=tall, class_="bar"))
    parts.append(tag("text", samples, x=0, y=bottom + 18, class_="name"))
    parts.append(across(x, floor, confidence))
    return frame(_LEFT + _SIDE + 16, floor + 42, title, *parts, class_="chart narrow")
