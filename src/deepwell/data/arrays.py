"""Samples in memory: arrays, tensors, lists of paths or pictures, frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.data import text_columns
from deepwell.data.picture_column import picture_column
from deepwell.data.source import Source

_LONGEST_PATH = 1000
"""A longer string is a text, and asking the system for a file of that name is an error."""


def as_pictures(x: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """An array of pictures as [n, height, width, channels], or [n, height, width] for grey.

    Raises:
        UserError: another number of dimensions, no number, NaN or infinity.
    """
    if x.dtype == object or x.dtype.kind not in "buif":
        raise UserError(f"{name} has the type {x.dtype}", expected="numbers", fix="convert it, x.astype('uint8')")
    if 0 in x.shape:
        raise UserError(f"{name} of shape {list(x.shape)} is empty", expected="at least one picture of one pixel")
    if x.ndim not in (3, 4):
        side = round(x.shape[1] ** 0.5) if x.ndim == 2 else 0
        square = side > 1 and side * side == x.shape[1]
        hint = f"x.reshape(-1, {side}, {side})" if square else "x.reshape(-1, height, width)"
        raise UserError(
            f"{name} has the shape {list(x.shape)}",
            expected="[n, height, width], [n, height, width, channels] or [n, channels, height, width]",
            fix=f"give it that shape with {hint}",
        )
    if x.dtype.kind == "f" and not (finite := np.isfinite(x)).all():
        row = int(np.argwhere(~finite)[0][0])
        raise UserError(
            f"{name} holds NaN or infinity in {int((~finite).reshape(len(x), -1).any(1).sum())} samples, the first in "
            f"sample {row}",
            fix="replace these numbers, or leave these samples out",
        )
    if x.ndim == 3:
        return x, []
    first, last = x.shape[1] in (1, 3, 4), x.shape[3] in (1, 3, 4)
    if last:
        both = [f"{name} of shape {list(x.shape)} is read with its channels last"] if first else []
        return x, both
    if first:
        return x.transpose(0, 2, 3, 1), [f"{name} has its channels first: they were moved last"]
    raise UserError(f"{name} has the shape {list(x.shape)}", expected="1, 3 or 4 channels, first or last")


def as_labels(y: Any, name: str = "y") -> Any:
    """Labels as they are counted on: an array [n], one-hot rows [n, classes], or a list.

    Raises:
        UserError: a label that is missing (None or NaN); names the first sample.
    """
    if y is None:
        return None
    if hasattr(y, "detach"):
        y = y.detach().cpu().numpy()
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    labels: Any = y if isinstance(y, np.ndarray) else list(y)
    if isinstance(labels, np.ndarray) and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # [n, 1], a column
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
        missing = np.isnan(labels).reshape(len(labels), -1).any(1)
    elif isinstance(labels, list) or labels.dtype == object:
        missing = np.array([v is None or (isinstance(v, float) and v != v) for v in labels], dtype=bool)
    else:
        return labels
    if missing.any():
        raise UserError(
            f"{name} has no label for {int(missing.sum()):,} samples, the first is sample {int(missing.argmax())}",
            expected="a label for every sample",
            fix="label them, or leave these samples out",
        )
    return labels


def from_arrays(
    x: Any,
    y: Any = None,
    *,
    validation: tuple[Any, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    name: str = "arrays",
) -> Source:
    """Samples and labels in memory.

    Args:
        x: NumPy array or tensor of pictures; or a list of paths, of PIL pictures, of arrays of mixed size.
        y: labels: numbers, strings, or one-hot rows; array, tensor, series or list.
        validation, test: (x, y) that were held out already.
        name: for the run.

    Raises:
        UserError: lengths that differ, shapes or types that are no pictures, NaN, missing labels.

    >>> from_arrays(np.zeros((2, 3, 8, 8), np.uint8), ["a", "b"]).notes
    ('x has its channels first: they were moved last',)
    """
    pieces = [("train", *_piece(x, y, "x", "y"))]
    for part, pair in (("validation", validation), ("test", test)):
        if pair is None:
            continue
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise UserError(f"{part} is a {type(pair).__name__}", expected="a pair (x, y)")
        pieces.append((part, *_piece(*pair, f"{part} x", f"{part} y")))
    notes = tuple(note for *_, more in pieces for note in more)
    samples: Any = pieces[0][1]
    labels: Any = pieces[0][2]
    found = pieces[0][3]
    if len(pieces) == 1:
        return Source(name, "image", samples, labels, None, "", found, notes)
    if any(piece[2] is None for piece in pieces):
        raise UserError(f"{name} has labels for some parts only", expected="labels for all parts, or for none")
    arrays: list[Any] = [piece[1] for piece in pieces]
    if all(isinstance(array, np.ndarray) for array in arrays):
        shapes = {array.shape[1:] for array in arrays}
        samples = np.concatenate(arrays) if len(shapes) == 1 else [row for array in arrays for row in array]
    else:
        samples = [row for array in arrays for row in array]
    labels = [label for piece in pieces for label in piece[2]]
    parts = [part for part, array, *_ in pieces for _ in range(len(array))]
    counts = ", ".join(f"{len(array):,} to {part}" for part, array, *_ in pieces)
    return Source(name, "image", samples, labels, parts, "", f"{found}; given parts: {counts}", notes)


def _piece(x: Any, y: Any, x_name: str, y_name: str) -> tuple[Any, Any, str, list[str]]:
    """(samples, labels, what was found, notes) of one part."""
    notes: list[str] = []
    if isinstance(x, (str, bytes, Path)):
        raise UserError(
            f"{x_name} is the path {x!r}", expected="an array or a list", fix="open a path with deepwell.open"
        )
    if hasattr(x, "columns"):
        raise UserError(
            f"{x_name} is a table with the columns " + ", ".join(map(str, x.columns)),
            expected="an array or a list",
            fix="give a table to deepwell.frame, with target= the column of labels",
        )
    if hasattr(x, "detach"):
        x = (x.float() if str(x.dtype) == "torch.bfloat16" else x).detach().cpu().numpy()
    if isinstance(x, np.ndarray) and not (x.ndim == 1 and x.dtype.kind in "OU"):
        x, notes = as_pictures(x, x_name)
        samples: Any = x
        found = f"{len(x):,} pictures in an array of shape {list(x.shape)}"
    else:
        samples = list(x)  # also an array of paths, or of pictures of mixed size
        kinds = sorted({type(item).__name__ for item in samples})
        found = f"a list of {len(samples):,} samples ({', '.join(kinds)})"
        odd = next((i for i, v in enumerate(samples) if v is None or isinstance(v, (int, float, complex))), None)
        if odd is not None:
            raise UserError(f"sample {odd} of {x_name} is {samples[odd]!r}", expected="a path, a picture or an array")
    if not len(samples):
        raise UserError(f"{x_name} is empty: it has no samples", expected="at least two")
    labels = as_labels(y, y_name)
    if labels is not None and len(labels) != len(samples):
        raise UserError(
            f"there are {len(samples):,} samples in {x_name} and {len(labels):,} labels in {y_name}",
            expected="one label a sample",
        )
    return samples, labels, found, notes


def from_frame(
    frame: Any, *, target: str | None, path_column: str | None = None, base: Path | None = None, name: str = "frame"
) -> Source:
    """A polars or pandas frame with a column of picture paths or of texts, and a column of labels.

    Args:
        frame: has ``columns``, and gives a column by ``frame[name]``.
        target: the column of labels; for texts also None, or several columns; see ``text_columns.choose``.
        path_column: the column of paths; None finds the one whose first values are files.
        base: folder that relative paths start from.
        name: for the run.

    Raises:
        UserError: a column that is not there (with the nearest that is), no column of paths or texts.
    """
    columns = [str(column) for column in frame.columns]
    root = base or Path()

    def is_paths(column: str) -> bool:
        values = [v for v in list(frame[column][:5]) if isinstance(v, (str, Path))]
        return bool(values) and all(len(str(v)) <= _LONGEST_PATH and (root / v).is_file() for v in values)

    found = path_column or next((c for c in columns if c != target and is_paths(c)), None)
    if found is None:
        known = {column: list(frame[column]) for column in columns}
        if picture_column(known, target=target) is None:
            return text_columns.from_columns(known, target=target, name=name)
    if target is None:
        raise UserError(
            f"{name} is a table, and which column holds the labels was not said",
            expected="one of " + ", ".join(columns),
            fix="name it with target=... (--target COLUMN)",
        )
    for column in (target, path_column):
        if column is not None and column not in columns:
            raise text_columns.no_column(column, dict.fromkeys(columns, ()), name)
    if found is None:
        raise UserError(
            f"no column of {name} holds paths of files that are there",
            expected="a column of picture paths, absolute or relative to the table",
            fix="name it with path_column=..., and check that the files are there",
        )
    if not len(frame):
        raise UserError(f"{name} has no rows", expected="one row a picture")
    values = list(frame[found])
    lost = next((i for i, value in enumerate(values) if not isinstance(value, (str, Path)) or not str(value)), None)
    if lost is not None:
        raise UserError(
            f"row {lost} of {name} has {values[lost]!r} in the column '{found}'",
            expected="the path of a picture",
            fix="fill it in, or leave this row out",
        )
    paths = [root / value for value in values]
    labels = as_labels(list(frame[target]), f"the column '{target}' of {name}")
    text = f"{len(paths):,} pictures by the column '{found}', labels in '{target}'"
    return Source(name, "image", paths, labels, None, "", text)
