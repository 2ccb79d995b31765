"""Weights and biases, looked at layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class WeightFacts:
    """What one parameter holds."""

    name: str
    shape: tuple[int, ...]
    mean: float
    std: float
    smallest: float
    largest: float
    zeros: float
    finite: bool


def weights(module: nn.Module) -> list[WeightFacts]:
    """Facts of every parameter, in the module's order; a shared one once, an empty one with NaN for its numbers.

    >>> [f.name for f in weights(nn.Linear(2, 1))]
    ['weight', 'bias']
    """
    found = []
    for name, parameter in module.named_parameters():
        value = parameter.detach().float()
        empty = value.numel() == 0
        smallest, largest = (math.nan, math.nan) if empty else (float(value.min()), float(value.max()))
        found.append(
            WeightFacts(
                name,
                tuple(parameter.shape),
                float(value.mean()),
                float(value.std(correction=0)) if not empty else math.nan,
                smallest,
                largest,
                float((value == 0).float().mean()),
                bool(torch.isfinite(value).all()),
            )
        )
    return found
