"""Columns that give the answer away: the label itself in other clothes, a row number, tomorrow's value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.drift import auc
from deepwell.findings import Finding, Level

_ROWS, _COLUMNS = 5_000, 200
_LEAD = 0.99


def leaking_columns(case: Case) -> Iterator[Finding]:
    """D18: one column of a table that solves the task. Pixels of easy pictures may do so honestly, and are not asked.

    Two signals make a warning: the column tells the classes apart (area under the curve above 0.99 for each class),
    and either it has one value for each class, or the classes lie far apart on it (six deviations) and no other
    column comes near. A task of one's own making (``y = x[:, 0] > 0``) has the first signal alone.
    """
    part = case.train
    if part.kind not in ("table", "ids") or part.x.ndim != 2 or not 2 <= part.x.shape[1] <= _COLUMNS:
        return
    rows = part.sample(_ROWS, case.said.seed)
    x = part.x[rows].astype(np.float64)
    if not np.isfinite(x).all() or len(x) < 30:
        return
    if case.answer == "classes" and 2 <= len(case.names) <= 20:
        yield from _of_classes(case, x, case.labels["train"][rows])
    elif case.answer == "numbers":
        yield from _of_numbers(case, x, np.asarray(part.y, dtype=np.float64)[rows].reshape(len(rows), -1))


def _of_classes(case: Case, x: np.ndarray, y: np.ndarray) -> Iterator[Finding]:
    counts = np.bincount(y, minlength=len(case.names))
    there = np.flatnonzero(counts >= 5)
    if len(there) < 2:
        return
    solved = np.array([_separates(column, y, there) for column in x.T])
    order = np.argsort(-solved)
    best = int(order[0])
    if solved[best] < _LEAD:
        return
    column = x[:, best]
    found = {"column": case.column(best), "share": float(solved[best]), "looked": len(x), "of": case.train.total}
    distinct = len(np.unique(column))
    row_number = case.train.rows is None and _even(column)
    if row_number:
        yield Finding("D18", "warn", case.column(best), "row_number", found)
    elif distinct == len(there) and x.shape[1] >= 2 and not _natural(x, solved):
        yield Finding("D18", "warn", case.column(best), "label", {**found, "values": distinct})
    elif x.shape[1] >= 3 and solved[order[1]] < 0.9 and _gap(column, y, there) > 6:
        yield Finding("D18", "warn", case.column(best), "column", {**found, "next": float(solved[order[1]])})
    else:
        yield Finding("D18", "note", case.column(best), "alone", found)


def _even(column: np.ndarray) -> bool:
    """Whether a column grows by the same step from row to row."""
    steps = np.diff(column)
    return bool(steps[0] != 0 and np.abs(steps - steps[0]).max() < 1e-3 * abs(steps[0]))


def _natural(x: np.ndarray, solved: np.ndarray) -> bool:
    """Several columns of a few values solve it: one-hot columns or marks that the task is made of."""
    return int((solved > 0.95).sum()) > max(1, x.shape[1] // 4)


def _separates(column: np.ndarray, y: np.ndarray, classes: np.ndarray) -> float:
    """How well a column alone tells classes apart: share of rows in runs of one class when sorted by it.

    Of two classes and a column that grows with the class it is the area under the curve.
    """
    if len(classes) == 2:
        kept = np.isin(y, classes)
        found = auc(column[kept], y[kept] == classes[1])
        return max(found, 1 - found)
    distinct, places = np.unique(column, return_inverse=True)
    edges = np.unique(np.quantile(column, np.linspace(0, 1, 51)[1:-1])) if len(distinct) > 50 else distinct
    cell = np.searchsorted(edges, column, side="left") if len(distinct) > 50 else places.reshape(-1)
    table = np.bincount(cell * (y.max() + 1) + y, minlength=(cell.max() + 1) * (y.max() + 1))
    table = table.reshape(-1, y.max() + 1)
    base = float(np.bincount(y).max() / len(y))
    # a cell of few rows is pure by chance
    pure = float((table.max(1) - (table.sum(1) < 5)).sum() / len(y))
    return pure if base < 0.9 else 0.0


def _gap(column: np.ndarray, y: np.ndarray, classes: np.ndarray) -> float:
    """The smallest distance of two classes' means, in deviations within a class."""
    means = np.sort([column[y == c].mean() for c in classes])
    within = np.sqrt(np.mean([column[y == c].var() for c in classes]))
    return float(np.diff(means).min() / max(within, 1e-12))


def _of_numbers(case: Case, x: np.ndarray, y: np.ndarray) -> Iterator[Finding]:
    if y.shape[1] > 20:
        return
    found = np.abs(_correlation(x, y)).max(1)
    order = np.argsort(-found)
    best, second = int(order[0]), float(found[order[1]])
    if found[best] < 0.9999:
        return
    # the target itself, changed by a constant factor or rounding, and nothing else like it
    level: Level = "warn" if x.shape[1] >= 3 and second < 0.99 and len(x) >= 100 else "note"
    values = {"column": case.column(best), "correlation": float(found[best]), "next": second, "looked": len(x)}
    yield Finding("D18", level, case.column(best), "target", values)


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[n, a] and [n, b] to [a, b]; 0 where a column is constant."""
    a, b = x - x.mean(0), y - y.mean(0)
    a, b = a / np.maximum(np.linalg.norm(a, axis=0), 1e-12), b / np.maximum(np.linalg.norm(b, axis=0), 1e-12)
    return a.T @ b


def look_ahead(case: Case) -> Iterator[Finding]:
    """D37: a column that holds the answer of a later row. Judged on values and on their changes from row to row, as
    slow series are like their own past and future anyway."""
    part, times = case.train, case.said.times.get("train")
    if times is None or part.kind != "table" or case.answer != "numbers" or len(times) != len(part) or len(part) < 50:
        return
    order = np.argsort(np.asarray(times), kind="stable")
    x = part.x[order].astype(np.float64).reshape(len(order), -1)
    y = np.asarray(part.y, dtype=np.float64)[order].reshape(len(order), -1)[:, :1]
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or x.shape[1] > _COLUMNS:
        return
    steps_x, steps_y = np.diff(x, axis=0), np.diff(y, axis=0)
    now = np.abs(_correlation(steps_x, steps_y))[:, 0]
    for k in (1, 2, 3):
        later = np.abs(_correlation(steps_x[:-k], steps_y[k:]))[:, 0]
        level = np.abs(_correlation(x[:-k], y[k:]))[:, 0]
        for column in np.flatnonzero((later > _LEAD) & (level > _LEAD) & (now < 0.9)).tolist():
            found = {"column": case.column(column), "rows": k, "correlation": float(later[column])}
            yield Finding("D37", "warn", case.column(column), "later", {**found, "now": float(now[column])})
