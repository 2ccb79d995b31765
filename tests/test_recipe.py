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
    assert learner.settings.learning_rate == OPTIMIZERS[optimizer].learning_rate
    assert max(history["val_accuracy"]) > 0.6


def test_a_small_set_gets_more_passes() -> None:
    epochs = [recipe.tuned((1, 28, 28), n, mirrored=False)[0]["epochs"] for n in (50, 1_259, 54_000, 5_000_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[1:3] == [24, 8]
