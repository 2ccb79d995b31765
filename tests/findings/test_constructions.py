"""What the pages call impossible by construction, where no other test proves it: modes, order, draws, weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import deepwell as dw
from deepwell.data.batches import by_length
from deepwell.learner import Learner
from deepwell.losses import cross_entropy
from deepwell.optim import build
from deepwell.train.step import Step


class Recorder(nn.Module):
    """A small network that keeps what it was called with; as an observer it begins anew with the training."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(144, 3))
        self.calls: list[tuple[bool, bool, Tensor]] = []
        self.ends: list[int] = []
        self.weights: list[Tensor] = []
        self.rates: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append((torch.is_grad_enabled(), self.training, x.detach().clone()))
        return self.body(x)

    def on_start(self, _start: Any) -> None:
        self.calls.clear()

    def on_step(self, record: Any) -> None:
        self.rates.append(record.learning_rate)

    def on_epoch(self, _record: Any) -> None:
        self.ends.append(len(self.calls))
        self.weights.append(self.body[2].weight.detach().clone())


def trained(data: Any, **options: Any) -> tuple[Recorder, Any]:
    """A recorder after a training that it observed from the inside, and the training's history."""
    torch.manual_seed(0)
    model = Recorder()
    # an observer that is a module would be asked for its state; a wrapper has the observer's methods alone
    learner = Learner(dw.arrays(*data), model)
    history = learner.fit(callbacks=[_Beside(model)], progress=False, exact=True, check=False, patience=0, **options)
    return model, history


class _Beside:
    def __init__(self, model: Recorder) -> None:
        self.on_start, self.on_step, self.on_epoch = model.on_start, model.on_step, model.on_epoch


def test_modes_are_right_in_every_call(small: Any) -> None:
    model, _ = trained(small, epochs=3)
    assert any(gradients for gradients, _, _ in model.calls[model.ends[1] :]), "the third epoch trains too"
    for gradients, training, _ in model.calls:
        assert gradients == training


def test_what_is_measured_is_not_augmented_and_what_is_trained_on_is(small: Any) -> None:
    model, _ = trained(small, epochs=2, augment="flip,crop=2,erase=0.5")
    first, second = model.calls[: model.ends[0]], model.calls[model.ends[0] : model.ends[1]]
    measured = [torch.cat([x for gradients, _, x in calls if not gradients]) for calls in (first, second)]
    drawn = [torch.cat([x for gradients, _, x in calls if gradients]) for calls in (first, second)]
    held = len(Learner(dw.arrays(*small)).prepared().split.validation)
    assert torch.equal(measured[0][-held:], measured[1][-held:])
    assert drawn[0].shape == drawn[1].shape
    assert sorted(drawn[0].sum((1, 2, 3)).tolist()) != pytest.approx(sorted(drawn[1].sum((1, 2, 3)).tolist()))


def test_the_schedule_ends_with_the_training(small: Any) -> None:
    model, _ = trained(small, epochs=4, schedule="cosine", learning_rate=0.01)
    rates = np.array(model.rates)
    assert rates[0] == rates.max()
    assert rates[-1] < 0.05 * rates.max()
    assert (rates[: int(0.8 * len(rates))] > 0.01 * rates.max()).all()


def test_the_model_has_the_weights_of_its_best_epoch(small: Any) -> None:
    model, history = trained(small, epochs=5, optimizer="sgd", learning_rate=0.3, monitor="val_loss")
    assert history.best_epoch == 1 + int(np.argmin(history["val_loss"]))
    assert torch.equal(model.body[2].weight, model.weights[history.best_epoch - 1])
    assert not all(torch.equal(model.weights[0], later) for later in model.weights[1:])


def test_two_trainings_of_one_seed_are_one(small: Any) -> None:
    runs = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        np.random.seed(noise)
        learner = Learner(dw.arrays(*small), "cnn", dropout=0.3, seed=5)
        learner.fit(epochs=2, augment="flip,crop=1", exact=True, check=False, progress=False)
        runs.append(learner.build().state_dict())
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())


def test_a_step_knows_nothing_of_the_gradients_before_it() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(ours.state_dict())
    named = list(ours.named_parameters())
    step = Step(ours, [p for _, p in named], cross_entropy, build("sgd", named))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5)
    for number in range(1, 6):
        x, y = torch.randn(6, 4), torch.arange(6) % 3
        step(number, [(x, y)], 0.5)
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(x), y).backward()
        optimizer.step()
        assert all(p.grad is None for p in ours.parameters())
    torch.testing.assert_close(ours.weight, theirs.weight)


@pytest.mark.parametrize(("count", "size"), [(1, 4), (8, 4), (9, 4), (3, 100)])
def test_every_sample_is_measured_once(count: int, size: int) -> None:
    for lengths in (None, torch.arange(count) % 3):
        places = torch.cat(by_length(torch.arange(count), size, lengths))
        assert sorted(places.tolist()) == list(range(count))
