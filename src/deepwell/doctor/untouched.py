"""What a check looks at is, afterwards, bit for bit as it was."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


@contextlib.contextmanager
def untouched(*modules: nn.Module) -> Iterator[None]:
    """Put everything back at the end, also after an error: weights, buffers, gradients, ``requires_grad``, modes, hooks
    and plain attributes of the modules, and the random state of torch, NumPy and Python.

    An optimiser is never handed to a check: those that make steps make them on copies.

    >>> layer = nn.BatchNorm1d(2)
    >>> with untouched(layer):
    ...     _ = layer(torch.randn(8, 2) + 5)
    >>> layer.running_mean.tolist()
    [0.0, 0.0]
    """
    kept = [_keep(module) for root in modules for module in root.modules()]
    values = [(t, t.detach().clone()) for root in modules for t in _tensors(root)]
    flags = [(p, p.requires_grad, p.grad, _copied(p.grad)) for root in modules for p in root.parameters()]
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    devices = {t.device for t, _ in values if t.is_cuda}
    cuda = {device: torch.cuda.get_rng_state(device) for device in devices}
    grad = torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_grad_enabled(grad)
        for module, attributes in kept:
            _put_back(module, attributes)
        with torch.no_grad():
            for tensor, value in values:
                # an equal tensor is left alone: writing would raise the version that a graph in flight compares
                if not _same(tensor, value):
                    tensor.copy_(value)
        for parameter, needs, gradient, number in flags:
            parameter.requires_grad_(needs)
            parameter.grad = gradient
            if gradient is not None and number is not None and not _same(gradient, number):
                gradient.copy_(number)
        random.setstate(python)
        np.random.set_state(numpy)
        torch.random.set_rng_state(cpu)
        for device, state in cuda.items():
            torch.cuda.set_rng_state(state, device)


def _tensors(root: nn.Module) -> Iterator[Tensor]:
    yield from (p for p in root.parameters() if not is_lazy(p))
    yield from root.buffers()


def _copied(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.detach().clone()


def _same(a: Tensor, b: Tensor) -> bool:
    # bytes, not numbers: NaN equals itself and -0.0 is not 0.0
    if not a.is_contiguous() or not b.is_contiguous() or a.is_sparse:
        return bool(torch.equal(a.detach(), b))
    return bool(torch.equal(a.detach().reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8)))


def _keep(module: nn.Module) -> tuple[nn.Module, dict[str, Any]]:
    """A module's attributes: tables of parameters, children and hooks as copies of the tables, the rest as it is."""
    return module, {k: v.copy() if hasattr(v, "copy") and isinstance(v, dict) else v for k, v in vars(module).items()}


def _put_back(module: nn.Module, attributes: dict[str, Any]) -> None:
    here = vars(module)
    for name in [name for name in here if name not in attributes]:
        del here[name]
    for name, value in attributes.items():
        if isinstance(value, dict) and isinstance(here.get(name), dict):
            # the same table object stays: others hold it
            if _differs(here[name], value):
                here[name].clear()
                here[name].update(value)
        else:
            here[name] = value


def _differs(now: dict[str, Any], then: dict[str, Any]) -> bool:
    return list(now) != list(then) or any(now[key] is not then[key] for key in then)
