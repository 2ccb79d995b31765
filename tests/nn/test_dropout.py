"""Dropout: the share, the mean, the seed, the paths."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from deepwell.core.errors import UserError
from deepwell.nn.dropout import Dropout

LARGE = (64, 1001)  # not a multiple of the eight draws in a word


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_share_and_scale(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(LARGE, dtype=dtype))
    threshold = round(256 * p)
    assert out.dtype == dtype
    assert set(out.double().unique().tolist()) == {0.0, float(torch.tensor(256 / (256 - threshold), dtype=dtype))}
    count = out.numel()
    share, spread = threshold / 256, (p * (1 - p) / count) ** 0.5
    assert abs(float((out == 0).double().mean()) - share) < 5 * spread


def test_the_mean_stays() -> None:
    torch.manual_seed(0)
    drop, x = Dropout(0.3), torch.rand(LARGE)
    mean = torch.stack([drop(x) for _ in range(40)]).mean()
    assert abs(float(mean / x.mean()) - 1) < 0.005


def test_neighbours_are_independent() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(1 << 18)) > 0).double() - 0.5
    for lag in (1, 7, 8, 64):  # within a word, and between words
        assert abs(float((kept[lag:] * kept[:-lag]).mean()) / 0.25) < 0.01


@pytest.mark.parametrize("shape", [(4, 4), LARGE])
def test_the_seed_repeats_it(shape: tuple[int, ...]) -> None:
    drop, x = Dropout(0.5), torch.ones(shape)
    torch.manual_seed(3)
    first, second = drop(x), drop(x)
    torch.manual_seed(3)
    assert torch.equal(first, drop(x))
    assert not torch.equal(first, second)


def test_the_memory_format_does_not_matter() -> None:
    x = torch.rand(4, 16, 9, 9)
    torch.manual_seed(0)
    plain = Dropout(0.5)(x)
    torch.manual_seed(0)
    assert torch.equal(plain, Dropout(0.5)(x.contiguous(memory_format=torch.channels_last)))


def test_the_gradient_is_the_mask() -> None:
    torch.manual_seed(0)
    x = torch.ones(LARGE, requires_grad=True)
    out = Dropout(0.25)(x)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert torch.equal(gradient, out.detach())


def test_small_tensors_and_extreme_shares_take_pytorch_s_path() -> None:
    for p, shape in ((0.5, (8, 8)), (0.001, LARGE), (0.9995, LARGE)):
        x = torch.rand(shape)
        torch.manual_seed(1)
        ours = Dropout(p)(x)
        torch.manual_seed(1)
        assert torch.equal(ours, F.dropout(x, p))


def test_nothing_while_evaluating() -> None:
    x = torch.rand(LARGE)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


@pytest.mark.parametrize("p", [-0.1, 1.0, 2.0, float("nan")])
def test_a_share_outside(p: float) -> None:
    with pytest.raises(UserError, match="from 0 to less than 1"):
        Dropout(p)
