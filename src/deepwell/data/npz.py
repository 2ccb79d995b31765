"""NumPy's ``.npz`` files; pickles in them are refused."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from deepwell.core.errors import UserError
from deepwell.data.arrays import as_labels, as_pictures
from deepwell.data.source import Source

_PAIRS = (
    ("train", ("x_train", "train_x", "train_images"), ("y_train", "train_y", "train_labels")),
    (
        "validation",
        ("x_val", "val_x", "val_images", "x_valid", "x_validation", "validation_images"),
        ("y_val", "val_y", "val_labels", "y_valid", "y_validation", "validation_labels"),
    ),
    ("test", ("x_test", "test_x", "test_images"), ("y_test", "test_y", "test_labels")),
    ("", ("x", "images", "data"), ("y", "labels", "target", "targets")),
)
_Part = tuple[str, str, str, np.ndarray, np.ndarray]


def read_npz(path: Path, *, name: str | None = None) -> Source:
    """Pictures and labels by the usual names of arrays, in capitals or not.

    ``x_train``, ``y_train``, ``x_test``, ... (or ``train_images``, ``train_labels``, ...); else ``x``, ``y`` (or
    ``images``, ``labels``). What was taken, and what was not, is said.

    Raises:
        UserError: damaged, a pickle inside, no names that are known, arrays that don't fit.
    """
    parts, names = _read(path)
    if not parts:
        raise UserError(
            f"{path} holds the arrays {', '.join(names) or '(none)'}",
            expected="x and y, or x_train, y_train, x_test, y_test",
            fix="save it with np.savez(path, x=pictures, y=labels)",
        )
    pictures, labels, notes = [], [], []
    for _, x_name, y_name, x, y in parts:
        array, more = as_pictures(x, f"{x_name} of {path}")
        found = as_labels(np.atleast_1d(y), f"{y_name} of {path}")
        if len(array) != len(found):
            raise UserError(f"{path}: {x_name} has {len(array)} samples and {y_name} {len(found)}", expected="as many")
        pictures.append(array)
        labels.append(found)
        notes += more
    for what, arrays in (("pictures", pictures), ("labels", labels)):
        if len({array.shape[1:] for array in arrays}) > 1:
            raise UserError(f"{path}: its parts have {what} of different shapes", expected="one shape in all parts")
    taken = ", ".join(f"{x_name} with {y_name}" for _, x_name, y_name, _, _ in parts)
    left = [n for n in names if not any(n in part[1:3] for part in parts)]
    if left:
        notes.append(f"the arrays {', '.join(left)} of {path.name} were not used")
    sides = [part[0] for part, array in zip(parts, pictures, strict=True) for _ in range(len(array))]
    return Source(
        name or path.stem,
        "image",
        np.concatenate(pictures) if len(pictures) > 1 else pictures[0],
        np.concatenate(labels) if len(labels) > 1 else labels[0],
        sides if len(parts) > 1 else None,
        name or str(path),
        f"{sum(map(len, pictures)):,} pictures in an .npz ({taken})",
        tuple(notes),
    )


def _read(path: Path) -> tuple[list[_Part], list[str]]:
    """(part, name of x, name of y, x, y) of each pair that is there, and the names of all arrays."""
    parts: list[_Part] = []
    try:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("it is no zip archive, or is cut off")
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            by_lower = {n.lower(): n for n in reversed(names)}
            for part, xs, ys in _PAIRS:
                x_name = next((by_lower[n] for n in xs if n in by_lower), None)
                y_name = next((by_lower[n] for n in ys if n in by_lower), None)
                if x_name and y_name and not (part == "" and parts):
                    parts.append((part, x_name, y_name, file[x_name], file[y_name]))
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        pickled = "allow_pickle" in str(error)
        raise UserError(
            f"{path} can't be read: {'it holds pickled objects' if pickled else _first_line(error)}",
            expected="a whole .npz of plain arrays",
            fix="save it with np.savez(path, x=pictures, y=labels)"
            + (", text as y.astype(str), pictures of mixed size as files" if pickled else ""),
        ) from None
    except MemoryError:
        raise UserError(
            f"{path} says that its arrays are larger than the memory", expected="arrays that fit", fix="check the file"
        ) from None
    return parts, names


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
