"""Comparisons: what is better is found, what is noise is not, for every kind of answer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from deepwell.core.errors import UserError
from deepwell.evaluate import compare
from deepwell.evaluate.compare import mcnemar


def model(y: np.ndarray, right: float, seed: int) -> np.ndarray:
    """Probabilities of a model that is right so often."""
    rng = np.random.default_rng(seed)
    answer = np.where(rng.random(len(y)) < right, y, (y + 1) % 3)
    return np.full((len(y), 3), 0.1) + 0.7 * np.eye(3)[answer]


Y = np.arange(600) % 3


def test_better_and_within_noise() -> None:
    found = compare({"good": model(Y, 0.9, 0), "bad": model(Y, 0.7, 1)}, Y, kind="category", classes="abc")
    assert found.best("accuracy") == "good" and found.best("log_loss") == "good"
    for rows in found.differences.values():
        (row,) = rows
        assert (row.model, row.best, row.verdict) == ("bad", "good", "worse")
        assert not row.low <= 0 <= row.high
    alike = compare({"a": model(Y, 0.8, 0), "b": model(Y, 0.8, 1)}, Y, kind="category", classes="abc")
    assert [row.verdict for rows in alike.differences.values() for row in rows] == ["within noise"] * 3
    assert "lower is better" in str(found) and "worse, McNemar p" in str(found)
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["metrics"]["log_loss"]["differences"][0]["verdict"] == "worse"


def test_the_interval_is_that_of_paired_differences() -> None:
    a, b = model(Y, 0.85, 0), model(Y, 0.8, 1)
    (row,) = compare({"a": a, "b": b}, Y, kind="category", classes="abc").differences["accuracy"]
    each = (b.argmax(1) == Y).astype(float) - (a.argmax(1) == Y)
    half = 1.96 * each.std() / np.sqrt(len(Y))
    assert row.value == pytest.approx(each.mean())
    assert (row.low, row.high) == pytest.approx((each.mean() - half, each.mean() + half), abs=0.1 * half)


def test_pairing_sees_what_separate_intervals_do_not() -> None:
    """3 % more right on the same hard and easy samples: far within either interval, but beyond noise."""
    rng = np.random.default_rng(0)
    hard = rng.random(1000) < 0.3
    y = np.arange(1000) % 3
    first = np.where(hard, (y + 1) % 3, y)
    other = first.copy()
    other[np.flatnonzero(~hard)[:30]] += 1
    (row,) = compare({"a": first, "b": other % 3}, y, kind="category", classes="abc").differences["accuracy"]
    assert row.verdict == "worse" and row.mcnemar == pytest.approx(2 * 0.5**30)


def test_several_models_are_corrected_for_all_pairs() -> None:
    """Six models that are alike: in 30 tries, any difference is claimed about once or twice."""
    claimed = 0
    for seed in range(30):
        models = {str(i): model(Y, 0.8, 10 * seed + i).argmax(1) for i in range(6)}
        rows = compare(models, Y, kind="category", classes="abc").differences["accuracy"]
        claimed += any(row.verdict != "within noise" for row in rows)
    assert claimed <= 5
    names = {str(i): model(Y, 0.8, i) for i in range(3)}
    assert "corrected for all 3 pairs" in str(compare(names, Y, kind="category", classes="abc"))


def test_the_best_may_come_anywhere_among_the_names() -> None:
    models = {"x": model(Y, 0.7, 0), "best": model(Y, 0.95, 1), "z": model(Y, 0.6, 2)}
    for row in compare(models, Y, kind="category", classes="abc").differences["accuracy"]:
        assert row.best == "best" and row.verdict == "worse" and row.low <= row.value <= row.high < 0


def test_models_that_answer_alike() -> None:
    a = model(Y, 0.8, 0)
    found = compare({"a": a, "b": a.copy()}, Y, kind="category", classes="abc")
    for (row,) in found.differences.values():
        assert (row.value, row.low, row.high, row.verdict) == (0, 0, 0, "within noise")
    few = a.argmax(1)
    few[:5] = (few[:5] + 1) % 3
    found = compare({"a": a.argmax(1), "b": few}, Y, kind="category", classes="abc")
    assert "log_loss" not in found.scores
    assert found.differences["macro_f1"][0].to_json()["interval"] is None
    assert "too few samples differ" in str(found)


def test_label_sets_and_tags() -> None:
    rng = np.random.default_rng(0)
    true = (rng.random((400, 4)) < 0.4).astype(float)

    def flipped(share: float) -> np.ndarray:
        return np.abs(true - (rng.random(true.shape) < share))

    found = compare({"a": flipped(0.05), "b": flipped(0.2)}, true, kind="label-sets")
    assert {name: rows[0].verdict for name, rows in found.differences.items()} == {"f1": "worse", "accuracy": "worse"}
    gold = [["B-X", "I-X", "O", "B-Y"] for _ in range(200)]
    some = [["O", "O", "O", "B-Y"] if i % 3 == 0 else row for i, row in enumerate(gold)]
    found = compare({"a": some, "b": gold}, gold, kind="tags", scheme="bio")
    assert found.best("f1") == "b" and found.differences["f1"][0].verdict == "worse"
    assert found.scores["accuracy"]["b"] == 1.0
    assert list(compare({"a": some, "b": gold}, gold, kind="tags").scores) == ["accuracy"]


def test_mcnemar_against_scipy() -> None:
    for first, other in ((3, 9), (0, 6), (40, 70), (300, 320)):
        wanted = stats.binomtest(first, first + other).pvalue
        assert mcnemar(first, other) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ({"a": Y}, "category", "1 model to compare"),
        ({"a": Y, "b": Y[:5]}, "category", "'b' has 5 answers to 600 samples"),
        ({"a": Y, "b": Y}, "categry", "did you mean 'category'"),
    ],
)
def test_bad_input(answers: Any, kind: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        compare(answers, Y, kind=kind, classes="abc")
