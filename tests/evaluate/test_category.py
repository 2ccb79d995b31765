"""The evaluation of a choice among classes, against scikit-learn and on bad input."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import torch
from sklearn import metrics as sk
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.evaluate import category, wilson

CLASSES = ["cat", "dog", "bird"]


def answers(n: int = 200) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 3, (n,), generator=g)
    scores = torch.randn(n, 3, generator=g) + 2.0 * torch.nn.functional.one_hot(targets, 3)
    return scores.softmax(1), targets


def test_against_scikit_learn() -> None:
    p, y = answers()
    found, answer = category(p, y, CLASSES), p.argmax(1)
    assert found.samples == 200
    assert found.accuracy.value == pytest.approx(sk.accuracy_score(y, answer))
    assert (found.accuracy.low, found.accuracy.high) == wilson(int((answer == y).sum()), 200)
    assert found.macro_f1.value == pytest.approx(sk.f1_score(y, answer, average="macro"))
    assert found.log_loss.value == pytest.approx(sk.log_loss(y, p.double() / p.double().sum(1, keepdim=True)), rel=1e-6)
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, answer)
    assert found.precision == pytest.approx(precision)
    assert found.recall == pytest.approx(recall)
    assert found.f1 == pytest.approx(f1)
    assert found.confusion.sum(1).tolist() == support.tolist()
    for measured in (found.accuracy, found.macro_f1, found.log_loss):
        assert measured.low < measured.value < measured.high
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        low, high = found.intervals[name].T
        assert (low < values).all() and (values < high).all()
    right = (answer == y) & (y == 1)
    assert tuple(found.intervals["recall"][1]) == pytest.approx(wilson(int(right.sum()), int((y == 1).sum())))


def test_the_order_of_samples_and_double_precision_change_nothing_that_is_counted() -> None:
    p, y = answers()
    one, other = category(p, y, CLASSES), category(p.double().flip(0), y.flip(0), CLASSES)
    assert one.accuracy == other.accuracy
    assert one.macro_f1 == other.macro_f1
    assert (one.confusion == other.confusion).all()
    assert one.log_loss.value == pytest.approx(other.log_loss.value)
    assert one.calibration_error == pytest.approx(other.calibration_error)


def test_json_is_json_and_the_text_holds_a_row_a_class() -> None:
    found = category(*answers(), CLASSES)
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["accuracy"] == {"value": found.accuracy.value, "interval": [found.accuracy.low, found.accuracy.high]}
    assert set(plain["per_class"]) == set(CLASSES)
    assert plain["notes"] == list(found.notes)
    assert plain["per_class"]["cat"]["intervals"]["f1"] == found.intervals["f1"][0].tolist()
    assert plain["temperature"] == 1.0 and plain["calibration"] is None
    assert sum(b["samples"] for b in plain["reliability"]) == 200
    text = str(found)
    assert all(name in text for name in CLASSES)
    assert "95 % interval" in text


def test_few_samples_and_missing_classes_are_said() -> None:
    p, y = answers()
    (few,) = category(p, y, CLASSES).notes
    assert "few samples" in few
    keep = y != 1
    notes = category(p[keep], y[keep], CLASSES).notes
    assert any("no samples of 1 of 3 classes (dog)" in note for note in notes)
    assert "note: few samples" in str(category(p, y, CLASSES))
    p, y = answers(5000)
    assert category(p, y, CLASSES).notes == ()


def test_a_hundred_classes_stay_readable_and_quick() -> None:
    g = torch.Generator().manual_seed(0)
    y = torch.arange(10_000) % 100
    p = (torch.randn(10_000, 100, generator=g) + 4.0 * torch.nn.functional.one_hot(y, 100)).softmax(1)
    begin = time.process_time()
    found = category(p, y, [f"class {i}" for i in range(100)])
    assert time.process_time() - begin < 1.5
    lines = str(found).splitlines()
    assert len(lines) < 60 and max(map(len, lines)) <= 100
    assert "and 60 more, each with an F1 of" in str(found)
    worst = int(found.f1.argmin())
    assert any(line.startswith(f"class {worst} ") for line in lines)
    assert len(found.to_json()["per_class"]) == 100


def test_what_has_no_honest_interval_is_said_and_null() -> None:
    p = torch.full((60, 2), 0.001)
    y = torch.arange(60) % 2
    p[torch.arange(60), y] = 0.999
    p[0] = p[0].flip(0)
    found = category(p, y, ["a", "b"])
    assert found.log_loss.interval is None and found.calibration_interval is None
    assert "too few samples for an interval" in str(found)
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["log_loss"]["interval"] is None and plain["calibration_interval"] is None


def test_one_sample() -> None:
    found = category(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), ["a", "b"])
    assert found.accuracy.value == 1.0
    assert found.accuracy.low < 0.25
    assert found.log_loss.value == 0.0


@pytest.mark.parametrize(
    ("probabilities", "targets", "words"),
    [
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), "0 answers and 0 targets"),
        (torch.eye(3), torch.tensor([0, 1]), "3 answers and 2 targets"),
        (torch.eye(3)[:, :2], torch.tensor([0, 1, 2]), r"shape \[3, 2\]"),
        (torch.eye(3), torch.tensor([0, 1, 3]), "target 2 is 3"),
        (torch.eye(3), torch.tensor([0, -1, 2]), "target 1 is -1"),
        (torch.eye(3), torch.eye(3), "argmax"),
        (torch.eye(3), torch.tensor([0.0, 1.0, 2.0]), "class numbers"),
        (torch.eye(3) * 5, torch.tensor([0, 1, 2]), "sum to 5"),
        (torch.eye(3) * float("nan"), torch.tensor([0, 1, 2]), "look at the model's weights"),
        (torch.tensor([[2.0, -1.0, 0.0]]), torch.tensor([0]), "the lowest is -1"),
    ],
)
def test_bad_input(probabilities: Tensor, targets: Tensor, words: Any) -> None:
    with pytest.raises(UserError, match=words):
        category(probabilities, targets, CLASSES)
