"""Clipping against PyTorch's, and on the odd tensors that autograd hands out."""

from __future__ import annotations

import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.optim import clip_by_norm, clip_by_value


@pytest.mark.parametrize("limit", [0.5, 2.0, 100.0])
def test_norm_equals_pytorch_s(limit: float) -> None:
    g = torch.Generator().manual_seed(0)
    ours = [torch.randn(*shape, generator=g) for shape in ((3, 4), (4,), (2, 3, 3, 3))]
    theirs = [torch.zeros_like(x) for x in ours]
    for x, y in zip(theirs, ours, strict=True):
        x.grad = y.clone()
    norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
    torch.testing.assert_close(clip_by_norm(ours, limit), norm)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b.grad)


def test_small_and_zero_gradients_stay() -> None:
    small = [torch.tensor([0.1]), torch.zeros(2)]
    clip_by_norm(small, 2.0)
    assert small[0].item() == pytest.approx(0.1)
    assert not small[1].any()
    assert float(clip_by_norm([], 1.0)) == 0.0


def test_value() -> None:
    g = [torch.tensor([3.0, -0.2]), torch.tensor([[-4.0]])]
    clip_by_value(g, 0.5)
    assert [x.flatten().tolist() for x in g] == [[0.5, pytest.approx(-0.2)], [-0.5]]
    clip_by_value([], 0.5)


def test_a_gradient_given_twice_is_scaled_once() -> None:
    a, b = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    x = torch.tensor([3.0, 0.0, 4.0])
    gradients = torch.autograd.grad(((a + b) * x).sum(), [a, b])
    clip_by_norm(gradients, 1.0)
    torch.testing.assert_close(gradients[0], x / 50**0.5, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradients[1], gradients[0])


def test_a_gradient_that_is_one_number_spread_out() -> None:
    w = torch.ones(2, 2, requires_grad=True)
    for clip, expected in ((lambda g: clip_by_norm(g, 1.0), 0.5), (lambda g: clip_by_value(g, 0.25), 0.25)):
        (gradient,) = torch.autograd.grad(w.sum(), [w])
        assert gradient.stride() == (0, 0)
        clip([gradient])
        torch.testing.assert_close(gradient, torch.full((2, 2), expected))


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_limits_that_are_none(limit: float) -> None:
    with pytest.raises(UserError, match="above 0"):
        clip_by_norm([torch.ones(1)], limit)
    with pytest.raises(UserError, match="above 0"):
        clip_by_value([torch.ones(1)], limit)
