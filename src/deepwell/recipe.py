"""What a training does where the user has not said: chosen from the data, with the reason in words."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

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


def tuned(input_shape: tuple[int, int, int], samples: int, *, mirrored: bool) -> tuple[dict[str, Any], str]:
    """Model and training for a data set of which nothing was said.

    Nesterov's momentum with one cycle of the learning rate (Smith 2018) reaches in ten epochs what a constant rate
    reaches in fifty; ``benchmarks/recipe.md`` holds what was tried.

    Args:
        input_shape: (channels, height, width) of the pictures.
        samples: training samples.
        mirrored: whether a mirrored picture still shows its class; see ``survives_mirroring``.

    Returns:
        settings, and one sentence that says why.
    """
    name, why = default(input_shape, samples)
    # A small set needs more passes: 14 for 54,000 samples and 30 for 1,400 were measured, a power law joins them
    epochs = round(min(40, max(10, 14 * (54_000 / max(samples, 1)) ** 0.208)))
    shift = max(1, round(min(input_shape[1:]) / 14))
    settings = {
        "model": name,
        "epochs": epochs,
        "batch_size": 128 if samples >= 1_000 else 32 if samples >= 200 else 8,
        "optimizer": "nesterov",
        "learning_rate": 0.2 if samples >= 1_000 else 0.1,
        "schedule": "one-cycle",
        "warmup": 0.0,
        "weight_decay": 5e-4,
        "label_smoothing": 0.1,
        "augment": ("flip," if mirrored else "") + f"crop={shift}",
        "patience": 0,
    }
    flips = "mirrored pictures still show their class" if mirrored else "mirrored pictures may show another class"
    return settings, f"{why}; {epochs} epochs of {samples:,} training samples; {flips}"


_KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "text": (
        {
            "model": "ngrams",
            "epochs": 16,
            "optimizer": "adam",
            "learning_rate": 2e-3,
            "schedule": "linear",
            "patience": 4,
            # accuracy goes on rising for a while after the answers have become too sure
            "monitor": "val_loss",
        },
        "on most texts the words and their neighbours tell the class, and a wide network over them learns in seconds",
    ),
    "tokens": (
        {
            "model": "bilstm-crf",
            "optimizer": "adam",
            "learning_rate": 3e-3,
            "schedule": "linear",
            "clip_norm": 5.0,
        },
        "a tag depends on the words on both sides and on the tags beside it",
    ),
    "tree": (
        {
            "model": "recursive",
            "epochs": 20,
            "optimizer": "adam",
            "learning_rate": 2e-3,
            "schedule": "linear",
            "clip_norm": 5.0,
        },
        "what a tree means is composed of what its parts mean",
    ),
}


def model_for(kind: str) -> str | None:
    """The architecture that ``of_kind`` chooses; None where it depends on more.

    >>> model_for("text"), model_for("image")
    ('ngrams', None)
    """
    return _KINDS[kind][0]["model"] if kind in _KINDS else None


def of_kind(kind: str, samples: int) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Model and training for texts, sentences and trees of which nothing was said.

    Args:
        kind: of the input.
        samples: training samples.

    Returns:
        settings, options of the model, and one sentence that says why.
    """
    found, why = _KINDS[kind]
    options: dict[str, Any] = {}
    size = 64 if samples >= 20_000 else 32
    if kind == "text" and samples < 1_000:
        # pairs of words are too rare in a few hundred texts to learn anything from
        options, size = {"order": 1}, 16
    settings = {**_PLAIN, "patience": 0, **found, "batch_size": size}
    if kind == "tokens":
        # 4 passes over 40,000 sentences and 12 over 4,000 were enough; a power law joins them
        settings["epochs"] = round(min(20, max(4, 4 * (40_000 / max(samples, 1)) ** 0.477)))
    return settings, options, f"{why}; at most {settings['epochs']} epochs of {samples:,} training samples"


def survives_mirroring(pictures: Tensor, targets: Tensor, classes: int) -> bool:
    """Whether mirrored pictures are as good as told apart by the mean of each class as upright ones.

    A mirrored cat is a cat, a mirrored 3 is no digit. Half of the pictures give the means; of the other half at
    least three quarters as many must be recognised mirrored as upright. A heuristic: it can be wrong where only
    fine detail has a direction, so the choice is said, and ``augment`` overrides it.

    Args:
        pictures: [n, height, width, channels].
        targets: class numbers [n].
        classes: their number.

    >>> import torch
    >>> left = torch.zeros(8, 2, 2, 1); left[::2, :, 0] = 1; left[1::2, :, 1] = 1
    >>> survives_mirroring(left, torch.arange(8) % 2, 2)
    False
    """
    half = len(pictures) // 2
    x = pictures.float()
    seen = [c for c in range(classes) if bool((targets[:half] == c).any())]
    means = torch.stack([x[:half][targets[:half] == c].mean(0).flatten() for c in seen])
    names = torch.tensor(seen)

    def right(other: Tensor) -> int:
        nearest = torch.cdist(other.flatten(1), means).argmin(1)
        return int((names[nearest] == targets[half:]).sum())

    return right(x[half:].flip(2)) >= 0.75 * right(x[half:])
