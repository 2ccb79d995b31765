"""Small trained models, shared by the tests of exports."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import deepwell as dw
from deepwell.saved.model import SavedModel


def colours(count: int = 150, size: int = 12) -> tuple[np.ndarray, list[str]]:
    """Noise whose strongest channel is its class."""
    rng = np.random.default_rng(1)
    y = np.arange(count) % 3
    x = rng.integers(0, 90, (count, size, size, 3))
    for row, label in enumerate(y):
        x[row, :, :, label] += 120
    return x.astype(np.uint8), [("red", "green", "blue")[label] for label in y]


def learnt(model: Any, **options: Any) -> dw.Learner:
    """A learner that has trained for a moment."""
    x, y = colours()
    torch.manual_seed(0)
    learner = dw.Learner(dw.arrays(x, y), model=model, **options)
    learner.fit(epochs=1, batch_size=16, learning_rate=0.01, progress=False, check=False)
    return learner


@pytest.fixture(scope="session", autouse=True)
def one_registry() -> Iterator[None]:
    """PyTorch's table of operators for ONNX, read once: it takes half of a small export's time."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(functools.cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture(scope="session")
def network() -> dw.Learner:
    """Convolutions, normalisation by the batch, dropout."""
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(6, 3),
    )  # fmt: skip
    return learnt(net)


@pytest.fixture(scope="session")
def layers() -> dw.Learner:
    """A model of the table of models."""
    return learnt("mlp", dropout=0.2)


@pytest.fixture(scope="session")
def model(network: dw.Learner) -> SavedModel:
    return network.saved()


@pytest.fixture(scope="session")
def samples(network: dw.Learner) -> list[Any]:
    return network.raw("train")[:64]
