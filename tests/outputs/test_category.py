"""Labels in every usual form, and each mistake in words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.outputs import OUTPUTS, Category

ALL = np.arange(6)


def learnt(labels: Any, **options: Any) -> Category:
    output = Category(**options)
    output.learn(labels, ALL)
    return output


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([0, 1, 2, 0, 1, 2], [0, 1, 2], [0, 1, 2, 0, 1, 2]),
        ([1, 2, 3, 1, 2, 3], [1, 2, 3], [0, 1, 2, 0, 1, 2]),
        ([10, 7, 7, 10, 99, 99], [7, 10, 99], [1, 0, 0, 1, 2, 2]),
        (["b", "a", "b", "a", "c", "c"], ["a", "b", "c"], [1, 0, 1, 0, 2, 2]),
        (["10", "9", "10", "9", "8", "8"], ["8", "9", "10"], [2, 1, 2, 1, 0, 0]),
        ([True, False, True, False, True, True], [0, 1], [1, 0, 1, 0, 1, 1]),
        (np.eye(3)[[0, 1, 2, 2, 1, 0]], [0, 1, 2], [0, 1, 2, 2, 1, 0]),
        (torch.tensor([[0], [1], [2], [0], [1], [2]]), [0, 1, 2], [0, 1, 2, 0, 1, 2]),
        (np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0]), [0, 1, 2], [0, 1, 2, 0, 1, 2]),
    ],
)
def test_labels_in_their_usual_forms(labels: Any, classes: list[Any], numbers: list[int]) -> None:
    output = learnt(labels)
    assert output.classes == classes
    assert output.encode(labels).tolist() == numbers
    again = OUTPUTS["category"].from_state(json.loads(json.dumps(output.state())))
    assert again.classes == classes
    assert again.encode(labels).tolist() == numbers


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1] * 6, "at least two classes"),
        ([0, 1, None, 0, 1, 1], "sample 2 has no label"),
        ([0.0, 1.0, float("nan"), 0.0, 1.0, 1.0], "sample 2 has no label"),
        ([0.5, 1, 2, 0, 1, 2], "sample 0 has the label 0.5"),
        (np.array([[1, 1, 0]] * 6), "a single 1, else 0"),
        (np.full((6, 3), 1 / 3), "one-hot rows"),
        (np.zeros((6, 2, 2)), "shape"),
        ([["a"], ["b"], ["a"], ["b"], [""], ["a"]], "sample 4 has no label"),
    ],
)
def test_labels_that_are_none(labels: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        learnt(labels)


def test_a_class_outside_training_only() -> None:
    with pytest.raises(UserError, match="no training sample has the label 'c'"):
        Category().learn(["a", "b", "a", "b", "c", "c"], np.arange(4))


def test_labels_at_evaluation() -> None:
    integers = learnt([3, 5, 3, 5, 3, 5])
    assert integers.encode(np.eye(2)[[1, 0]]).tolist() == [1, 0]
    assert integers.encode(["5", "3"]).tolist() == [1, 0]
    with pytest.raises(UserError, match="sample 1 has the label 4, which the model has not learnt"):
        integers.encode([3, 4])
    with pytest.raises(UserError, match="rows of 3 numbers"):
        integers.encode(np.eye(3))


def test_weights() -> None:
    output = learnt(["a", "a", "a", "a", "b", "b"], class_weights="balanced")
    assert output.weights is not None
    assert output.weights.tolist() == pytest.approx([0.75, 1.5])
    scores, targets = torch.randn(6, 2), output.encode(["a", "a", "a", "a", "b", "b"])
    total, count = output.loss(scores, targets)
    expected = torch.nn.functional.cross_entropy(scores, targets, output.weights)
    torch.testing.assert_close(total / count, expected)
    with pytest.raises(UserError, match="names 'z'"):
        learnt(["a", "b"] * 3, class_weights={"z": 1.0})


def test_answers() -> None:
    output = learnt(["x", "y"] * 3)
    answer = output.answers(output.decode(torch.tensor([[0.0, 2.0]])))[0]
    assert answer["prediction"] == "y"
    assert answer["confidence"] == pytest.approx(answer["probabilities"]["y"])
    hits, of = output.count_hits(torch.tensor([[0.0, 2.0], [1.0, 0.0]]), torch.tensor([1, 1]))
    assert (int(hits), of) == (1, 2)


def test_given_classes() -> None:
    """Names for whole numbers, as the named sets bring them."""
    output = Category(classes=["zebra", "ant", "bee"])
    output.learn([2, 0, 1, 1], np.arange(4))
    assert output.classes == ["zebra", "ant", "bee"]
    assert output.counts == [1, 2, 1]
    assert output.encode([2, 0]).tolist() == [2, 0]
    assert output.encode(["bee", "zebra"]).tolist() == [2, 0]
    assert output.encode(np.eye(3)[[1]]).tolist() == [1]
    again = Category.from_state(json.loads(json.dumps(output.state())))
    assert again.encode([2, 0]).tolist() == [2, 0]
    assert again.answers(torch.tensor([[0.0, 0.1, 0.9]]))[0]["prediction"] == "bee"
    with pytest.raises(UserError, match="label 3, which the model"):
        output.encode([3])
    with pytest.raises(UserError, match="no training sample has the label 'bee'"):
        Category(classes=["zebra", "ant", "bee"]).learn([0, 1, 1], np.arange(3))
    with pytest.raises(UserError, match="there twice"):
        Category(classes=["a", "a"])


def test_remarks() -> None:
    assert "counted from 0" in learnt([1, 2, 3, 1, 2, 3]).notes[0]
    assert "column" in learnt(np.array([[0], [1], [2], [0], [1], [2]])).notes[0]
    assert not learnt([0, 1, 2, 0, 1, 2]).notes


def test_series_of_frames() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for series in (pandas.Series(["b", "a"] * 3, index=range(10, 16)), polars.Series(["b", "a"] * 3)):
        assert learnt(series).encode(series).tolist() == [1, 0] * 3


def test_soft_labels_get_their_own_advice() -> None:
    with pytest.raises(UserError, match=r"argmax"):
        learnt(np.array([[0.9, 0.1]] * 6))
    with pytest.raises(UserError, match=r"multi-label"):
        learnt(np.array([[1, 1]] * 6))


def test_weights_in_every_form() -> None:
    labels = ["a", "a", "a", "a", "b", "b"]
    assert learnt(labels, class_weights=[1.0, 3.0]).weights.tolist() == [1.0, 3.0]
    assert learnt(labels, class_weights={"b": 3.0}).weights.tolist() == [1.0, 3.0]
    assert learnt([1, 1, 2, 2, 2, 2], class_weights={1: 3.0}).weights.tolist() == [3.0, 1.0]
    for bad in ([1.0], [1.0, 0.0], [1.0, float("nan")], {"a": -1.0}):
        with pytest.raises(UserError, match="class_weights"):
            learnt(labels, class_weights=bad)
    for smoothing in (-0.1, 1.0, "x"):
        with pytest.raises(UserError, match="label_smoothing"):
            Category(label_smoothing=smoothing)


def test_many_labels_are_quick() -> None:
    import time

    labels = np.arange(200_000) % 1000
    started = time.process_time()
    output = Category(class_weights="balanced")
    output.learn(labels, np.arange(len(labels)))
    output.encode(labels)
    assert time.process_time() - started < 2
