"""Comparisons: what is better is found, what is noise is not, for every kind of answer."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy import stats

from deepwell.core.errors import UserError
from deepwell.evaluate import compare
from deepwell.evaluate.compare import mcnemar, one_against
from deepwell.evaluate.paired import MacroF1, Sums, ratio, resampled


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
        assert (row.value, row.p, row.verdict) == (0, 1, "within noise")
        assert json.loads(json.dumps(row.to_json(), allow_nan=False))["interval"] is None
    assert str(found).count("(too few samples differ for an interval): within noise") == 3 and "nan" not in str(found)
    few = a.argmax(1)
    few[:5] = (few[:5] + 1) % 3
    found = compare({"a": a.argmax(1), "b": few}, Y, kind="category", classes="abc")
    assert "log_loss" not in found.scores
    assert found.differences["macro_f1"][0].to_json()["interval"] is None
    assert "too few samples differ" in str(found)


def test_one_against_others_is_corrected_for_their_number() -> None:
    """Seven that are as good as the first: any verdict in 60 tries comes about three times, not seven."""
    claimed = 0
    for seed in range(60):
        right = np.random.default_rng(seed).random((8, 300)) < 0.8
        rows = np.stack([right, np.ones_like(right)], 2).astype(float)
        gaps = one_against(Sums(True, rows, ratio, right), seed=seed)
        assert len(gaps) == 7 and gaps[0].value == pytest.approx(right[0].mean() - right[1].mean())
        claimed += any(gap.verdict != "within noise" for gap in gaps)
    assert claimed <= 6
    few = np.ones((3, 400), dtype=bool)
    few[1, :7] = few[2, :3] = False
    rows = np.stack([few, np.ones_like(few)], 2).astype(float)
    first, second = one_against(Sums(True, rows, ratio, few))
    assert np.isnan(first.low) and first.mcnemar == pytest.approx(2 / 2**7)
    assert (first.p, first.verdict) == (pytest.approx(4 / 2**7), "better")
    assert (second.p, second.verdict) == (pytest.approx(2 / 2**3), "within noise")
    losses = np.stack([np.full(rows.shape[1], 1.0), np.linspace(1.1, 1.2, rows.shape[1])])
    (lower,) = one_against(Sums(False, np.stack([losses, np.ones_like(losses)], 2), ratio))
    assert lower.verdict == "better" and lower.value < 0


def test_macro_f1_is_that_of_sums_of_dense_rows() -> None:
    rng = np.random.default_rng(0)
    y, chosen = rng.integers(0, 6, 200), rng.integers(0, 7, (3, 200))
    chosen[:2, :120] = y[:120]
    rows = np.zeros((3, 200, 16))
    for model, answers in enumerate(chosen):
        for place, (answer, wanted) in enumerate(zip(answers, y, strict=True)):
            rows[model, place, wanted] = answer == wanted
            rows[model, place, 8 + wanted] += 1
            rows[model, place, 8 + answer] += 1

    def figure(sums: np.ndarray) -> np.ndarray:
        right, marks = np.split(sums, 2, axis=-1)
        return (2 * right / np.maximum(marks, 1)).sum(-1) / np.maximum((marks > 0).sum(-1), 1)

    dense, found = Sums(True, rows, figure), MacroF1(chosen, y, 8)
    np.testing.assert_allclose(found.whole(), dense.whole(), rtol=1e-12)
    drawn = (resampled({"": metric}, 200, 3)[""] for metric in (found, dense))
    np.testing.assert_allclose(next(drawn), next(drawn), rtol=1e-12)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        assert found.spread(i, j).tolist() == dense.spread(i, j).tolist()


def test_many_classes_take_little_memory() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 1000, 20_000)
    metric = MacroF1(np.stack([y, rng.integers(0, 1000, 20_000)]), y, 1000)
    tracemalloc.start()
    metric.drawn(np.ones((10, 20_000)))
    metric.spread(0, 1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8e6


def test_always_right_and_always_wrong() -> None:
    (row,) = compare({"a": Y, "b": (Y + 1) % 3}, Y, kind="category", classes="abc").differences["accuracy"]
    assert (row.value, row.low, row.high, row.verdict) == (-1, -1, -1, "worse") and row.p < 1e-9


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


def test_few_sentences_can_tell_a_large_difference() -> None:
    """Of 15 sentences one model has all entities and the other none: exchanged at random that comes once in 32,768."""
    gold = [["B-PER", "O"]] * 15
    found = compare({"all": gold, "none": [["O", "O"]] * 15}, gold, kind="tags", classes=["O", "B-PER"], scheme="bio")
    (row,) = found.differences["f1"]
    assert (row.model, row.verdict) == ("none", "worse")
    # two of fifteen are no sign of anything
    level = [["O", "O"]] * 2 + gold[2:]
    (row,) = compare({"all": gold, "two": level}, gold, kind="tags", classes=["O", "B-PER"], scheme="bio").differences[
        "f1"
    ]
    assert (row.verdict, row.p > 0.2) == ("within noise", True)
