"""What a training does where the user has not said: chosen from the data, with the reason in words."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deepwell.core.errors import UserError
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


def tuned(
    input_shape: tuple[int, int, int],
    samples: int,
    *,
    mirrored: bool,
    epochs: int | None = None,
    batch_size: int | None = None,
) -> tuple[dict[str, Any], str]:
    """Model and training for a data set of which nothing was said.

    Muon with a learning rate that falls to zero ends after eight passes where one cycle of Nesterov's momentum (Smith
    2018) ends after fourteen; ``benchmarks/README.md`` holds what was tried.

    Args:
        input_shape: (channels, height, width) of the pictures.
        samples: training samples.
        mirrored: whether a mirrored picture still shows its class; see ``survives_mirroring``.
        epochs, batch_size: where the user chose them.

    Returns:
        settings, and one sentence that says why.
    """
    name, why = default(input_shape, samples)
    # A small set needs more passes: 8 for 54,000 samples and 24 for 1,260 were measured, a power law joins them
    epochs = epochs or round(min(40, max(8, 8 * (54_000 / max(samples, 1)) ** 0.292)))
    batch_size = batch_size or (128 if samples >= 1_000 else 32 if samples >= 200 else 8)
    # of 28x28 one place was better than two: validation 0.9388 against 0.9342; benchmarks/README.md
    shift = max(1, round(min(input_shape[1:]) / 20))
    settings = {
        "model": name,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": "muon",
        "learning_rate": 5e-3,
        "schedule": "linear",
        "warmup": 0.05,
        "weight_decay": 0.05,
        "label_smoothing": 0.1,
        "augment": ("flip," if mirrored else "") + f"crop={shift}",
        "patience": 0,
    }
    flips = "mirrored pictures still show their class" if mirrored else "mirrored pictures may show another class"
    return settings, f"{why}; {epochs} epochs of {samples:,} training samples; {flips}"


_IN_SHORT = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "adam": 3e-3, "adamw": 3e-3}
"""Learning rates that fall to zero in a few passes: higher than those that stay; tried on digits
(``benchmarks/records/digits_optimizers.log``)."""


def with_optimizer(found: dict[str, Any], optimizer: str | None) -> dict[str, Any]:
    """A recipe with the user's optimiser in place of its own, whose numbers are not for another.

    >>> with_optimizer({"optimizer": "muon", "learning_rate": 0.005, "weight_decay": 0.05}, "adam")["learning_rate"]
    0.003
    >>> with_optimizer({"optimizer": "adam", "learning_rate": 0.01}, "adamw")["learning_rate"]
    0.01
    """
    adams = ("adam", "adamw")  # the two differ in their decay alone
    if optimizer in (None, found["optimizer"]) or (optimizer in adams and found["optimizer"] in adams):
        return found
    rate = _IN_SHORT.get(optimizer) or plain(optimizer)["learning_rate"]
    return {**found, "learning_rate": rate, "weight_decay": 0.05 if optimizer == "adamw" else 0.0}


_KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "text": (
        {
            "model": "ngrams",
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "schedule": "linear",
            "label_smoothing": 0.1,
            "patience": 4,
            # accuracy goes on rising for a while after the answers have become too sure
            "monitor": "val_loss",
        },
        "on most texts words, their neighbours and pieces tell the class, and a wide network over them learns fast",
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


_FEW = 1_000
"""Samples below which what is learnt of them must be kept simple."""


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
    size = 64 if samples >= 20_000 else 32 if samples >= 1_000 or kind != "text" else 16
    settings = {**_PLAIN, "patience": 0, **found, "batch_size": size}
    if kind == "text":
        # few texts make few steps a pass: 10 passes over 11,000 and 40 over 400 were measured
        settings["epochs"] = round(min(40, max(10, 10 * (11_000 / max(samples, 1)) ** 0.42)))
    if kind == "tokens":
        # 4 passes over 40,000 sentences and 12 over 4,000 were enough; a power law joins them
        settings["epochs"] = round(min(20, max(4, 4 * (40_000 / max(samples, 1)) ** 0.477)))
    return settings, options, f"{why}; at most {settings['epochs']} epochs of {samples:,} training samples"


_LAYER_DECAY = 0.9
"""Better with six layers than ULMFiT's 1 / 2.6: ``benchmarks/records/pretrained_accuracy.log``."""

_SLOW = 30 * 60
"""Seconds of fine-tuning after which a pretrained encoder is left as it is, unless the user asks for more."""


def pretrained(samples: int, seconds: float, *, freeze: bool | None, layer_decay: float | None) -> tuple[Any, str]:
    """Training of a pretrained encoder: frozen where texts are few or steps slow, else fine-tuned layer by layer.

    Fine-tuned, each layer learns slower than the one above it (discriminative fine-tuning, Howard and Ruder 2018,
    arXiv:1801.06146): the lower a layer, the more general is what it knows. ``benchmarks/pretrained_accuracy.py``
    measures both.

    Args:
        samples: training texts.
        seconds: that an epoch of fine-tuning is expected to take.
        freeze, layer_decay: as the user said; None chooses.

    Returns:
        settings, and one sentence that says why.

    Raises:
        UserError: a learning rate by layer for layers that do not learn.

    >>> found, why = pretrained(200, 5.0, freeze=None, layer_decay=None)
    >>> found["freeze"], why
    (True, 'its encoder stays as it is: 200 texts are few to change it by')
    """
    if freeze and layer_decay is not None:
        raise UserError(
            "layer_decay is given, and the encoder is frozen",
            expected="one of both",
            fix="leave out --layer-decay, or --freeze",
        )
    epochs = 3
    if freeze is None and layer_decay is None:
        if samples < _FEW:
            freeze, why = True, f"its encoder stays as it is: {samples:,} texts are few to change it by"
        elif seconds * epochs > _SLOW:
            minutes = seconds * epochs / 60
            freeze, why = True, f"its encoder stays as it is: to change it would take about {minutes:,.0f} minutes here"
        else:
            freeze, why = False, f"{samples:,} texts are enough to change its encoder by, the lower layers more slowly"
    else:
        why = "its encoder stays as it is, as is set" if freeze else "its encoder is changed too, as is set"
    if freeze:
        # with the features known an epoch costs next to nothing, and few texts make few steps of one
        found = {
            "freeze": True,
            "epochs": round(min(200, max(20, 20_000 / max(samples, 1)))),
            "batch_size": 32 if samples >= _FEW else 16,
            "optimizer": "adam",
            "learning_rate": 3e-3,
            "schedule": "linear",
            "patience": 0,
            # of a few texts the accuracy is soon as high as it gets, long before the answers are sure
            "monitor": "val_loss",
        }
        return {**_PLAIN, **found}, why
    decay = _LAYER_DECAY if layer_decay is None else layer_decay
    tuned = {
        "freeze": False,
        "layer_decay": decay,
        "epochs": epochs,
        "batch_size": 32 if samples >= _FEW else 16,
        "optimizer": "adamw",
        # a steep decay leaves the lower layers almost as they are: the upper ones can then go faster
        "learning_rate": 5e-4 if decay < 0.6 else 1e-4,
        "schedule": "linear",
        "warmup": 0.1,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        "patience": 0,
    }
    return {**_PLAIN, **tuned}, why


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
