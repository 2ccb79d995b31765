"""Programs that train by deepwell's Learner: the same parts, given as its settings."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from torch import nn

import deepwell as dw
from programs import parts, world
from programs.plain import transfer_model
from programs.program import Data, Program, Run, _number

_MAKE = {"image": dw.arrays, "text": dw.texts, "tokens": dw.words}


class StopAfter:
    """Ends a training after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step(self, record: Any) -> str | None:
        return "enough was seen" if record.step >= self.steps else None

    def on_epoch(self, record: Any) -> None:
        return None


def learner(program: Program, seed: int = 0, *, say: Any = None) -> tuple[Any, Data]:
    """A Learner about to be asked something, and its data."""
    torch.manual_seed(seed)
    data = program.prepare(program.data(seed))
    kind = "image" if hasattr(data.x, "shape") else ("text" if isinstance(data.x[0], str) else "tokens")
    validation: Any = (_plain(data.x_val), _plain(data.y_val)) if program.validate else 0.0
    source = _MAKE[kind](_plain(data.x), _plain(data.y), validation=validation, **program.reading)
    made = program.model(data)
    settings = {
        "epochs": program.epochs,
        "batch_size": program.batch_size,
        "learning_rate": program.learning_rate,
        "optimizer": "sgd" if program.optimizer == "momentum" else program.optimizer,
        "weight_decay": program.weight_decay,
        "clip_norm": program.clip,
        "accumulate": program.accumulate,
        "patience": program.patience,
        "seed": seed,
        "threads": 1,
        "exact": True,
        "schedule": "constant",
        **program.learner,
    }
    found = dw.Learner(source, made, loss=program.loss, say=say, **settings)
    change = getattr(program.model, "change", None)
    if change is not None:  # an operator that changes the network that was built by name
        found.network = change(found.build(), data)
    return found, data


def _plain(part: Any) -> Any:
    return part.numpy().squeeze(1) if isinstance(part, torch.Tensor) and part.dim() == 4 and part.shape[1] == 1 else (
        part.permute(0, 2, 3, 1).numpy() if isinstance(part, torch.Tensor) and part.dim() == 4 else (
            part.numpy() if isinstance(part, torch.Tensor) else part))  # fmt: skip


def run(program: Program, seed: int = 0, *, watch: Any = None, built: Any = None) -> Run:
    """Train and measure on the test part. ``watch`` is a number of steps to stop after."""
    found, data = built or learner(program, seed)
    callbacks = [StopAfter(watch)] if watch else []
    losses: list[float] = []
    history = found.fit(progress=False, callbacks=callbacks)
    losses = [row["loss"] for row in history.epochs]
    if watch:
        return Run(math.nan, math.nan, losses)
    return Run(
        _score(program, found, data.x_test, data.y_test),
        _score(program, found, data.x_val, data.y_val) if program.validate else math.nan,
        losses,
        found.network,
    )


def _score(program: Program, found: Any, x: Any, y: Any) -> float:
    value: Any = found.evaluate(_plain(x), _plain(y))
    for name in program.score.split("."):
        value = getattr(value, name)
    with contextlib.suppress(AttributeError):
        value = value.value
    return _number(value)


def _cnn_of_mine(data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(216, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 4),
    )  # fmt: skip


def _residual_of_mine(data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), parts.Residual(12, 16, 2), parts.Residual(16, 16),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


def _dense_of_mine(data: Data) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10))


def _few_of_some(seed: int) -> Data:
    """Digits, of which the even ones are rare in the training part."""
    data = world.digits(seed, 1100)
    keep = (data.y % 2 == 1) | (torch.arange(len(data.y)) % 13 == 0)
    return Data(data.x[keep], data.y[keep], data.x_val, data.y_val, data.x_test, data.y_test, data.facts)


class Named:
    """The name of one of deepwell's architectures, as a model factory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, data: Data) -> str:
        return self.name


def _program(name: str, kind: str, task: str, data: Any, model: Any, score: str, **rest: Any) -> Program:
    return Program(name, kind, task, data, model, score, loop="learner", run=run, **rest)


LEARNERS = [
    _program("learner-mlp", "dense", "category", world.digits, Named("mlp"), "accuracy", epochs=10),
    _program("learner-tanh", "dense", "category", world.digits, _dense_of_mine, "accuracy", epochs=10,
             learning_rate=2e-3),
    _program("learner-cnn", "cnn", "category", world.signs, _cnn_of_mine, "accuracy", epochs=10, learning_rate=2e-3),
    _program("learner-cnn-norm", "cnn with normalisation", "category", world.digits, Named("cnn-bn"), "accuracy",
             epochs=8),
    _program("learner-residual", "residual", "category", world.digits, _residual_of_mine, "accuracy", epochs=10,
             learning_rate=5e-3, learner={"schedule": "cosine"}),
    _program("learner-lstm", "recurrent", "category", world.sentences, Named("lstm"), "accuracy", epochs=6,
             learning_rate=5e-3, clip=1.0),
    _program("learner-transformer", "attention", "category", world.sentences, Named("transformer"), "accuracy",
             epochs=4, learning_rate=1e-3),
    _program("learner-bag", "embedding bag", "category", world.sentences, Named("embedding-bag"), "accuracy",
             epochs=7, learning_rate=1e-2),
    _program("learner-sets", "multi-label", "label-sets", world.sets_of_topics, Named("textcnn"), "f1",
             epochs=7, learning_rate=2e-3),
    _program("learner-tags", "tagging", "tags", world.tagged, Named("bilstm-crf"), "accuracy", epochs=6,
             learning_rate=5e-3),
    _program("learner-transfer", "transfer", "category", lambda seed: _new(seed), transfer_model, "accuracy",
             epochs=10, learning_rate=5e-3),
    _program("learner-imbalanced", "imbalanced", "category", _few_of_some, Named("mlp"), "macro_f1.value",
             epochs=12, learning_rate=2e-3, learner={"class_weights": "balanced"}),
]  # fmt: skip


def _new(seed: int) -> Data:
    from programs.plain import _new_digits

    return _new_digits(seed)
