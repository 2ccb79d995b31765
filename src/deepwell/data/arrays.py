"""Samples in memory: arrays, tensors, lists of paths or pictures, frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepwell.core.errors import UserError, unknown_name
from deepwell.data.source import Source


def as_pictures(x: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """An array of pictures as [n, height, width, channels], or [n, height, width] for grey.

    Raises:
        UserError: another number of dimensions, no number, NaN or infinity.
    """
    if x.dtype == object or x.dtype.kind not in "buif":
        raise UserError(f"{name} has the type {x.dtype}", expected="numbers", fix="convert it, x.astype('uint8')")
    if x.dtype.kind == "f" and not (finite := np.isfinite(x)).all():
        row = int(np.argwhere(~finite)[0][0])
        raise UserError(
            f"{name} holds NaN or infinity in {int((~finite).reshape(len(x), -1).any(1).sum())} samples, the first in "
            f"sample {row}",
            fix="replace these numbers, or leave these samples out",
        )
    if x.ndim == 3:
        return x, []
    if x.ndim != 4:
        hint = (
            f"x.reshape(-1, {side}, {side})" if (side := round(x.shape[-1] ** 0.5)) ** 2 == x.shape[-1] else "x.reshape"
        )
        raise UserError(
            f"{name} has the shape {list(x.shape)}",
            expected="[n, height, width], [n, height, width, channels] or [n, channels, height, width]",
            fix=f"give it that shape with {hint}",
        )
    first, last = x.shape[1] in (1, 3, 4), x.shape[3] in (1, 3, 4)
    if last:
        both = [f"{name} of shape {list(x.shape)} is read with its channels last"] if first else []
        return x, both
    if first:
        return x.transpose(0, 2, 3, 1), [f"{name} has its channels first: they were moved last"]
    raise UserError(f"{name} has the shape {list(x.shape)}", expected="1, 3 or 4 channels, first or last")


def _labels(y: Any) -> Any:
    if y is None:
        return None
    if hasattr(y, "detach"):
        return y.detach().cpu().numpy()
    if hasattr(y, "to_numpy"):
        return y.to_numpy()
    return y if isinstance(y, np.ndarray) else list(y)


def from_arrays(x: Any, y: Any = None, *, name: str = "arrays") -> Source:
    """Samples and labels in memory.

    Args:
        x: NumPy array or tensor of pictures; or a list of paths, of PIL pictures, of arrays of mixed size.
        y: labels: numbers, strings, or one-hot rows; array, tensor, series or list.
        name: for the run.

    Raises:
        UserError: lengths that differ, shapes or types that are no pictures.
    """
    notes: list[str] = []
    labels, samples = _labels(y), x
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    if isinstance(x, np.ndarray) and x.dtype != object:
        samples, notes = as_pictures(x, "x")
        found = f"{len(x):,} pictures in an array of shape {list(x.shape)}"
    elif isinstance(x, (str, bytes, Path)):
        raise UserError(
            f"arrays was given the path {x!r}", expected="an array or a list", fix="use deepwell.open(path)"
        )
    else:
        samples = list(x)
        kinds = sorted({type(item).__name__ for item in samples})
        found = f"a list of {len(samples):,} samples ({', '.join(kinds)})"
    if not len(samples):
        raise UserError(f"{name} is empty: it has no samples")
    if labels is not None and len(labels) != len(samples):
        raise UserError(f"there are {len(samples):,} samples and {len(labels):,} labels", expected="one label a sample")
    return Source(name, "image", samples, labels, None, "", found, tuple(notes))


def from_frame(
    frame: Any, *, target: str | None, path_column: str | None = None, base: Path | None = None, name: str = "frame"
) -> Source:
    """A polars or pandas frame with a column of picture paths and a column of labels.

    Args:
        frame: has ``columns``, and gives a column by ``frame[name]``.
        target: the column of labels.
        path_column: the column of paths; None finds the one whose first values are files.
        base: folder that relative paths start from.
        name: for the run.

    Raises:
        UserError: a column that is not there (with the nearest that is), no column of paths.
    """
    columns = [str(column) for column in frame.columns]
    if target is None:
        raise UserError(
            f"{name} is a table, and which column holds the labels was not said",
            expected="one of " + ", ".join(columns),
            fix="name it with target=... (--target COLUMN)",
        )
    for column in (target, path_column):
        if column is not None and column not in columns:
            raise unknown_name("column", column, columns)
    root = base or Path()

    def is_paths(column: str) -> bool:
        values = [v for v in list(frame[column][:5]) if isinstance(v, str)]
        return bool(values) and all((root / v).is_file() for v in values)

    found = path_column or next((c for c in columns if c != target and is_paths(c)), None)
    if found is None:
        raise UserError(
            f"no column of {name} holds paths of files that are there",
            expected="a column of picture paths, absolute or relative to the table",
            fix="name it with path_column=..., and check that the files are there",
        )
    paths = [root / str(value) for value in list(frame[found])]
    labels = list(frame[target])
    text = f"{len(paths):,} pictures by the column '{found}', labels in '{target}'"
    return Source(name, "image", paths, labels, None, "", text)
