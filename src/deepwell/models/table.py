"""Architectures by name. A new one is one file, one row here, and one row of the contract suite."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from deepwell.core.errors import unknown_name
from deepwell.models.alexnet import AlexNet
from deepwell.models.cnn import CNN
from deepwell.models.cnn_bn import CNNBatchNorm
from deepwell.models.compact import Compact
from deepwell.models.inception import Inception
from deepwell.models.lenet5 import LeNet5
from deepwell.models.mlp import MLP
from deepwell.models.resnet import ResNet
from deepwell.models.separable import SeparableCNN


@dataclass(frozen=True)
class Entry:
    """A named architecture."""

    make: Callable[..., nn.Module]
    description: str
    paper: str
    fixed: dict[str, Any] = field(default_factory=dict)


MODELS: dict[str, Entry] = {
    "alexnet": Entry(AlexNet, "five convolutions and two wide layers", "Krizhevsky 2012, 2014"),
    "cnn": Entry(CNN, "two convolutions, one wide layer: the tutorials' MNIST network", "LeCun 1998"),
    "cnn-bn": Entry(CNNBatchNorm, "three convolutions with batch normalisation", "Ioffe and Szegedy 2015"),
    "compact": Entry(Compact, "small residual network for small pictures on a CPU; the default", "He 2015"),
    "inception": Entry(Inception, "GoogLeNet with batch normalisation", "Szegedy 2014"),
    "lenet5": Entry(LeNet5, "LeNet-5", "LeCun 1998"),
    "mlp": Entry(MLP, "fully connected layers", "Rumelhart 1986"),
    "resnet": Entry(ResNet, "residual network, 18 layers unless depth says otherwise", "He 2015"),
    "resnet18": Entry(ResNet, "residual network, 18 layers", "He 2015", {"depth": 18}),
    "resnet34": Entry(ResNet, "residual network, 34 layers", "He 2015", {"depth": 34}),
    "resnet50": Entry(ResNet, "residual network, 50 layers with bottlenecks", "He 2015", {"depth": 50}),
    "separable": Entry(SeparableCNN, "depthwise separable convolutions (MobileNet)", "Howard 2017"),
}


def build(name: str, input_shape: tuple[int, int, int], **options: Any) -> nn.Module:
    """A fresh body of that name, with ``features`` as the width of its representation.

    Args:
        name: see ``MODELS``.
        input_shape: (channels, height, width).
        options: of its constructor, such as ``activation="tanh"``, ``dropout=0.3``.

    Raises:
        UserError: unknown name or option, pictures that are too small.

    >>> build("cnn", (1, 28, 28)).features
    128
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    entry = MODELS[name]
    allowed = [n for n in inspect.signature(entry.make).parameters if n not in ("input_shape", *entry.fixed)]
    for option in options:
        if option not in allowed:
            raise unknown_name(f"option of {name}", option, allowed)
    return entry.make(input_shape, **{**entry.fixed, **options})
