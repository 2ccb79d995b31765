"""The judges on numbers alone: each threshold from both sides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from deepwell.doctor.training.judges.answers import read
from deepwell.doctor.training.judges.epochs import Epochs
from deepwell.doctor.training.judges.gradients import Gradients
from deepwell.doctor.training.judges.losses import Losses
from deepwell.doctor.training.judges.rates import Rates
from deepwell.doctor.training.judges.units import Activation, Units
from deepwell.doctor.training.sampling import Layer, Look
from deepwell.findings import Finding


def looked(sizes: list[float], step: int = 1, raw: float | None = None) -> Look:
    layers = [Layer(f"layer{i}.weight", True, size, 1.0, 1e-3, True) for i, size in enumerate(sizes)]
    return Look(step, 0.1, math.sqrt(sum(s * s for s in sizes)), raw, layers, -1.0, None)


def falling(n: int = 200, by: float = 0.01) -> Losses:
    losses = Losses()
    for i in range(n):
        losses.add(math.exp(-by * i))
    return losses


def stuck(n: int = 200) -> Losses:
    return falling(n, 0.0)


def found(judge: Gradients, looks: list[Look], losses: Losses) -> list[tuple[str, str, str]]:
    return [(f.code, f.level, f.where) for look in looks for f in judge.judge(look, losses)]


def test_vanishing_needs_three_looks_and_a_loss_that_does_not_fall() -> None:
    small = looked([1e-6, 1e-3, 1.0])
    assert found(Gradients(), [small] * 2, stuck()) == []
    assert found(Gradients(), [small] * 3, stuck()) == [("O09", "warn", "layer0.weight")]
    assert found(Gradients(), [small] * 3, falling()) == [("O09", "note", "layer0.weight")]
    assert found(Gradients(), [looked([2e-3, 1e-2, 1.0])] * 3, stuck()) == []


def test_gradients_that_grow_on_their_way_back() -> None:
    assert found(Gradients(), [looked([2e3, 10.0, 1.0])] * 3, stuck()) == [("O08", "warn", "layer0.weight")]
    assert found(Gradients(), [looked([5e2, 10.0, 1.0])] * 3, stuck()) == []


def test_exploding_is_judged_against_what_is_usual() -> None:
    usual = [looked([0.9, 1.0 + 0.01 * i, 1.1], i) for i in range(10)]
    risen = Losses()
    for i in range(100):
        risen.add(1.0 if i < 70 else 3.0)
    assert ("O08", "warn", "layer2.weight") in found(Gradients(), [*usual, *[looked([10.0, 20.0, 40.0])] * 3], risen)
    assert found(Gradients(), [*usual, looked([10.0, 20.0, 40.0]), *usual[:3]], risen) == []
    assert found(Gradients(), [*usual, *[looked([3.0, 4.0, 5.0])] * 3], risen) == []


@pytest.mark.parametrize(("raw", "wanted"), [(2.0, [("O12", "note", "optimizer")]), (1.0, [])])
def test_clipping_that_always_acts(raw: float, wanted: list[Any]) -> None:
    judge, losses = Gradients(), falling()
    assert found(judge, [looked([1.0, 0.01], i, raw) for i in range(20)], losses)[:1] == wanted


def test_spikes_are_named_by_step_and_only_above_the_beginning() -> None:
    noise = np.random.default_rng(0).normal(1.0, 0.05, 200)
    losses = Losses()
    for i, value in enumerate(noise):
        losses.add(float(value) if i != 150 else 5.0)
        if i == 120:
            assert list(losses.judge(ratio=None, turn=None, scored=False)) == []
    spike = next(iter(losses.judge(ratio=None, turn=None, scored=False)))
    assert (spike.code, spike.values["step"]) == ("O22", 151)


def test_divergence_needs_large_updates_to_be_a_warning() -> None:
    losses = falling(100, -0.02)
    first = [list(losses.judge(ratio=0.001, turn=None, scored=False)) for _ in range(3)]
    assert [f.level for f in first[2]] == ["note"]
    assert [f.level for f in losses.judge(ratio=0.2, turn=None, scored=False)] == ["warn"]


def test_zigzag() -> None:
    losses = Losses()
    for i in range(200):
        losses.add(1.0 + 0.2 * (i % 2))
    seen = [f for _ in range(3) for f in losses.judge(ratio=0.01, turn=-0.1, scored=False)]
    assert [(f.code, f.saw) for f in seen] == [("O18", "training_zigzag")]


def test_units_are_dead_when_no_look_saw_them_alive() -> None:
    def one(alive: list[bool]) -> list[Activation]:
        return [Activation("a -> relu", "relu", alive, 0.0, False)]

    judge = Units()
    looks = [one([True, False, False]), one([False, True, False]), one([False, False, False])]
    assert [list(judge.judge(look, stuck())) for look in looks] == [[], [], []]
    judge = Units()
    for look in looks[:1] * 2:
        assert list(judge.judge(look, stuck())) == []
    assert [(f.code, f.level) for f in judge.judge(looks[0], stuck())] == [("O10", "note")]
    assert [(f.code, f.level) for f in Units().judge(looks[2], falling(), looks=1)] == [("O10", "warn")]


def test_a_saturated_last_sigmoid_is_a_sure_answer() -> None:
    for last, wanted in ((True, []), (False, [("O11", "warn")])):
        judge = Units()
        look = [Activation("a -> sigmoid", "sigmoid", [], 0.9, last)]
        assert [(f.code, f.level) for _ in range(3) for f in judge.judge(look, stuck())] == wanted


def epochs(rows: list[dict[str, float]], *, end: bool = False) -> list[Finding]:
    judge = Epochs()
    seen = [f for row in rows for f in judge.judge(row, broken=0)]
    return seen + (list(judge.end()) if end else [])


def rows(loss: list[float], outside: list[float], **more: float) -> list[dict[str, float]]:
    return [{"loss": a, "val_loss": b, **more} for a, b in zip(loss, outside, strict=True)]


def test_overfitting_is_a_trend_and_not_one_epoch() -> None:
    inside = [1 / (i + 1) for i in range(10)]
    rising = [1.0, 0.5, 0.4, 0.42, 0.45, 0.47, 0.5, 0.52, 0.55, 0.58]
    # without answers to count, a loss half as large again is asked for
    assert {(f.code, f.level) for f in epochs(rows(inside, rising))} == {("E09", "note")}
    high = [*rising[:-2], 0.6, 0.65]
    assert ("E09", "warn") in {(f.code, f.level) for f in epochs(rows(inside, high))}
    worse = [{**row, "val_accuracy": 0.9 - 0.01 * i} for i, row in enumerate(rows(inside, rising))]
    assert {(f.code, f.level) for f in epochs(worse)} == {("E09", "warn")}
    noisy = [1.0, 0.5, 0.4, 0.5, 0.38, 0.47, 0.36, 0.45, 0.37, 0.46]
    assert epochs(rows(inside, noisy)) == []
    better = [{**row, "val_accuracy": 0.5 + 0.04 * i} for i, row in enumerate(rows(inside, rising))]
    assert {(f.code, f.level) for f in epochs(better)} == {("E09", "note")}


def test_underfitting_too_good_too_soon_better_outside_and_starved() -> None:
    assert {f.code for f in epochs(rows([0.69] * 6, [0.69] * 6, accuracy=0.5))} == {"O19"}
    assert {f.code for f in epochs([{"loss": 0.1, "val_accuracy": 0.999}])} == {"E11"}
    assert {f.code for f in epochs([{"loss": 0.1, "val_accuracy": 0.9}, {"loss": 0.1, "val_accuracy": 0.999}])} == set()
    assert {f.code for f in epochs(rows([1.0, 0.9, 0.8], [0.4, 0.35, 0.3]))} == {"E10"}
    assert {f.code for f in epochs([{"loss": 1.0, "data_share": 0.7}] * 2)} == {"O24"}
    assert epochs([{"loss": 1.0, "data_share": 0.3}] * 2) == []


def test_too_few_and_too_many_epochs() -> None:
    assert {f.code for f in epochs(rows([1.0, 0.8, 0.6, 0.4], [1.0, 0.8, 0.6, 0.4]), end=True)} == {"O27"}
    flat = [1.0, 0.5, 0.45, 0.44, 0.44]
    assert epochs(rows(flat, flat), end=True) == []
    late = [1.0, 0.5, *[0.51] * 10]
    assert {f.saw for f in epochs(rows([0.5] * 12, late), end=True)} == {"training_too_long"}


def test_a_rate_that_is_tiny_at_the_very_end_only_is_a_schedule() -> None:
    for at, wanted in ((90, []), (40, ["warn"]), (70, ["note"])):
        judge = Rates()
        for i in range(100):
            judge.add(0.1 if i < at else 1e-4)
        assert [f.level for f in judge.judge(stuck())] == wanted


@pytest.mark.parametrize("kind", ["cross_entropy", "nll", "binary", "mse"])
@pytest.mark.parametrize("factor", [1.0, 8.0, -8.0])
def test_losses_are_read_back_from_their_gradient(kind: str, factor: float) -> None:
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    s = torch.randn(8, 3) if kind in ("cross_entropy", "nll") else torch.randn(8)
    s = torch.log_softmax(s, 1) if kind == "nll" else s
    s.requires_grad_()
    y = torch.arange(8) % 3
    sums = {
        "cross_entropy": lambda: F.cross_entropy(s, y, reduction="sum"),
        "nll": lambda: F.nll_loss(s, y, reduction="sum"),
        "binary": lambda: F.binary_cross_entropy_with_logits(s, (y > 0).float(), reduction="sum"),
        "mse": lambda: F.mse_loss(s, y.float(), reduction="sum"),
    }
    loss = sums[kind]() / factor
    loss.backward()
    assert s.grad is not None
    reading = read(s.detach().numpy(), s.grad.numpy(), float(loss.detach()))
    assert reading is not None
    assert (reading.kind, round(reading.factor, 2)) == (kind, factor)
    wanted = (y > 0) if kind == "binary" else y
    assert np.allclose(reading.targets, wanted.float().numpy(), atol=1e-3)


def test_a_loss_of_ones_own_is_not_taken_for_a_known_one() -> None:
    rng = np.random.default_rng(0)
    assert read(rng.normal(size=(8, 3)), rng.normal(size=(8, 3)), 1.0) is None
    assert read(rng.normal(size=8), rng.normal(size=8), 1.0) is None
    assert read(rng.normal(size=(8, 3)), np.zeros((8, 3)), 0.0) is None
