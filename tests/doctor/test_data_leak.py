"""Columns that give the answer away."""

from __future__ import annotations

import numpy as np
from tests.doctor.data_sets import finding, levels, table

X, Y = table()
RANDOM = np.random.default_rng(3)


def beside(column: np.ndarray) -> np.ndarray:
    return np.concatenate([X, column[:, None]], 1).astype(np.float32)


def test_the_label_in_other_clothes() -> None:
    found = finding("D18", (beside(np.array([2.0, -1.0, 0.5])[Y]), Y), names=[*"abcdef", "diagnosis_code"])
    assert (found.level, found.where) == ("warn", "diagnosis_code")
    assert levels((beside(Y + 0.02 * RANDOM.normal(size=len(Y))), Y))["D18"] == "warn"


def test_row_numbers_of_sorted_rows() -> None:
    order = np.argsort(Y, kind="stable")
    x = np.concatenate([X[order], np.arange(len(Y))[:, None] / 600], 1)
    assert levels((x, Y[order]))["D18"] == "warn"


def test_the_target_itself() -> None:
    y = X @ np.ones(6) + RANDOM.normal(size=len(X))
    assert levels((beside(3 * y), y), loss="mse_loss")["D18"] == "warn"
    assert "D18" not in levels((beside(y + RANDOM.normal(size=len(y))), y), loss="mse_loss")


def test_a_rule_on_one_column_is_at_most_a_note() -> None:
    assert levels((X, (X[:, 0] > 0).astype(int))).get("D18", "note") == "note"
    assert "D18" not in levels((X, Y))


def test_tomorrow_s_value() -> None:
    walk = np.cumsum(RANDOM.normal(size=len(X))) / 10
    later = np.concatenate([walk[1:], walk[-1:]])
    times = {"train": np.arange(len(X))}
    found = finding("D37", (beside(later), walk), times=times)
    assert (found.level, found.values["rows"]) == ("warn", 1)
    earlier = np.concatenate([walk[:1], walk[:-1]])
    assert "D37" not in levels((beside(earlier), walk), times=times)
