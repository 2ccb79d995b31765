"""What is wrong with the numbers themselves: missing, constant, of a scale that a network learns badly from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.kinds import channel_axis
from deepwell.doctor.data.part import Part
from deepwell.findings import Finding, Level

_LOOKED_AT = 2_000
_PIECE = 4 << 20
_HUGE = 1000.0
"""Largest eigenvalue of E[x x'] over that of standardised inputs: by so much smaller is the largest learning rate
that does not diverge (LeCun 1998, Efficient BackProp)."""
_TWICE = 1.01 / 255


def finite(case: Case) -> Iterator[Finding]:
    """D05: NaN and infinity, in every number of every part."""
    for part in case.parts.values():
        for values, where in ((part.x, "inputs"), (part.y, "answers")):
            if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or not values.size:
                continue
            rows, columns = _not_finite(values)
            if not len(rows):
                continue
            some = ", ".join(str(part.row(row)) for row in rows[:3].tolist()) + (", ..." if len(rows) > 3 else "")
            # several answers a sample, some of them NaN, are how missing ones are marked for a loss that masks them
            missing = where == "answers" and values.ndim > 1 and values.shape[1] > 1 and len(rows) < len(values)
            names = ", ".join(case.column(c) if where == "inputs" else f"column {c}" for c in columns[:3].tolist())
            found = {"rows": some, "count": len(rows), "of": len(values)}
            if part.kind == "table" and values.ndim == 2 and where == "inputs":
                yield Finding("D05", "stop", part.name, "table", {**found, "columns": names})
            else:
                yield Finding("D05", "note" if missing else "stop", part.name, where, found)


def _not_finite(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that hold NaN or infinity, and places in a row that do."""
    flat = values.reshape(len(values), -1)
    step = max(1, _PIECE // flat.shape[1])
    rows, columns = [], set()
    for start in range(0, len(flat), step):
        piece = flat[start : start + step]
        # a sum is NaN or infinite if a number is, and costs half of looking at each
        if np.isfinite(piece.sum(dtype=np.float64)):
            continue
        bad = ~np.isfinite(piece)
        rows.append(np.flatnonzero(bad.any(1)) + start)
        columns |= set(np.flatnonzero(bad.any(0)).tolist())
    return (np.concatenate(rows) if rows else np.zeros(0, np.int64)), np.array(sorted(columns), dtype=np.int64)


def constant(case: Case) -> Iterator[Finding]:
    """D06: inputs that are all the same, and columns that never change."""
    part = case.train
    if not isinstance(part.x, np.ndarray) or part.x.dtype.kind not in "buif" or len(part) < 2:
        return
    x = part.x[part.sample(_LOOKED_AT, case.said.seed)].reshape(min(len(part), _LOOKED_AT), -1)
    still = (x == x[:1]).all(0)
    if still.all():
        yield Finding("D06", "stop", part.name, "all", {"looked": len(x), "of": len(part)})
    elif part.kind == "table" and still.any():
        numbers = np.flatnonzero(still)
        names = ", ".join(case.column(c) for c in numbers[:5].tolist()) + (", ..." if len(numbers) > 5 else "")
        found = {"columns": names, "count": len(numbers), "width": x.shape[1], "looked": len(x), "of": len(part)}
        # of a wide table many may be rare words or marks; half of a narrow one is no chance
        lost = len(numbers) >= 3 and 2 * len(numbers) >= x.shape[1] and x.shape[1] <= 64
        yield Finding("D06", "warn" if lost else "note", part.name, "columns", found)


def beyond_the_table(case: Case) -> Iterator[Finding]:
    """M33: an id that the model's table of embeddings has no row for; it fails at the batch that holds it."""
    if case.said.rows is None:
        return
    for name, part in case.parts.items():
        if isinstance(part.x, np.ndarray) and part.x.dtype.kind in "iu" and part.x.size:
            highest = int(part.x.max())
            if highest >= case.said.rows:
                yield Finding("M33", "stop", name, "beyond", {"highest": highest, "rows": case.said.rows})


def by_channel(part: Part, seed: int = 0) -> np.ndarray:
    """A sample of the numbers, float64 [n, columns]: columns of a table, channels of pictures and series."""
    x = part.x[part.sample(_LOOKED_AT, seed)]
    if x.nbytes > 32 << 20:
        x = x[:: -(-x.nbytes // (32 << 20))]
    axis = channel_axis(x) if part.kind == "image" else (x.ndim - 1 if x.ndim == 3 else None)
    if part.kind == "table":
        return x.reshape(len(x), -1).astype(np.float64)
    if axis is None:
        return x.reshape(-1, 1).astype(np.float64)
    return np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]).astype(np.float64)


def scale(case: Case) -> Iterator[Finding]:
    """D01: inputs as they were measured, never brought to one scale. Ids are no numbers, bytes no inputs yet."""
    part = case.train
    if case.said.normalised_inside or part.kind not in ("image", "table", "series") or part.x.dtype.kind != "f":
        return
    columns = by_channel(part, case.said.seed)
    if not np.isfinite(columns).all() or len(columns) < 2:
        return
    mean, std = columns.mean(0), columns.std(0)
    moving = std > 0
    low, top = float(columns.min()), float(columns.max())
    if part.kind == "image" and low >= 0 and 4 <= top < 128 and _whole(columns):
        yield Finding("D01", "note", part.name, "raw", {"high": top})
        return
    high = moving & ((std > 10) | ((np.abs(mean) > 5 * std) & (np.abs(mean) > 10)))
    if not high.any():
        return
    worst = int(np.argmax(np.where(high, np.abs(mean) + std, 0)))
    bytes_ = part.kind == "image" and columns.min() >= 0 and 127 < columns.max() <= 255 and _whole(columns)
    apart = float(std[moving].max() / std[moving].min())
    slower = _largest(columns[:, moving]) / _largest((columns[:, moving] - mean[moving]) / std[moving])
    found = {
        "count": int(high.sum()),
        "of": len(std),
        "column": case.column(worst) if part.kind == "table" else f"channel {worst}",
        "mean": float(mean[worst]),
        "std": float(std[worst]),
        "slower": slower,
        "apart": apart,
    }
    if bytes_:
        yield Finding("D01", "warn", part.name, "bytes", found)
    elif slower > _HUGE:
        yield Finding("D01", "warn", part.name, "steep", found)
    elif apart > 100:
        yield Finding("D01", "warn", part.name, "apart", found)
    else:
        yield Finding("D01", "note", part.name, "large", found)


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def _largest(columns: np.ndarray) -> float:
    """The largest eigenvalue of the mean of x x', by five steps of the power method: its order is what counts."""
    vector = np.ones(columns.shape[1]) / np.sqrt(columns.shape[1])
    some = columns[:: max(1, len(columns) // 4000)]
    value = 0.0
    for _ in range(5):
        vector = some.T @ (some @ vector) / len(some)
        value = float(np.linalg.norm(vector))
        if value == 0.0:
            return 1e-12
        vector /= value
    return max(value, 1e-12)


def scaled_twice(case: Case) -> Iterator[Finding]:
    """D02: pictures divided by 255 twice, or normalised by the statistics of another scale."""
    part = case.train
    if part.kind != "image" or part.x.dtype.kind != "f":
        return
    values = by_channel(part, case.said.seed)
    if not np.isfinite(values).all():
        return
    low, high, mean, std = float(values.min()), float(values.max()), float(values.mean()), float(values.std(0).max())
    if std >= 0.02 or std == 0:
        return
    found = {"low": low, "high": high, "std": std, "mean": mean}
    if low >= 0 and high <= _TWICE:
        yield Finding("D02", "warn", part.name, "bytes", found)
    elif abs(mean) > 5 * std and high - low < 0.1:
        yield Finding("D02", "warn", part.name, "statistics", found)
    else:
        yield Finding("D02", "note", part.name, "flat", found)


def target_scale(case: Case) -> Iterator[Finding]:
    """D07: numbers to predict that are far from 0 or far apart: squared errors, and gradients, in thousands."""
    if case.answer != "numbers":
        return
    y = np.asarray(case.train.y, dtype=np.float64)
    y = y.reshape(len(y), -1)
    if y.shape[1] > 100 or not np.isfinite(y).all():  # pictures or series that are rebuilt are no column of targets
        return
    mean, std = y.mean(0), y.std(0)
    if not (std > 0).any():
        return
    ratio = np.where(std > 0, mean**2 / np.maximum(std, 1e-12) ** 2, 0)
    signals = (np.abs(mean) > 10).astype(int) + ((std > 10) | (std < 0.1)) + (ratio > 100)
    signals[std == 0] = 0
    worst = int(np.argmax(signals * 1e6 + np.log1p(np.abs(mean) + std)))
    if signals[worst] == 0:
        return
    level: Level = "warn" if signals[worst] >= 2 else "note"
    found = {"mean": float(mean[worst]), "std": float(std[worst]), "first": float(mean[worst] ** 2 + std[worst] ** 2)}
    yield Finding("D07", level, "labels", "numbers", {**found, "column": worst})
