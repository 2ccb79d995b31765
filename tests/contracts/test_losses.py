"""One suite for every loss, and each against its formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.losses import (
    LOSSES,
    binary_cross_entropy,
    by_name,
    cross_entropy,
    huber,
    kl_divergence,
    mean_squared_error,
)


def distribution(n: int) -> Tensor:
    return torch.rand(n, 4, generator=torch.Generator().manual_seed(1)).double().softmax(1)


ROWS: dict[str, Callable[[int], tuple[Tensor, Tensor]]] = {
    "binary-cross-entropy": lambda n: (torch.randn(n, 4).double(), (torch.arange(4 * n).view(n, 4) % 2).double()),
    "cross-entropy": lambda n: (torch.randn(n, 4).double(), torch.arange(n) % 4),
    "huber": lambda n: (3 * torch.randn(n, 4).double(), torch.randn(n, 4).double()),
    "kl": lambda n: (torch.randn(n, 4).double(), distribution(n)),
    "mse": lambda n: (torch.randn(n, 4).double(), torch.randn(n, 4).double()),
}


def test_every_loss_has_a_row() -> None:
    assert set(ROWS) == set(LOSSES)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_sums_of_batches_add_up(name: str) -> None:
    torch.manual_seed(0)
    loss, (scores, targets) = by_name(name), ROWS[name](12)
    whole, count = loss(scores, targets)
    parts = [loss(s, t) for s, t in zip(scores.split(5), targets.split(5), strict=True)]
    assert math.isclose(float(whole), float(sum(p for p, _ in parts)), rel_tol=1e-12)
    assert float(count) == float(sum(c for _, c in parts))


@pytest.mark.parametrize("name", sorted(ROWS))
def test_gradient_against_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    scores, targets = ROWS[name](3)
    assert torch.autograd.gradcheck(lambda s: LOSSES[name](s, targets)[0], (scores.requires_grad_(),))


@pytest.mark.parametrize("name", sorted(ROWS))
def test_extreme_scores_stay_finite(name: str) -> None:
    scores, targets = ROWS[name](4)
    for scale in (1e4, -1e4):
        assert torch.isfinite(LOSSES[name](torch.full_like(scores, scale), targets)[0])


@pytest.mark.parametrize("name", sorted(ROWS))
def test_shapes_that_would_broadcast_are_refused(name: str) -> None:
    scores, _ = ROWS[name](5)
    with pytest.raises(UserError, match="Expected"):
        LOSSES[name](scores, torch.zeros(5, 1))


def test_cross_entropy_by_hand() -> None:
    scores = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    by_hand = sum(
        math.log(sum(math.exp(v) for v in row)) - row[k]
        for row, k in ((scores[0].tolist(), 1), (scores[1].tolist(), 0))
    )
    total, count = cross_entropy(scores, torch.tensor([1, 0]))
    assert math.isclose(float(total), by_hand, rel_tol=1e-6)
    assert float(count) == 2
    one_hot, _ = cross_entropy(scores, torch.eye(3)[[1, 0]])
    assert math.isclose(float(one_hot), by_hand, rel_tol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weights_are_pytorch_s_mean(smoothing: float) -> None:
    torch.manual_seed(0)
    scores, y, weights = torch.randn(20, 3), torch.arange(20) % 3, torch.tensor([1.0, 2.0, 5.0])
    total, count = cross_entropy(scores, y, weights=weights, label_smoothing=smoothing)
    expected = F.cross_entropy(scores, y, weights, label_smoothing=smoothing)
    torch.testing.assert_close(total / count, expected)


def test_smoothing_is_a_mixture_with_the_uniform() -> None:
    torch.manual_seed(0)
    scores, y = torch.randn(6, 4), torch.arange(6) % 4
    smooth = cross_entropy(scores, 0.9 * torch.eye(4)[y] + 0.1 / 4)[0]
    torch.testing.assert_close(cross_entropy(scores, y, label_smoothing=0.1)[0], smooth)


def test_kl_is_cross_entropy_less_entropy() -> None:
    torch.manual_seed(0)
    scores, targets = torch.randn(5, 4).double(), distribution(5)
    entropy = -(targets * targets.log()).sum()
    torch.testing.assert_close(kl_divergence(scores, targets)[0], cross_entropy(scores, targets)[0] - entropy)


def test_binary_is_categorical_of_two() -> None:
    torch.manual_seed(0)
    s, t = torch.randn(7).double(), (torch.arange(7) % 2).double()
    two = torch.stack([torch.zeros_like(s), s], 1)
    torch.testing.assert_close(binary_cross_entropy(s, t)[0], cross_entropy(two, t.long())[0])


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_huber_by_formula_and_smooth_at_delta(delta: float) -> None:
    e = torch.tensor([0.1, 0.4, 0.9, 3.0, -5.0]).double()
    by_hand = sum(v * v / 2 if abs(v) <= delta else delta * (abs(v) - delta / 2) for v in e.tolist())
    assert math.isclose(float(huber(e, torch.zeros_like(e), delta=delta)[0]), by_hand, rel_tol=1e-12)
    around = torch.tensor([delta - 1e-7, delta + 1e-7], dtype=torch.float64, requires_grad=True)
    values = [huber(v, torch.zeros((), dtype=torch.float64), delta=delta)[0] for v in around]
    assert abs(float((values[0] - values[1]).detach())) < 1e-6
    slopes = torch.autograd.grad(sum(values), around)[0]
    assert abs(float(slopes[0] - slopes[1])) < 1e-6


def test_mse_by_hand() -> None:
    total, count = mean_squared_error(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    assert (float(total), float(count)) == (5.0, 2.0)


def test_unknown_names_and_numbers() -> None:
    with pytest.raises(UserError, match="did you mean 'cross-entropy'"):
        by_name("crossentropy")
    with pytest.raises(UserError, match="greater than 0"):
        huber(torch.zeros(1), torch.zeros(1), delta=0.0)
    bad: Any = torch.ones(3, dtype=torch.int32)
    with pytest.raises(UserError, match="int64"):
        cross_entropy(torch.zeros(3, 2), bad)
