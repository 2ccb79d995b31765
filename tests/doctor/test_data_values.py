"""Numbers and labels that are wrong in one known way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.data_sets import finding, levels, pictures, table, tensors

X, Y = table()
PX, PY = pictures()
UNIT = ((PX - PX.min()) / (PX.max() - PX.min())).astype(np.float32)


def at(value: float) -> Any:
    x = X.copy()
    x[7, 2] = value
    return x


def scaled(*factors: float) -> Any:
    return (X * np.array(factors) + np.array([40, 50_000, 0.5, 3, 100, 9])).astype(np.float32)


def blanked(share: float) -> Any:
    x = PX.copy()
    x[: int(share * len(x))] = 0.5
    return x


FAULTS: list[tuple[str, Callable[[], dict[str, str]], str, str]] = [
    ("NaN", lambda: levels((at(np.nan), Y)), "D05", "stop"),
    ("infinity", lambda: levels(tensors((at(np.inf), Y))), "D05", "stop"),
    ("NaN among targets", lambda: levels((X, at(np.nan)[:, 2])), "D05", "stop"),
    ("NaN in the validation part", lambda: levels((X, Y), (at(np.nan), Y)), "D05", "stop"),
    ("bytes as floats", lambda: levels(((UNIT * 255).round(), PY)), "D01", "warn"),
    ("columns as measured", lambda: levels((scaled(14, 2e4, 0.1, 1, 30, 2), Y)), "D01", "warn"),
    ("divided by 255 twice", lambda: levels((UNIT / 255, PY)), "D02", "warn"),
    ("statistics of bytes on shares", lambda: levels(((UNIT - 33) / 78, PY)), "D02", "warn"),
    ("the same throughout", lambda: levels((np.full((90, 1, 9, 9), 3.0), Y[:90])), "D06", "stop"),
    ("targets in thousands", lambda: levels((X, 2e5 + 8e4 * X[:, 0]), loss="mse_loss"), "D07", "warn"),
    ("targets at 300", lambda: levels((X, 300 + X[:, 0]), loss="mse_loss"), "D07", "warn"),
    ("one class", lambda: levels((X, np.zeros(len(X), int))), "D08", "stop"),
    ("one target", lambda: levels((X, np.full(len(X), 2.5)), loss="mse_loss"), "D08", "stop"),
    ("forty to one", lambda: levels((X, (np.arange(len(X)) % 41 == 0).astype(int))), "D09", "warn"),
    ("counted from 1", lambda: levels((X, Y + 1), classes=3), "D11", "stop"),
    ("a gap", lambda: levels((X, np.where(Y == 2, 3, Y)), classes=3), "D11", "stop"),
    ("out of range", lambda: levels((X, np.where(np.arange(len(X)) == 5, 99, Y)), classes=3), "D11", "stop"),
    ("-1 and 1", lambda: levels((X, 2 * (Y > 0) - 1), loss="cross_entropy"), "D11", "stop"),
    ("a column", lambda: levels(tensors((X, Y[:, None])), loss="cross_entropy"), "D12", "stop"),
    (
        "floats",
        lambda: levels((torch.tensor(X), torch.tensor(Y).float()), loss="cross_entropy", classes=3),
        "D12",
        "stop",
    ),
    (
        "whole",
        lambda: levels(tensors((X, (Y > 0).astype(int))), loss="binary_cross_entropy_with_logits"),
        "D12",
        "stop",
    ),
    ("several labels", lambda: levels((X, (X[:, :4] > 0).astype(np.float32)), loss="cross_entropy"), "D34", "warn"),
    ("channels last", lambda: levels(tensors((PX.transpose(0, 2, 3, 1), PY))), "D31", "warn"),
    ("blank pictures", lambda: levels((blanked(0.02), PY)), "D30", "warn"),
    ("a mask of 7", lambda: levels((PX, (PX[:, 0] > 0) * 7), classes=2), "D32", "stop"),
]


@pytest.mark.parametrize(("see", "code", "level"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_faults_are_named(see: Callable[[], dict[str, str]], code: str, level: str) -> None:
    found = see()
    assert found.get(code) == level, found


def test_reshaped_instead_of_permuted() -> None:
    x, y = pictures(300, side=32, channels=3)
    x = x + np.arange(3)[:, None, None]
    last = x.transpose(0, 2, 3, 1)
    assert levels((last.reshape(x.shape), y)).get("D31") == "warn"
    assert "D31" not in levels((x, y))


def test_rows_and_columns_are_named() -> None:
    found = finding("D05", (at(np.nan), Y), names=["age", "income", "height", "weight", "rooms", "floor"])
    assert "row" in found.evidence("en")
    assert (found.values["rows"], found.values["columns"]) == ("7", "height")
    found = finding("D06", (np.concatenate([X, 0 * X[:, :1]], 1), Y))
    assert found.level == "note"
    assert found.values["columns"] == "column 6"


def test_masked_targets_are_a_note() -> None:
    y = X[:, :3].copy()
    y[::9, 1] = np.nan
    assert levels((X, y))["D05"] == "note"


def test_arrays_may_still_be_cast_on_their_way() -> None:
    assert levels((X, Y[:, None]), loss="cross_entropy")["D12"] == "note"
    assert levels((PX.transpose(0, 2, 3, 1), PY))["D31"] == "note"


def test_what_the_caller_knows_silences() -> None:
    assert "D01" not in levels(((UNIT * 255).round(), PY), normalised_inside=True)
    rare = (np.arange(len(X)) % 41 == 0).astype(int)
    assert levels((X, rare), weighted=True)["D09"] == "note"


def test_ids_and_bytes_are_no_inputs_of_wrong_scale() -> None:
    ids = np.random.default_rng(0).integers(0, 30_000, (300, 20))
    assert "D01" not in levels(tensors((ids, Y[:300])))
    assert "D01" not in levels(((UNIT * 255).astype(np.uint8), PY))


def test_parts_without_answers_are_looked_at_too() -> None:
    train, validation = (X[:900], None), (X[900:], None)
    assert levels(train, validation).get("D05") is None
    assert levels((at(np.nan), None))["D05"] == "stop"


def test_constant_floats_may_stand_for_no_answer() -> None:
    ones = np.ones((len(X), 1), np.float32)
    assert levels((X, ones), (X, ones))["D08"] == "note"
    assert levels((X, ones), (X, ones), loss="mse_loss")["D08"] == "stop"
    assert levels((X, ones), (X, X[:, :1]))["D08"] == "stop"
