"""Samples in memory: what is taken, how it is read, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image

from deepwell.core.errors import UserError
from deepwell.data.arrays import from_arrays, from_frame

X = np.arange(4 * 8 * 6, dtype=np.uint8).reshape(4, 8, 6)
Y = [0, 1, 0, 1]


def test_channels_first_are_moved_last() -> None:
    colour = np.stack([X, X + 1, X + 2], axis=1)
    source = from_arrays(colour, Y)
    assert source.x.shape == (4, 8, 6, 3)
    assert np.array_equal(source.x, colour.transpose(0, 2, 3, 1))
    assert "channels first" in source.notes[0]


def test_channels_last_stay_and_doubt_is_said() -> None:
    assert from_arrays(np.zeros((4, 8, 6, 3), np.uint8), Y).notes == ()
    doubtful = from_arrays(np.zeros((4, 3, 8, 3), np.uint8), Y)
    assert doubtful.x.shape == (4, 3, 8, 3)
    assert "read with its channels last" in doubtful.notes[0]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16, torch.int64])
def test_tensors(dtype: torch.dtype) -> None:
    source = from_arrays(torch.from_numpy(X).to(dtype), torch.tensor(Y))
    assert source.x.shape == X.shape
    assert source.y.tolist() == Y


def test_a_tensor_with_a_gradient() -> None:
    assert from_arrays(torch.zeros(4, 8, 8, requires_grad=True), Y).x.shape == (4, 8, 8)


def test_lists_of_paths_pictures_and_arrays_of_mixed_size(tmp_path: Path) -> None:
    pictures = [Image.fromarray(X[0]), Image.fromarray(X[1][:4])]
    mixed = [X[0], X[1][:4], X[2]]
    paths = [tmp_path / "a.png", str(tmp_path / "b.png")]
    for samples in (pictures, mixed, paths, np.array([str(p) for p in paths])):
        source = from_arrays(samples, ["u", "v", "w"][: len(samples)])
        assert len(source.x) == len(samples)
        assert source.found.startswith(f"a list of {len(samples)} samples")


@pytest.mark.parametrize(
    "y", [np.array(Y), torch.tensor(Y), pd.Series(Y), pl.Series(Y), np.array(Y)[:, None], ["a", "b", "a", "b"]]
)
def test_labels_of_every_kind(y: Any) -> None:
    found = from_arrays(X, y).y
    assert len(found) == 4
    assert np.ndim(found) == 1


def test_one_hot_labels_stay_rows() -> None:
    assert from_arrays(X, np.eye(2)[Y]).y.shape == (4, 2)


def test_no_labels() -> None:
    assert from_arrays(X).y is None


def test_given_parts() -> None:
    source = from_arrays(X, Y, validation=(X[:2], Y[:2]), test=(X[:1], Y[:1]))
    assert source.x.shape == (7, 8, 6)
    assert source.parts == ["train"] * 4 + ["validation"] * 2 + ["test"]
    assert source.y == [0, 1, 0, 1, 0, 1, 0]
    mixed = from_arrays(X, Y, test=(X[:1, :4], Y[:1]))
    assert [row.shape for row in mixed.x] == [(8, 6)] * 4 + [(4, 6)]


_nan = np.ones((4, 8, 6), np.float32)
_nan[2, 1, 1], _nan[3, 0, 0] = np.nan, np.inf


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (_nan, Y, r"NaN or infinity in 2 samples, the first in sample 2"),
        (X, Y[:3], r"4 samples in x and 3 labels in y"),
        (X.reshape(4, 48), Y, r"shape \[4, 48\].*x\.reshape\(-1, height, width\)"),
        (np.zeros((4, 64), np.uint8), Y, r"x\.reshape\(-1, 8, 8\)"),
        (np.zeros(4, np.uint8), Y, r"shape \[4\]"),
        (np.zeros((4, 8, 8, 2), np.uint8), Y, r"1, 3 or 4 channels"),
        (np.zeros((4, 2, 2, 2, 2)), Y, r"shape \[4, 2, 2, 2, 2\]"),
        (X.astype(complex), Y, r"type complex128"),
        (X.astype(object), Y, r"type object"),
        (np.zeros((0, 8, 8)), [], r"is empty"),
        (np.zeros((4, 0, 8)), Y, r"is empty"),
        ([], [], r"is empty"),
        ([1, 2, 3, 4], Y, r"sample 0 of x is 1"),
        ([X[0], None], [0, 1], r"sample 1 of x is None"),
        ("photos", Y, r"is the path 'photos'.*deepwell\.open"),
        (pd.DataFrame({"path": ["a"], "label": [0]}), None, r"a table with the columns path, label.*deepwell\.frame"),
        (X, [0, 1, None, 1], r"no label for 1 samples, the first is sample 2"),
        (X, np.array([0, np.nan, 0, np.nan]), r"no label for 2 samples, the first is sample 1"),
    ],
)
def test_what_is_refused(x: Any, y: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        from_arrays(x, y)


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(UserError, match=r"expected: a pair \(x, y\)|Expected: a pair"):
        from_arrays(X, Y, test=X)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="labels for some parts only"):
        from_arrays(X, Y, test=(X, None))


def _files(folder: Path, count: int = 4) -> list[str]:
    for i in range(count):
        Image.fromarray(X[i % 4]).save(folder / f"{i}.png")
    return [f"{i}.png" for i in range(count)]


@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame])
def test_frames(tmp_path: Path, library: Any) -> None:
    names = _files(tmp_path)
    frame = library({"number": [1, 2, 3, 4], "file": names, "label": ["a", "b", "a", "b"]})
    source = from_frame(frame, target="label", base=tmp_path)
    assert source.x == [tmp_path / name for name in names]
    assert source.y == ["a", "b", "a", "b"]
    assert "column 'file'" in source.found
    named = from_frame(frame, target="number", path_column="file", base=tmp_path)
    assert list(named.y) == [1, 2, 3, 4]


def test_frames_that_are_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"file": _files(tmp_path), "label": ["a", None, "a", "b"]})
    cases: list[tuple[dict[str, Any], str]] = [
        ({"target": "lable"}, r"frame has no column 'lable'.*did you mean 'label'"),
        ({"target": "label", "path_column": "fil"}, r"frame has no column 'fil'.*did you mean 'file'"),
        ({"target": None}, r"which column holds the labels was not said.*one of file, label"),
        ({"target": "label", "base": tmp_path / "elsewhere"}, r"no column of frame holds paths"),
        ({"target": "label"}, r"no label for 1 samples, the first is sample 1"),
        ({"target": "file", "path_column": "label"}, r"row 1 of frame has None in the column 'label'"),
    ]
    for options, words in cases:
        with pytest.raises(UserError, match=words):
            from_frame(frame, **{"base": tmp_path, **options})
    with pytest.raises(UserError, match="has no rows"):
        from_frame(frame.head(0), target="label")
