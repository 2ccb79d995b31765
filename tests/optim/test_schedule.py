"""Schedules against PyTorch's, and what each promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as theirs

from deepwell.core.errors import UserError
from deepwell.optim import SCHEDULES, schedule

N = 40
names = pytest.mark.parametrize("name", sorted(SCHEDULES))


def rates(make: Callable[[torch.optim.Optimizer], Any], steps: int = N) -> list[float]:
    """The learning rates of PyTorch's scheduler, the highest being 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("name", "options", "make"),
    [
        ("constant", {}, lambda o: theirs.ConstantLR(o, factor=1.0)),
        ("cosine", {}, lambda o: theirs.CosineAnnealingLR(o, N)),
        ("linear", {}, lambda o: theirs.LinearLR(o, 1.0, 0.0, N)),
        ("step", {"every": 0.25, "gamma": 0.5}, lambda o: theirs.StepLR(o, N // 4, 0.5)),
        ("step", {"every": 7, "gamma": 0.5}, lambda o: theirs.StepLR(o, 7, 0.5)),
        (
            "one-cycle",
            {"peak": 0.25, "start": 0.04},
            # PyTorch counts the steps of the rise from 0 to the one before its share: hence the two ones
            lambda o: theirs.OneCycleLR(
                o, 1.0, N + 1, pct_start=(N / 4 + 1) / (N + 1), anneal_strategy="linear", div_factor=25,
                final_div_factor=1e12, cycle_momentum=False,
            ),
        ),
    ],
)  # fmt: skip
def test_equal_to_pytorch_s(name: str, options: dict[str, Any], make: Callable[..., Any]) -> None:
    ours = schedule(name, total_steps=N, **options)
    assert [ours.factor(i) for i in range(N)] == pytest.approx(rates(make), abs=1e-9)


def test_plateau_equals_pytorch_s() -> None:
    scores = [0.1, 0.2, 0.2, 0.15, 0.1, 0.3, 0.3, 0.29, 0.28, 0.27, 0.26, 0.25]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # PyTorch's patience is how many it forgives, ours is how many it takes
    reference = theirs.ReduceLROnPlateau(optimizer, mode="max", factor=0.1, patience=1, threshold=0.0)
    ours = schedule("plateau", total_steps=N, patience=2)
    for score in scores:
        ours.on_score(score)
        reference.step(score)
        assert ours.factor(0) == pytest.approx(optimizer.param_groups[0]["lr"])
    assert ours.factor(0) < 0.01


@names
def test_between_zero_and_one_with_a_straight_warm_up(name: str) -> None:
    s = schedule(name, total_steps=50, warmup=5)
    factors = [s.factor(i) for i in range(60)]
    assert all(0 <= f <= 1 for f in factors)
    first = schedule(name, total_steps=45).factor(0)
    assert factors[:5] == pytest.approx([first * (i + 1) / 6 for i in range(5)])
    assert max(factors) > 0.9


@names
def test_a_factor_depends_on_the_step_alone(name: str) -> None:
    s = schedule(name, total_steps=30, warmup=3)
    forward = [s.factor(i) for i in range(30)]
    assert [s.factor(i) for i in reversed(range(30))] == forward[::-1]


@names
def test_state_is_json_and_carries_over(name: str) -> None:
    s, other = schedule(name, total_steps=30), schedule(name, total_steps=30)
    for score in (0.5, 0.6, 0.6, 0.6):
        s.on_score(score)
    other.load(json.loads(json.dumps(s.state())))
    for score in (0.6, 0.6, 0.6, 0.7):
        s.on_score(score)
        other.on_score(score)
        assert other.factor(7) == s.factor(7)
    assert other.state() == s.state()


def test_plateau_takes_nan_as_no_improvement() -> None:
    s = schedule("plateau", total_steps=30, patience=2)
    for score in (float("nan"), 0.5, float("nan"), 0.6):
        s.on_score(score)
    assert s.factor(0) == 1.0
    s.on_score(float("nan"))
    s.on_score(float("nan"))
    assert s.factor(0) == pytest.approx(0.1)


def test_one_step_is_a_training_too() -> None:
    for name in SCHEDULES:
        assert 0 <= schedule(name, total_steps=1).factor(0) <= 1
        assert 0 <= schedule(name, total_steps=1, warmup=1).factor(0) <= 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: schedule("cosin", total_steps=5), "did you mean 'cosine'"),
        (lambda: schedule("cosine", total_steps=0), "steps >= 1"),
        (lambda: schedule("cosine", total_steps=5, warmup=6), "6 of them to warm up"),
        (lambda: schedule("cosine", total_steps=5, warmup=-1), "warmup"),
        (lambda: schedule("step", total_steps=5, gama=0.1), "did you mean 'gamma'"),
        (lambda: schedule("cosine", total_steps=5, gamma=0.1), "option of cosine"),
        (lambda: schedule("step", total_steps=5, gamma=0), "gamma of step is 0"),
        (lambda: schedule("step", total_steps=5, every=-1), "every of step is -1"),
        (lambda: schedule("one-cycle", total_steps=5, peak=1.0), "peak of one-cycle"),
        (lambda: schedule("one-cycle", total_steps=5, start=float("nan")), "start of one-cycle"),
        (lambda: schedule("plateau", total_steps=5, patience=0), "patience of plateau is 0"),
        (lambda: schedule("plateau", total_steps=5, patience=float("inf")), "patience of plateau is inf"),
        (lambda: schedule("plateau", total_steps=5).load({}), "lacks scale"),
    ],
)
def test_bad_names_and_numbers(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        call()
