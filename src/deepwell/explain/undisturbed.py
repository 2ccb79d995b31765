"""A network is looked at and left, bit for bit, as it was."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn


@contextlib.contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Evaluation mode with gradients, whatever the caller's; at the end modes, buffers, plain attributes, and the
    random state of torch, NumPy and Python are put back, also after an error.

    Weights and their gradients need no putting back: nothing here calls ``backward``.

    >>> layer = nn.Sequential(nn.BatchNorm1d(2)).train()
    >>> with undisturbed(layer):
    ...     layer[0].training, torch.rand(1).shape
    (False, torch.Size([1]))
    >>> layer[0].training
    True
    """
    modules = list(network.modules())
    kept = [(module, dict(vars(module))) for module in modules]
    buffers = [(buffer, buffer.detach().clone()) for buffer in network.buffers()]
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    try:
        if any(module.training for module in modules):
            network.eval()
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for module, attributes in kept:
            _put_back(module, attributes)
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):
                    buffer.copy_(value)
        random.setstate(python)
        np.random.set_state(numpy)
        torch.random.set_rng_state(cpu)


def _put_back(module: nn.Module, attributes: dict[str, Any]) -> None:
    here = vars(module)
    for name in [name for name in here if name not in attributes]:
        del here[name]
    for name, value in attributes.items():
        if here.get(name) is not value:
            here[name] = value


def of_this_thread(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that does nothing in other threads: a server may answer with the same network meanwhile."""
    owner = threading.get_ident()

    def guarded(*given: Any) -> Any:
        return hook(*given) if threading.get_ident() == owner else None

    return guarded
