"""The update rules against their papers, in plain numbers and with no PyTorch in the reference.

Two tutorials that this project follows print some of them wrongly; what is tested here is the papers:
Adagrad and Adam are printed with an argmax in one; in the other Adam lacks the epsilon and corrects the moments
numbered t + 1 by 1 - beta^t, which divides by zero at t = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch

from deepwell.optim import build, undecayed

GRADIENTS = (0.5, -1.0, 2.0, 0.25, -3.0)
RATE = 0.1
Rule = Callable[[float], Iterator[float]]


def sgd(w: float) -> Iterator[float]:
    for g in GRADIENTS:
        w -= RATE * g
        yield w


def momentum(w: float) -> Iterator[float]:
    m = 0.0
    for g in GRADIENTS:
        m = 0.9 * m + g
        w -= RATE * m
        yield w


def nesterov(w: float) -> Iterator[float]:
    """In the original variables the gradient is taken ahead; these are the weights at the point ahead."""
    m = 0.0
    for g in GRADIENTS:
        m = 0.9 * m + g
        w -= RATE * (g + 0.9 * m)
        yield w


def adagrad(w: float) -> Iterator[float]:
    """Duchi, Hazan, Singer 2011, the diagonal form."""
    s = 0.0
    for g in GRADIENTS:
        s += g * g
        w -= RATE * g / (math.sqrt(s) + 1e-10)
        yield w


def adadelta(w: float) -> Iterator[float]:
    """Zeiler 2012, algorithm 1; the learning rate multiplies its step."""
    s = u = 0.0
    for g in GRADIENTS:
        s = 0.9 * s + 0.1 * g * g
        d = math.sqrt(u + 1e-6) / math.sqrt(s + 1e-6) * g
        u = 0.9 * u + 0.1 * d * d
        w -= RATE * d
        yield w


def rmsprop(w: float) -> Iterator[float]:
    s = 0.0
    for g in GRADIENTS:
        s = 0.99 * s + 0.01 * g * g
        w -= RATE * g / (math.sqrt(s) + 1e-8)
        yield w


def adam(w: float) -> Iterator[float]:
    """Kingma and Ba 2015, algorithm 1."""
    m = v = 0.0
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= RATE * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        yield w


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("sgd", sgd),
        ("momentum", momentum),
        ("nesterov", nesterov),
        ("adagrad", adagrad),
        ("adadelta", adadelta),
        ("rmsprop", rmsprop),
        ("adam", adam),
        ("adamw", adam),
    ],
)
def test_by_the_paper(name: str, rule: Rule) -> None:
    w = torch.tensor([1.0], dtype=torch.float64)
    optimizer = build(name, [("w", w)])
    for g, expected in zip(GRADIENTS, rule(1.0), strict=True):
        optimizer.step([torch.tensor([g], dtype=torch.float64)], RATE)
        assert float(w) == pytest.approx(expected, rel=1e-7)


def test_adam_s_first_step_has_the_size_of_the_rate() -> None:
    """With m' = g and v' = g^2 the step is rate * g / (|g| + eps): what the correction is there for."""
    for g in (1e-3, -7.0):
        w = torch.tensor([0.0], dtype=torch.float64)
        build("adam", [("w", w)]).step([torch.tensor([g], dtype=torch.float64)], 0.1)
        assert float(w) == pytest.approx(-math.copysign(0.1, g), rel=1e-4)


def test_decay_is_coupled_in_adam_and_decoupled_in_adamw() -> None:
    """With no gradient AdamW shrinks by rate * decay; Adam normalises the decay away and makes a step of the rate."""
    coupled, apart = torch.full((1, 1), 2.0), torch.full((1, 1), 2.0)
    build("adam", [("w", coupled)], weight_decay=0.5).step([torch.zeros(1, 1)], 0.1)
    build("adamw", [("w", apart)], weight_decay=0.5).step([torch.zeros(1, 1)], 0.1)
    assert float(coupled) == pytest.approx(1.9, rel=1e-6)
    assert float(apart) == pytest.approx(2.0 * (1 - 0.1 * 0.5), rel=1e-6)


def test_l1_pulls_matrices_and_leaves_biases_and_zeros() -> None:
    w, bias = torch.tensor([[2.0, -3.0, 0.0]]), torch.tensor([1.0])
    build("sgd", [("w", w), ("b", bias)], l1=0.5).step([torch.zeros(1, 3), torch.zeros(1)], 0.1)
    torch.testing.assert_close(w, torch.tensor([[1.95, -2.95, 0.0]]))
    assert float(bias) == 1.0


def test_decay_leaves_what_the_model_says() -> None:
    model = torch.nn.Sequential(torch.nn.Embedding(3, 2), torch.nn.Linear(2, 2), torch.nn.LayerNorm([2, 2]))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = build("sgd", model.named_parameters(), weight_decay=0.5, undecayed=undecayed(model))
    with torch.no_grad():
        optimizer.step([torch.zeros_like(p) for p in model.parameters()], 0.1)
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"1.weight"}
    torch.testing.assert_close(model.get_parameter("1.weight").detach(), before["1.weight"] * 0.95)


def test_momentum_of_zero_is_plain_descent() -> None:
    for name in ("momentum", "nesterov"):
        w = torch.tensor([1.0])
        build(name, [("w", w)], momentum=0).step([torch.tensor([2.0])], 0.1)
        assert float(w) == pytest.approx(0.8)
