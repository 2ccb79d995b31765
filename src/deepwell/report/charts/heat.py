"""A confusion matrix of many classes: one square a pair, darker the larger its share of the row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepwell.report.charts.scale import frame, wide
from deepwell.report.html import Html, tag

_LEVELS = 8


def heat(title: str, matrix: np.ndarray, names: Sequence[str], *, true_name: str, answer_name: str) -> Html:
    """Squares of one shade are one path: 100 classes take some ten kilobytes.

    Args:
        title: for who can't see it.
        matrix: counts [classes, classes], row the true class.
        names: of the classes.
        true_name, answer_name: of the sides.
    """
    classes = len(matrix)
    cell = max(8.0, min(26.0, 640 / classes))
    size = min(12.0, cell + 0.5)
    shown = [_cut(name, 18) for name in names]
    left = max(wide(true_name) + 24, *(wide(name, size) + 10 for name in shown))
    top = left * 0.9 + 18
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    # a tenth of a row is worth seeing as much as half of it: shades follow the root
    level = np.ceil(np.sqrt(share) * _LEVELS).astype(int)
    parts: list[Html] = [
        tag("rect", x=left, y=top, width=cell * classes, height=cell * classes, class_="ground"),
        tag("text", answer_name + " →", x=left, y=12, class_="name"),
        tag("text", true_name + " ↓", x=0, y=top - 8, class_="name"),
    ]
    for number, name in enumerate(shown):
        middle = (number + 0.5) * cell
        style = f"font-size:{size:g}px"
        parts.append(tag("text", name, x=left - 5, y=top + middle + size * 0.36, class_="tick end", style=style))
        turned = f"translate({left + middle + size * 0.36:.1f} {top - 5:.1f}) rotate(-60)"
        parts.append(tag("text", name, transform=turned, class_="tick", style=style))
    right = np.eye(classes, dtype=bool)
    for which, look in ((right, "right"), (~right, "wrong")):
        for shade in range(1, _LEVELS + 1):
            rows, columns = np.nonzero((level == shade) & which & (matrix > 0))
            if len(rows):
                square = f"h{cell - 1:g}v{cell - 1:g}h-{cell - 1:g}z"
                path = "".join(
                    f"M{left + c * cell:.6g} {top + r * cell:.6g}{square}"
                    for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
                )
                parts.append(
                    tag("path", d=path, class_=look, style=f"fill-opacity:{0.15 + 0.85 * shade / _LEVELS:.3g}")
                )
    width = left + cell * classes + left * 0.5
    return frame(width, top + cell * classes + 4, title, *parts, class_="chart heat")


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
