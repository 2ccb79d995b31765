"""The watch as an observer of deepwell's own loop: the same judges, fed by its records."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import blobs
from torch import Tensor, nn

import deepwell as dw
from deepwell.doctor.training.observer import Watch
from deepwell.train.observe import EpochRecord, Start, StepRecord
from deepwell.train.step import StepResult


def record(step: int, gradients: list[Tensor], parameters: list[Tensor], loss: float = 1.0) -> StepRecord:
    result = StepResult(torch.tensor(loss), torch.tensor(1.0), [], [], gradients)
    names = [f"layer{i}.weight" for i in range(len(gradients))]
    return StepRecord(step, 1, 0.1, result, names, parameters, torch.arange(step, step + 4))


def watching(model: nn.Module | None = None) -> tuple[Watch, list[str]]:
    said: list[str] = []
    watch = Watch(model or nn.Sequential(nn.Linear(3, 3)), torch.randn(8, 3), say=said.append)
    watch.on_start(Start(10, 10, 100, 0, "val_accuracy", True))
    return watch, said


def codes(said: list[str]) -> list[str]:
    return [" ".join(text.split()[:2]) for text in said]


def test_vanishing_and_exploding_gradients_are_named_by_layer() -> None:
    weights = [torch.randn(4, 4) for _ in range(4)]
    watch, said = watching()
    for step in range(1, 200):
        watch.on_step(record(step, [torch.full((4, 4), 10.0 ** (i - 6)) for i in range(4)], weights))
    assert any(text.startswith("warn O09 layer0.weight") for text in said)
    watch, said = watching()
    for step in range(1, 1000):
        size = 1.0 if step < 600 else 100.0
        loss = 1.0 if step < 600 else 5.0
        watch.on_step(
            record(step, [torch.full((4, 4), size * (1 + 0.01 * (step % 7))) for _ in range(4)], weights, loss)
        )
    assert any(text.startswith("warn O08") and "--clip-norm" in text for text in said)


def test_a_healthy_curve_says_nothing_and_an_overfitted_one_does() -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    watch, said = watching(model)
    for epoch in range(10):
        values = {"loss": 1 / (epoch + 1), "accuracy": 0.9, "val_loss": 1.1 / (epoch + 1), "val_accuracy": 0.9}
        watch.on_epoch(EpochRecord(epoch, epoch, values, model))
    assert said == []
    for epoch in range(10):
        values = {"loss": 0.1 / (epoch + 1), "accuracy": 1.0, "val_loss": 0.2 + 0.1 * epoch, "val_accuracy": 0.8}
        watch.on_epoch(EpochRecord(epoch, epoch, values, model))
    assert codes(said) == ["warn E09"]


def test_dead_units_of_the_probe_and_underfitting() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias[:] = 1.0
        model[0].bias[:6] = -1e3
    watch, said = watching(model)
    values = {"loss": 0.69, "accuracy": 0.5, "val_loss": 0.69, "val_accuracy": 0.5}
    for epoch in range(6):
        watch.on_epoch(EpochRecord(epoch, epoch, values, model))
    assert sorted(codes(said)) == ["note O10", "warn O19"]
    assert "75% of its 8 units" in said[0]
    assert model.training


def test_a_spike_is_named_with_its_samples() -> None:
    watch, said = watching()
    weights = [torch.randn(4, 4)]
    for step in range(1, 200):
        loss = 9.0 if step == 133 else 1.0 + 0.01 * math.sin(step)
        watch.on_step(record(step, [torch.ones(4, 4)], weights, loss))
    assert [text for text in said if " O22 " in text and "samples 133, 134, 135, 136" in text]


def test_the_state_is_plain_json_and_goes_on_where_it_was() -> None:
    def feed(watch: Watch, steps: range) -> None:
        for step in steps:
            gradients = [torch.full((4, 4), 10.0 ** (i - 6)) for i in range(4)]
            watch.on_step(record(step, gradients, weights))

    weights = [torch.randn(4, 4) for _ in range(4)]
    whole, said = watching()
    feed(whole, range(1, 101))
    first, said_first = watching()
    feed(first, range(1, 7))
    stored = json.loads(json.dumps(first.state(), allow_nan=False))
    second, said_second = watching()
    second.load(stored)
    feed(second, range(7, 101))
    assert said_first + said_second == said
    assert said
    second.load({"rows": [], "norms": []})  # of a run from before: ignored


def fit(x: Any, y: Any, model: Any = "mlp", **options: Any) -> tuple[list[str], dw.Learner]:
    said: list[str] = []
    learner = dw.Learner(dw.arrays(x, y), model, say=said.append)
    learner.fit(progress=False, **options)
    return [text for text in said if text.split()[0] in ("stop", "warn", "note")], learner


def test_a_training_is_the_same_with_the_watch_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = blobs(96)
    results = []
    for deaf in (False, True):
        if deaf:
            for name in ("on_start", "on_step", "on_epoch", "on_end"):
                monkeypatch.setattr(Watch, name, lambda self, *values: None)
        torch.manual_seed(1)
        _, learner = fit(x, y, "cnn-bn", epochs=3, precision="float32", threads=1)
        assert learner.network is not None
        assert all(not m._forward_hooks and not m._forward_pre_hooks for m in learner.network.modules())
        results.append((learner.history["loss"], list(learner.network.state_dict().values())))  # type: ignore[index]
    (losses, weights), (other_losses, others) = results
    assert losses == other_losses
    assert all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


def test_own_trainings_healthy_and_broken() -> None:
    x, y = blobs(240)
    torch.manual_seed(0)
    said, _ = fit(x, y, epochs=4)
    assert [text for text in said if text.split()[1][0] == "O" and not text.startswith("note")] == []
    torch.manual_seed(0)
    said, _ = fit(x, y, epochs=8, optimizer="sgd", learning_rate=1e-7)
    assert any(text.startswith("warn O02") for text in said), said
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    said, _ = fit(x, rng.permutation(y), epochs=60, optimizer="sgd", learning_rate=1e-3, model="mlp")
    assert not any(text.split()[1] in ("O03", "O04", "E01") for text in said)


def test_clipping_that_always_acts_is_seen_with_its_norm() -> None:
    x, y = blobs(240)
    torch.manual_seed(0)
    said, _ = fit(x, y, epochs=30, batch_size=16, clip_norm=1e-3, optimizer="sgd", learning_rate=0.1)
    assert any(" O12 " in text and "clipping to 0.001" in text for text in said), said
