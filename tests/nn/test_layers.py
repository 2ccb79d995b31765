"""Activations, pooling order, initialisation, weights, the separable convolution."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from deepwell.core.errors import UserError
from deepwell.nn.activation import ACTIVATIONS, MONOTONE, activation
from deepwell.nn.initialise import INITIALISATIONS, initialise
from deepwell.nn.pool import pooled
from deepwell.nn.separable import SeparableConv2d
from deepwell.nn.weights import weights


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation_by_name(name: str) -> None:
    x = torch.linspace(-6, 6, 2001, dtype=torch.float64)
    y = activation(name)(x)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert bool((y.diff() >= -1e-12).all()) == (name in MONOTONE)


@pytest.mark.parametrize(
    ("name", "at_one"),
    [
        ("sigmoid", 1 / (1 + math.exp(-1))),
        ("tanh", (math.exp(2) - 1) / (math.exp(2) + 1)),
        ("softplus", math.log(1 + math.e)),
        ("silu", 1 / (1 + math.exp(-1))),
        ("gelu", 0.5 * (1 + math.erf(1 / math.sqrt(2)))),
        ("mish", math.tanh(math.log(1 + math.e))),
    ],
)
def test_activation_by_formula(name: str, at_one: float) -> None:
    assert math.isclose(float(activation(name)(torch.ones((), dtype=torch.float64))), at_one, rel_tol=1e-9)


def test_an_unknown_activation() -> None:
    with pytest.raises(UserError, match="did you mean 'leaky_relu'"):
        activation("leaky-relu")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("size", [2, 3])
def test_pooling_first_changes_no_value(name: str, size: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 9, 9)
    usual = nn.MaxPool2d(size, 2)(activation(name)(x))
    assert torch.equal(nn.Sequential(*pooled(name, size, stride=2))(x), usual)


@pytest.mark.parametrize(
    ("name", "spread"),
    [
        ("he-normal", math.sqrt(2 / 288)),
        ("he-uniform", math.sqrt(2 / 288)),
        ("glorot-normal", math.sqrt(2 / (288 + 576))),
        ("glorot-uniform", math.sqrt(2 / (288 + 576))),
        ("lecun-normal", math.sqrt(1 / 288)),
        ("orthogonal", math.sqrt(1 / 288)),  # 64 orthonormal rows of 288
        ("normal", 0.01),
        ("uniform", 0.05 / math.sqrt(3)),
        ("zeros", 0.0),
    ],
)
def test_initial_weights_have_their_spread(name: str, spread: float) -> None:
    torch.manual_seed(0)
    layer = initialise(nn.Conv2d(32, 64, 3), name)  # 32 * 9 = 288 in, 64 * 9 = 576 out
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    found = layer.weight.detach()
    assert abs(float(found.std()) - spread) <= 0.03 * spread
    assert abs(float(found.mean())) <= 5 * spread / math.sqrt(found.numel())
    assert int(layer.bias.count_nonzero()) == 0


@pytest.mark.parametrize("name", sorted(INITIALISATIONS))
def test_initialisation_repeats_and_leaves_norms(name: str) -> None:
    def fresh() -> nn.Module:
        torch.manual_seed(5)
        return initialise(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3)), name)

    one, two = fresh(), fresh()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert torch.equal(one[1].weight, torch.ones(2))  # type: ignore[index]


def test_default_initialisation_is_pytorch_s() -> None:
    torch.manual_seed(1)
    expected = nn.Linear(3, 4)
    torch.manual_seed(1)
    assert torch.equal(initialise(nn.Linear(3, 4), "default").weight, expected.weight)  # type: ignore[arg-type]


def test_weights_by_hand() -> None:
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 2.0], [4.0, -2.0]]))
        layer.bias[0] = float("nan")
    first, second = weights(layer)
    assert (first.name, first.shape, first.mean, first.smallest, first.largest) == ("weight", (2, 2), 1.0, -2.0, 4.0)
    assert math.isclose(first.std, math.sqrt(5), rel_tol=1e-6)  # deviations -1, 1, 3, -3
    assert (first.zeros, first.finite, second.finite) == (0.25, True, False)


def test_weights_of_an_empty_parameter() -> None:
    module = nn.Module()
    module.nothing = nn.Parameter(torch.empty(0, 3))
    (fact,) = weights(module)
    assert fact.shape == (0, 3)
    assert math.isnan(fact.mean)
    assert fact.finite


@pytest.mark.parametrize("stride", [1, 2])
def test_separable_is_cheaper_and_equals_its_parts(stride: int) -> None:
    torch.manual_seed(0)
    layer = SeparableConv2d(8, 16, stride=stride, activation="identity").eval()
    x = torch.randn(2, 8, 6, 6)
    # without activations the pair is one convolution whose kernel is the product of the two
    kernel = layer.pointwise.weight[:, :, 0, 0, None, None] * layer.depthwise.weight[:, 0]
    expected = nn.functional.conv2d(x, kernel, stride=stride, padding=1)
    scale = (1 + 1e-5) ** -0.5  # of each fresh normalisation
    torch.testing.assert_close(layer(x), expected * scale**2, rtol=1e-4, atol=1e-5)
    convolutions = layer.depthwise.weight.numel() + layer.pointwise.weight.numel()
    assert convolutions / (8 * 16 * 9) == pytest.approx(1 / 16 + 1 / 9)
