"""A body that knows no task and a head that knows only the task."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn


def device_of(module: nn.Module) -> torch.device:
    """Where a module's numbers are; the processor where it has none.

    >>> device_of(nn.ReLU())
    device(type='cpu')
    """
    held = chain(module.parameters(), module.buffers())
    return next(held, torch.empty(0)).device


class Network(nn.Module):
    """``head(body(x))``.

    Args:
        body: maps prepared inputs to a representation [batch, features].
        head: maps the representation to scores.
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Prepared inputs to scores."""
        return self.head(self.body(x))
