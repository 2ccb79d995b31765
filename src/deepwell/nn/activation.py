"""Activations by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from deepwell.core.errors import unknown_name

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "celu": nn.CELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "hardswish": nn.Hardswish,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "tanh": nn.Tanh,
}

MONOTONE = frozenset(
    {"celu", "elu", "identity", "leaky_relu", "relu", "relu6", "selu", "sigmoid", "softplus", "softsign", "tanh"}
)
"""Activations that never fall: the largest of the activated values is the activated largest value."""


def activation(name: str) -> nn.Module:
    """A fresh activation layer.

    >>> activation("tanh")
    Tanh()
    """
    if name not in ACTIVATIONS:
        raise unknown_name("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()
