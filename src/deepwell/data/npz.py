"""NumPy's ``.npz`` files; pickles in them are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from deepwell.core.errors import UserError
from deepwell.data.arrays import as_pictures
from deepwell.data.source import Source

_PAIRS = (
    ("train", ("x_train", "train_x", "train_images", "X_train"), ("y_train", "train_y", "train_labels", "Y_train")),
    ("validation", ("x_val", "val_images", "X_val", "x_valid"), ("y_val", "val_labels", "Y_val", "y_valid")),
    ("test", ("x_test", "test_x", "test_images", "X_test"), ("y_test", "test_y", "test_labels", "Y_test")),
    ("", ("x", "X", "images", "data"), ("y", "Y", "labels", "target", "targets")),
)


def read_npz(path: Path, *, name: str | None = None) -> Source:
    """Pictures and labels by the usual names of arrays: ``x_train``, ``y_train``, ``x_test``, ...; or ``x``, ``y``.

    Raises:
        UserError: damaged, a pickle inside, or no names that are known.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            parts: list[tuple[str, str, str, np.ndarray, np.ndarray]] = []
            for part, xs, ys in _PAIRS:
                x_name = next((n for n in xs if n in names), None)
                y_name = next((n for n in ys if n in names), None)
                if x_name and y_name and not (part == "" and parts):
                    parts.append((part, x_name, y_name, file[x_name], file[y_name]))
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        reason = "it holds pickled objects" if "allow_pickle" in str(error) else str(error).splitlines()[0]
        raise UserError(
            f"{path} can't be read: {reason}",
            expected="a whole .npz of plain arrays",
            fix="save it with np.savez(x=, y=)",
        ) from None
    if not parts:
        raise UserError(
            f"{path} holds the arrays {', '.join(names) or '(none)'}",
            expected="x and y, or x_train, y_train, x_test, y_test",
            fix="save it with np.savez(path, x=pictures, y=labels)",
        )
    pictures, notes = [], []
    for _, x_name, y_name, x, y in parts:
        if len(x) != len(y):
            raise UserError(f"{path}: {x_name} has {len(x)} samples and {y_name} {len(y)}", expected="as many")
        array, more = as_pictures(x, x_name)
        pictures.append(array)
        notes += [note for note in more if note not in notes]
    if len({array.shape[1:] for array in pictures}) > 1:
        raise UserError(f"{path}: its parts have pictures of different shapes", expected="one shape in all parts")
    sides = [part for part, _, _, x, _ in parts for _ in range(len(x))]
    taken = ", ".join(f"{x_name} with {y_name}" for _, x_name, y_name, _, _ in parts)
    return Source(
        name or path.stem,
        "image",
        np.concatenate(pictures),
        np.concatenate([y for *_, y in parts]),
        sides if len(parts) > 1 else None,
        name or str(path),
        f"{sum(map(len, pictures)):,} pictures in an .npz ({taken})",
        tuple(notes),
    )
