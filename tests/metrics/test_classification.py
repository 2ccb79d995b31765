"""Metrics against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.metrics import METRICS, confusion, confusion_state, log_loss, macro_f1, per_class, top_k_state


def answers(n: int = 300, classes: int = 7, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, classes, (n,), generator=g)
    scores = torch.randn(n, classes, generator=g) + 1.5 * torch.nn.functional.one_hot(targets, classes)
    return scores, targets


def figure(name: str, scores: Tensor, targets: Tensor) -> float:
    metric = METRICS[name]
    return metric.compute(metric.update(scores, targets))


def test_the_table_against_scikit_learn() -> None:
    scores, targets = answers()
    y, p, probability = targets.numpy(), scores.argmax(1).numpy(), scores.double().softmax(1).numpy()
    expected = {
        "accuracy": sk.accuracy_score(y, p),
        "top-5-accuracy": sk.top_k_accuracy_score(y, probability, k=5),
        "macro-precision": sk.precision_score(y, p, average="macro"),
        "macro-recall": sk.recall_score(y, p, average="macro"),
        "macro-f1": sk.f1_score(y, p, average="macro"),
        "log-loss": sk.log_loss(y, probability),
    }
    for name, value in expected.items():
        assert figure(name, scores, targets) == pytest.approx(value, abs=1e-12), name


def test_each_class_against_scikit_learn() -> None:
    scores, targets = answers()
    y, p = targets.numpy(), scores.argmax(1).numpy()
    matrix = confusion(p, y, 7)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(y, p))
    np.testing.assert_array_equal(confusion_state(scores, targets)[0].numpy(), matrix)
    table = per_class(matrix)
    expected = sk.precision_recall_fscore_support(y, p)
    for word, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(table[word], values)


def test_a_class_that_occurs_nowhere_does_not_count() -> None:
    y, p = np.array([0, 0, 2, 2]), np.array([0, 2, 2, 2])
    assert macro_f1(confusion(p, y, 5)) == pytest.approx(sk.f1_score(y, p, average="macro"))
    # class 3 is answered and never true: it counts, with an F1 of 0
    p[0] = 3
    expected = sk.f1_score(y, p, average="macro", zero_division=0)
    assert macro_f1(confusion(p, y, 5)) == pytest.approx(expected)


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1]))[0] == pytest.approx(-np.log(1e-12))


@pytest.mark.parametrize("k", [1, 2, 3, 7, 9])
def test_top_k_against_scikit_learn(k: int) -> None:
    scores, targets = answers()
    right, count = top_k_state(scores, targets, k)
    expected = 1.0 if k >= 7 else sk.top_k_accuracy_score(targets.numpy(), scores.numpy(), k=k)
    assert int(right) / int(count) == pytest.approx(expected)


def test_top_1_resolves_ties_as_accuracy_does() -> None:
    scores, targets = torch.zeros(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    assert int(top_k_state(scores, targets, 1)[0]) == int((scores.argmax(1) == targets).sum()) == 2
    assert int(top_k_state(torch.full((6, 3), torch.nan), targets, 3)[0]) == 0


def test_calibration_error_by_hand() -> None:
    """Ten answers 80 % sure of which eight are right are calibrated; of which five are right, off by 0.3."""
    sure = torch.tensor([[0.8, 0.2]]).log().repeat(10, 1)
    for right, expected in ((8, 0.0), (5, 0.3)):
        targets = torch.tensor([0] * right + [1] * (10 - right))
        assert figure("calibration-error", sure, targets) == pytest.approx(expected, abs=1e-6)


def test_calibration_error_against_a_loop_over_bins() -> None:
    scores, targets = answers(2000, 3)
    confidence, answer = scores.double().softmax(1).max(1)
    expected = 0.0
    for i in range(15):
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        if inside.any():
            gap = (answer[inside] == targets[inside]).double().mean() - confidence[inside].mean()
            expected += float(gap.abs() * inside.double().mean())
    assert figure("calibration-error", scores, targets) == pytest.approx(expected, abs=1e-12)


def test_answers_and_targets_of_different_length() -> None:
    with pytest.raises(UserError, match="3 answers and 2 targets"):
        confusion(np.zeros(3, int), np.zeros(2, int), 2)
