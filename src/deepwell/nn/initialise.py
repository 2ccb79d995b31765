"""Initial weights by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import init

from deepwell.core.errors import unknown_name

INITIALISATIONS: dict[str, Callable[[Tensor], object]] = {
    "default": lambda w: w,
    "glorot-normal": init.xavier_normal_,
    "glorot-uniform": init.xavier_uniform_,
    "he-normal": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
    "he-uniform": lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
    "lecun-normal": lambda w: init.kaiming_normal_(w, nonlinearity="linear"),
    "normal": lambda w: init.normal_(w, std=0.01),
    "orthogonal": init.orthogonal_,
    "uniform": lambda w: init.uniform_(w, -0.05, 0.05),
    "zeros": init.zeros_,
}


def initialise(module: nn.Module, name: str) -> nn.Module:
    """Draw the weights of every linear and convolutional layer anew, in place; their biases become 0.

    Names: ``default`` (PyTorch's own, left as they are), He et al. 2015 (for relu), Glorot and Bengio 2010
    (for tanh and sigmoid), LeCun et al. 1998 (for selu), ``orthogonal`` (Saxe et al. 2014), ``normal`` with a
    standard deviation of 0.01, ``uniform`` in [-0.05, 0.05], ``zeros``. Normalisation layers are left alone.

    Args:
        module: any.
        name: one of ``INITIALISATIONS``.

    >>> layer = initialise(nn.Linear(3, 2), "zeros")
    >>> int(layer.weight.count_nonzero())
    0
    """
    if name not in INITIALISATIONS:
        raise unknown_name("initialisation", name, INITIALISATIONS)
    if name == "default":
        return module
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
                INITIALISATIONS[name](layer.weight)
                if layer.bias is not None:
                    layer.bias.zero_()
    return module
