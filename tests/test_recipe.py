"""What the recipe chooses must also train where the user shortens it."""

from __future__ import annotations

import pytest

import deepwell as dw
from deepwell import recipe
from deepwell.optim import OPTIMIZERS
from tests.conftest import blobs


@pytest.mark.parametrize(("epochs", "least"), [(2, 0.6), (4, 0.9)])
def test_a_short_training_learns(epochs: int, least: float) -> None:
    learner = dw.Learner("digits", threads=1)
    history = learner.fit(epochs=epochs, progress=False, check=False)
    assert history["val_accuracy"][-1] > least


@pytest.mark.parametrize("batch_size", [1, 8, 512])
def test_any_size_of_batch_learns(batch_size: int) -> None:
    x, y = blobs(600)
    learner = dw.Learner(dw.arrays(x, y), threads=1)
    history = learner.fit(epochs=2 if batch_size < 100 else 8, batch_size=batch_size, progress=False, check=False)
    assert max(history["val_accuracy"]) > 0.9


@pytest.mark.parametrize("optimizer", sorted(set(OPTIMIZERS) - {"muon"}))
def test_another_optimizer_gets_its_own_numbers(optimizer: str) -> None:
    """Muon's learning rate and its weight decay would let others diverge, or stand still."""
    learner = dw.Learner("digits", threads=1, optimizer=optimizer)
    history = learner.fit(epochs=3, progress=False, check=False)
    assert learner.settings.learning_rate != 0.005
    assert learner.settings.weight_decay == (0.05 if optimizer == "adamw" else 0.0)
    assert max(history["val_accuracy"]) > 0.75


def test_a_small_set_gets_more_passes() -> None:
    epochs = [recipe.tuned((1, 28, 28), n, mirrored=False)[0]["epochs"] for n in (50, 1_259, 54_000, 5_000_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[1:3] == [24, 8]


def test_the_two_adams_have_one_rate_for_tags() -> None:
    found, _options, _why = recipe.of_kind("tokens", 5_000)
    assert recipe.with_optimizer(found, "adamw") == found
    assert recipe.with_optimizer(found, "sgd")["learning_rate"] != found["learning_rate"]


def test_what_was_asked_for_late_is_filled_anew() -> None:
    """A look at the network before the training does not tie it to the numbers of the default's own optimiser."""
    told, untold = (dw.Learner("digits", threads=1) for _ in range(2))
    told.summary()
    told.check()
    for learner in (told, untold):
        learner.fit(epochs=2, optimizer="adam", progress=False, check=False)
    assert told.settings == untold.settings
    assert told.settings.weight_decay == 0.0
    assert told.history is not None and told.history["val_accuracy"] == untold.history["val_accuracy"]  # type: ignore[union-attr]


@pytest.mark.parametrize(("options", "code"), [({"l1": 1.0}, "O13"), ({"weight_decay": 100.0}, "O13"), ({}, None)])
def test_a_penalty_that_kills_the_default_is_said(options: dict[str, float], code: str | None) -> None:
    found = {
        finding.code
        for finding in dw.Learner("digits", threads=1, **options).check(seconds=120)
        if finding.level == "warn"
    }
    assert (code in found) if code else not found


def test_late_options_reach_the_network_and_its_loss() -> None:
    x, y = blobs(60)
    learner = dw.Learner(dw.arrays(x, y), "mlp", threads=1)
    learner.summary()
    learner.fit(epochs=1, dropout=0.5, label_smoothing=0.2, progress=False, check=False)
    assert any(type(module).__name__ == "Dropout" for module in learner.build().modules())
    assert learner.prepared().output.label_smoothing == 0.2  # type: ignore[attr-defined]
