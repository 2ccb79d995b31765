"""What the recipe chooses must also train where the user shortens it."""

from __future__ import annotations

import pytest

import deepwell as dw
from deepwell import recipe


@pytest.mark.parametrize(("epochs", "least"), [(2, 0.5), (4, 0.85)])
def test_a_short_training_learns(epochs: int, least: float) -> None:
    """Twenty steps of one cycle at the rate of three hundred diverged."""
    learner = dw.Learner("digits", threads=1)
    history = learner.fit(epochs=epochs, progress=False, check=False)
    assert history["val_accuracy"][-1] > least


def test_a_full_training_keeps_its_rate() -> None:
    settings, _why = recipe.tuned((1, 8, 8), 1_259, mirrored=False)
    assert settings["learning_rate"] == 0.2
    short, _why = recipe.tuned((1, 8, 8), 1_259, mirrored=False, epochs=1)
    assert short["learning_rate"] < 0.02
