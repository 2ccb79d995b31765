"""Lines of an evaluation that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from deepwell.evaluate.slices import Slice

_ROWS = 40
_WIDEST = 24


def class_lines(
    head: str,
    names: Sequence[str],
    columns: Mapping[str, np.ndarray],
    intervals: Mapping[str, np.ndarray],
    samples: np.ndarray,
) -> list[str]:
    """A row a class: each score with its 95 % interval. Of more than 40 classes the 40 of the lowest F1.

    Args:
        head: what a row is: class, label, type.
        names: of the rows.
        columns: score by name, [rows]; ``f1`` among them.
        intervals: [rows, 2] of each column.
        samples: [rows].
    """
    order = np.arange(len(names))
    if len(names) > _ROWS:
        order = np.sort(np.argsort(columns["f1"], kind="stable")[:_ROWS])
    shown = {i: short(names[i]) for i in order.tolist()}
    width = max(len(head), *map(len, shown.values()))
    lines = [f"{head:{width}}  {titles(columns)}  samples"]
    for i, name in shown.items():
        cells = "  ".join(f"{score_cell(columns[c][i], intervals.get(c), i):<16}" for c in columns)
        lines.append(f"{name:{width}}  {cells}  {int(samples[i]):7,}")
    if left := len(names) - len(shown):
        least = min(columns["f1"][i] for i in range(len(names)) if i not in shown)
        lines.append(f"and {left:,} more, each with an F1 of {least:.3f} or more (--json has them all)")
    return lines


def titles(columns: Iterable[str]) -> str:
    """Heads of columns that hold scores with their intervals.

    >>> titles(["f1"])
    'F1 (95 %)       '
    """
    return "  ".join(f"{('F1' if name == 'f1' else name) + ' (95 %)':<16}" for name in columns)


def score_cell(value: float, intervals: np.ndarray | None, place: int) -> str:
    """A score and its interval in 15 columns.

    >>> score_cell(0.5, np.array([[0.25, 0.75]]), 0)
    '0.500 0.25-0.75'
    """
    if intervals is None:
        return f"{value:.3f}"
    low, high = intervals[place]
    return f"{value:.3f} {low:.2f}-{high:.2f}"


def short(name: str) -> str:
    """A name that fits a column of the table."""
    name = name or "(no type)"
    return name if len(name) <= _WIDEST else name[: _WIDEST - 1] + "…"


def calibration_lines(
    error: float, interval: tuple[float, float] | None, fitted: Mapping[str, Any] | None
) -> list[str]:
    """The calibration error, and what the temperature did to it."""
    known = "" if interval is None else f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})"
    lines = [f"calibration error  {error:.4f}{known}"]
    if fitted is None:
        return lines
    if fitted.get("note"):
        return [*lines, f"temperature  {fitted['temperature']:.3g}: {fitted['note']}"]
    before, after = fitted["before"], fitted["after"]
    lines.append(
        f"temperature  {fitted['temperature']:.3g}, fitted on {fitted['samples']:,} validation samples: there the log "
        f"loss went from {before['log_loss']:.4f} to {after['log_loss']:.4f}, the calibration error from "
        f"{before['calibration_error']:.4f} to {after['calibration_error']:.4f}"
    )
    return lines


def slice_lines(slices: Sequence[Slice], most: int = 5) -> list[str]:
    """The worst slices, and how many more there are."""
    if not slices:
        return []
    lines = ["worse than the rest, beyond noise:", *(f"  {found}" for found in slices[:most])]
    if left := len(slices) - most:
        lines += [f"  and {left} more (--json has them all)"] if left > 0 else []
    return lines
