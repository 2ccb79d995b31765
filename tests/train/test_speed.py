"""The race leaves no trace and drops what does not agree; workers, batches and blends."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import deepwell as dw
from deepwell import session
from deepwell.core.errors import UserError
from deepwell.learner import Learner
from deepwell.losses import cross_entropy
from deepwell.optim import build
from deepwell.train import threads
from deepwell.train.speed import Choice, race
from deepwell.train.step import Step

QUICK = {"_FIRST_TRIAL": 0.0, "_WINDOW": 0.0, "_TRIAL": 0.0}
"""Another number of threads is tried within a dozen steps."""


def builder(model: nn.Module, autocast: torch.dtype | None) -> Step:
    named = list(model.named_parameters())
    return Step(model, [p for _, p in named], cross_entropy, build("adam", named), autocast=autocast)


def test_the_race_touches_nothing() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 3))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    parts = [(torch.randn(8, 1, 8, 8), torch.arange(8) % 3)]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    choice = race(model, builder, parts, budget=0.05)
    assert len(choice.measured) >= 2
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert Choice.from_json(choice.to_json()) == choice


def test_precision_is_pinned_by_name() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    parts = [(torch.randn(4, 1, 8, 8), torch.arange(4) % 3)]
    assert not race(model, builder, parts, precision="float32", budget=0.01).bfloat16
    assert race(model, builder, parts, precision="bfloat16", threads=1, budget=0.01).bfloat16
    with pytest.raises(UserError, match="unknown precision"):
        race(model, builder, parts, precision="float16")


def test_a_second_start_repeats_the_choice(small: Any) -> None:
    choices = []
    for _ in range(2):
        learner = Learner(dw.arrays(*small), "cnn")
        choices.append(learner.fit(epochs=1, progress=False).choice)
    assert choices[0] == choices[1], "also in what was measured: the second was read, not raced"


def test_a_race_under_load_is_not_believed_for_ever(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread was chosen while others took the processors; the training finds two faster, and the next begins so."""
    one = Choice(threads=1, measured={"channels-first, float32, 1 thread": 1.0})
    monkeypatch.setattr(session, "race", lambda *_a, **_k: one)
    monkeypatch.setattr(session, "most_threads", lambda: 2)
    for name, value in {**QUICK, "_MUCH_FASTER": 0.0, "_HOPELESS": math.inf}.items():  # whatever is tried wins
        monkeypatch.setattr(threads, name, value)
    choices = [Learner(dw.arrays(*small), "mlp").fit(epochs=3, batch_size=16, progress=False).choice for _ in range(3)]
    torch.set_num_threads(1)
    assert [choice.threads for choice in choices] == [1, 2, 2]


def test_a_module_that_keeps_what_it_computed_is_trained(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't be copied after its first step."""

    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.head = nn.Linear(144, 16), nn.Linear(16, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.features = torch.relu(self.inner(x.flatten(1)))
            return self.head(self.features)

    monkeypatch.setattr(session, "most_threads", lambda: 2)
    for name, value in QUICK.items():
        monkeypatch.setattr(threads, name, value)
    history = Learner(dw.arrays(*small), Keeps()).fit(epochs=5, batch_size=8, progress=False, check=False)
    torch.set_num_threads(1)
    assert len(history.epochs) == 5


def test_exact_measures_nothing(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a race chooses depends on the moment, and with it the last bits."""
    monkeypatch.setattr(session, "race", None)
    monkeypatch.setattr(threads.Threads, "_alternate", None)
    for model, last in (("cnn", True), ("mlp", False)):
        choice = Learner(dw.arrays(*small), model).fit(epochs=1, batch_size=16, exact=True, progress=False).choice
        assert choice == Choice(channels_last=last, threads=1)
    asked = Learner(dw.arrays(*small), "mlp").fit(epochs=1, exact=True, threads=2, progress=False).choice
    torch.set_num_threads(1)
    assert asked.threads == 2


def test_exact_is_float32(small: Any) -> None:
    with pytest.raises(UserError, match="exclude each other"):
        Learner(dw.arrays(*small), "mlp").fit(epochs=1, exact=True, precision="bfloat16", progress=False)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(small: Any, workers: int) -> None:
    weights = []
    for count in (0, workers):
        learner = Learner(dw.arrays(*small), "mlp")
        learner.fit(epochs=2, augment="flip,crop=2,rotate=10,erase=0.5", workers=count, exact=True, progress=False)
        weights.append(learner.build().state_dict())
    assert all(torch.equal(v, weights[1][k]) for k, v in weights[0].items())


def test_evaluation_does_not_depend_on_the_batch(small: Any) -> None:
    learner = Learner(dw.arrays(*small), "cnn-bn")
    learner.fit(epochs=1, progress=False)
    saved = learner.saved()
    torch.testing.assert_close(saved.scores(small[0], batch_size=7), saved.scores(small[0], batch_size=120))


def test_a_batch_larger_than_the_set_and_a_last_batch_of_one(small: Any) -> None:
    x, y = small
    learner = Learner(dw.arrays(x[:41], y[:41], validation=0.0), "cnn-bn")
    assert len(learner.fit(epochs=1, batch_size=1000, progress=False).epochs) == 1
    assert len(learner.fit(epochs=1, batch_size=40, progress=False).epochs) == 1
    history = learner.fit(epochs=1, batch_size=41, optimizer="sgd", progress=False)
    assert history["loss"][0] > 0


def test_mixup_trains_on_blends(small: Any) -> None:
    weights = []
    for augment in ("none", "mixup=0.4", "mixup=0.4"):
        learner = Learner(dw.arrays(*small), "mlp")
        history = learner.fit(epochs=2, augment=augment, exact=True, progress=False)
        assert 0 <= history["accuracy"][-1] <= 1
        weights.append(learner.build().state_dict()["head.weight"])
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights[1], weights[2])
