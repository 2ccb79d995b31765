"""What a training does where the user has not said: chosen from the data, with the reason in words."""

from __future__ import annotations

from typing import Any

from deepwell.models import default
from deepwell.optim import OPTIMIZERS

# The plain recipe is what a tutorial would write: it adds nothing that was not asked for.
_PLAIN: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 32,
    "optimizer": "adam",
    "schedule": "constant",
    "warmup": 0.0,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "augment": "none",
    "patience": 5,
}


def plain(optimizer: str | None = None) -> dict[str, Any]:
    """For a model that the user named or wrote.

    >>> plain()["learning_rate"]
    0.001
    """
    name = optimizer or _PLAIN["optimizer"]
    rate = OPTIMIZERS[name].learning_rate if name in OPTIMIZERS else 1e-3
    return {**_PLAIN, "optimizer": name, "learning_rate": rate}


def tuned(input_shape: tuple[int, int, int], samples: int) -> tuple[dict[str, Any], str]:
    """Model and training for a data set of which nothing was said.

    Args:
        input_shape: (channels, height, width) of the pictures.
        samples: training samples.

    Returns:
        settings, and one sentence that says why.
    """
    name, why = default(input_shape, samples)
    # About 600,000 samples are seen however small the set is, within reason; a small set needs many passes
    epochs = max(8, min(40, round(600_000 / max(samples, 1))))
    shift = max(1, round(min(input_shape[1:]) / 14))
    settings = {
        "model": name,
        "epochs": epochs,
        "batch_size": 128 if samples >= 10_000 else 64 if samples >= 1_000 else 16,
        "optimizer": "nesterov",
        "learning_rate": 0.1,
        "schedule": "one-cycle",
        "warmup": 0.0,
        "weight_decay": 5e-4,
        "label_smoothing": 0.1,
        "augment": f"crop={shift}",
        "patience": 0,
    }
    return settings, f"{why}; {epochs} epochs for {samples:,} training samples"
