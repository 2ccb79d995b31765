"""One suite for every optimiser: against PyTorch's own class, and its state carried over bit for bit."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.optim import OPTIMIZERS, SCHEDULES, build, clip_by_norm, clip_by_value, schedule

CLASSES: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.0}),
}
names = pytest.mark.parametrize("name", sorted(OPTIMIZERS))


def problem() -> tuple[list[tuple[str, Tensor]], list[list[Tensor]]]:
    g = torch.Generator().manual_seed(0)
    shapes = ((4, 3), (4,), (2, 3, 3, 3))
    start = [(f"p{i}", torch.randn(*s, generator=g)) for i, s in enumerate(shapes)]
    return start, [[torch.randn(*s, generator=g) for s in shapes] for _ in range(25)]


def run(name: str, gradients: list[list[Tensor]], start: list[tuple[str, Tensor]], **options: Any) -> list[Tensor]:
    named = [(k, v.clone()) for k, v in start]
    optimizer = build(name, named, **options)
    for step in gradients:
        optimizer.step([g.clone() for g in step], 0.01)
    return [v for _, v in named]


def test_every_optimizer_has_a_row() -> None:
    assert set(CLASSES) == set(OPTIMIZERS)


@names
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_equal_to_pytorch_s_class(name: str, decay: float) -> None:
    start, gradients = problem()
    kind, options = CLASSES[name]
    theirs = [v.clone().requires_grad_() for _, v in start]
    # biases (one dimension) are left out of the decay
    groups = [{"params": [p], "weight_decay": decay if p.dim() > 1 else 0.0} for p in theirs]
    reference = kind(groups, lr=0.01, **{k: v for k, v in options.items() if k != "weight_decay"})
    for step in gradients:
        for p, g in zip(theirs, step, strict=True):
            p.grad = g.clone()
        reference.step()
    ours = run(name, gradients, start, weight_decay=decay)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=1e-5, atol=1e-6)


@names
def test_a_state_carried_over_is_no_interruption(name: str) -> None:
    start, gradients = problem()
    whole = run(name, gradients, start, weight_decay=0.01)
    named = [(k, v.clone()) for k, v in start]
    first = build(name, named, weight_decay=0.01)
    for step in gradients[:10]:
        first.step([g.clone() for g in step], 0.01)
    second = build(name, named, weight_decay=0.01)
    second.load({k: v.clone() for k, v in first.state().items()})
    for step in gradients[10:]:
        second.step([g.clone() for g in step], 0.01)
    for a, (_, b) in zip(whole, named, strict=True):
        assert torch.equal(a, b)


@names
def test_a_parameter_without_gradient_stays(name: str) -> None:
    start, gradients = problem()
    named = [(k, v.clone()) for k, v in start]
    optimizer = build(name, named)
    optimizer.step([gradients[0][0], None, gradients[0][2]], 0.01)
    assert torch.equal(named[1][1], start[1][1])
    assert not torch.equal(named[0][1], start[0][1])


@names
def test_filters_laid_channels_last_get_the_same_update(name: str) -> None:
    start, gradients = problem()
    plain = run(name, gradients, start)
    last = [(k, v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v) for k, v in start]
    for a, b in zip(plain, run(name, gradients, last), strict=True):
        torch.testing.assert_close(a, b)


@names
def test_a_bowl_is_descended(name: str) -> None:
    w = torch.tensor([[3.0, -2.0]])
    optimizer = build(name, [("w", w)])
    begin = float((w * w).sum())
    for _ in range(200):
        optimizer.step([2 * w], OPTIMIZERS[name].learning_rate)
    assert float((w * w).sum()) < begin


def test_adam_by_its_paper() -> None:
    """Kingma and Ba 2015, algorithm 1, in plain numbers."""
    w, m, v, b1, b2, rate, eps = 1.0, 0.0, 0.0, 0.9, 0.999, 0.1, 1e-8
    tensor = torch.tensor([1.0])
    optimizer = build("adam", [("w", tensor)])
    for t, g in enumerate([0.5, -1.0, 2.0], 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        w -= rate * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
        optimizer.step([torch.tensor([g])], rate)
    assert math.isclose(float(tensor), w, rel_tol=1e-5)


def test_momentum_adagrad_and_l1_by_hand() -> None:
    w = torch.tensor([1.0])
    optimizer = build("momentum", [("w", w)])
    for g in (1.0, 1.0):
        optimizer.step([torch.tensor([g])], 0.1)
    assert math.isclose(float(w), 1 - 0.1 * 1 - 0.1 * 1.9, rel_tol=1e-6)
    w = torch.tensor([1.0])
    optimizer = build("adagrad", [("w", w)])
    for g in (3.0, 4.0):
        optimizer.step([torch.tensor([g])], 0.1)
    assert math.isclose(float(w), 1 - 0.1 * 3 / 3 - 0.1 * 4 / 5, rel_tol=1e-5)
    w, bias = torch.tensor([[2.0, -3.0]]), torch.tensor([1.0])
    build("sgd", [("w", w), ("b", bias)], l1=0.5).step([torch.zeros(1, 2), torch.zeros(1)], 0.1)
    torch.testing.assert_close(w, torch.tensor([[1.95, -2.95]]))
    assert float(bias) == 1.0


def test_clipping() -> None:
    g = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    reference = [x.clone() for x in g]
    for x in reference:
        x.grad = x.clone()
    torch.nn.utils.clip_grad_norm_(reference, 2.0)
    assert float(clip_by_norm(g, 2.0)) == 5.0
    for ours, theirs in zip(g, reference, strict=True):
        torch.testing.assert_close(ours, theirs.grad)
    small = [torch.tensor([0.1])]
    clip_by_norm(small, 2.0)
    assert float(small[0]) == pytest.approx(0.1)
    clip_by_value(g, 0.5)
    assert all(float(x.abs().max()) <= 0.5 for x in g)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build("adma", [("w", torch.zeros(1))]), "did you mean 'adam'"),
        (lambda: build("adam", [("w", torch.zeros(1))], beta=1), "did you mean 'betas'"),
        (lambda: build("adam", []), "no parameters"),
        (lambda: build("adam", [("w", torch.zeros(1))], weight_decay=float("nan")), "weight_decay is nan"),
        (lambda: schedule("cosin", total_steps=5), "did you mean 'cosine'"),
        (lambda: schedule("cosine", total_steps=0), "steps >= 1"),
        (lambda: build("adam", [("w", torch.zeros(1))]).load({"x": torch.zeros(1)}), "does not fit"),
    ],
)
def test_bad_names_and_numbers(call: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        call()


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_every_schedule_stays_between_zero_and_one(name: str) -> None:
    s = schedule(name, total_steps=50, warmup=5)
    factors = [s.factor(i) for i in range(50)]
    assert all(0 <= f <= 1 for f in factors)
    assert factors[0] < factors[4]
    assert max(factors) > 0.9


def test_schedules_against_pytorch_s() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    ours = schedule("cosine", total_steps=20)
    for step in range(20):
        assert ours.factor(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        cosine.step()


def test_plateau_falls_and_is_carried_over() -> None:
    s = schedule("plateau", total_steps=100, patience=2)
    for score in (0.5, 0.6, 0.6, 0.55):
        s.on_score(score)
    assert s.factor(7) == pytest.approx(0.1)
    other = schedule("plateau", total_steps=100, patience=2)
    other.load(s.state())
    assert other.factor(7) == s.factor(7)
