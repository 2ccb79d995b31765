"""A network in a form for answering alone: the same answers, fewer and larger operations."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from itertools import chain

import torch
from torch import Tensor, nn

from deepwell.nn.lean_convolution import LeanConvolution, factor_and_offset
from deepwell.nn.separable import SeparableConv2d


def lean(network: nn.Module) -> nn.Module | None:
    """A copy for inference on a CPU; None where there is nothing to gain, or the network can't be copied.

    In sequences of layers, batch normalisations and ReLUs go into the convolutions before them; past a max-pooling too,
    where no factor is negative, as both rise with their input. The weights of everything else are shared with the
    network, not copied. A module of the user's own that looks into its layers may fail in this form: what it gives
    must be compared with the network before it is believed (``saved.lean`` does).

    >>> layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()).eval()
    >>> [type(layer).__name__ for layer in lean(layers)]
    ['LeanConvolution', 'MaxPool2d', 'Flatten']
    >>> lean(nn.Linear(3, 3)) is None
    True
    """
    tensors = list(chain(network.parameters(), network.buffers()))
    if not any(type(module) in _CONVOLUTIONS for module in network.modules()):
        return None
    if any(tensor.device.type != "cpu" or tensor.dtype not in _KEPT for tensor in tensors):
        return None
    try:
        copied = deepcopy(network, {id(tensor): tensor for tensor in tensors}).eval()
        return _swapped(copied)
    except (RuntimeError, TypeError, ValueError, AttributeError):
        return None


_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_KEPT = (torch.float32, torch.int64, torch.bool)


def _swapped(module: nn.Module) -> nn.Module:
    """The module, with lean layers within it; a module that is used in two places is swapped in both."""
    if type(module) in _CONVOLUTIONS:
        return _convolution(module)
    if _is_sequence(module):
        return nn.Sequential(*_fused(list(_flat(module))))
    for name, child in module.named_children():
        setattr(module, name, _swapped(child))
    return module


def _is_sequence(module: nn.Module) -> bool:
    return type(module) in (nn.Sequential, SeparableConv2d) and not _hooked(module)


def _hooked(module: nn.Module) -> bool:
    """Whether something is done beside a module's own work, such as normalising its weights."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _flat(module: nn.Module) -> Iterable[nn.Module]:
    """The layers of a sequence one after another, those of sequences within it too."""
    if type(module) is SeparableConv2d:
        first, last = (module.depthwise, module.depthwise_norm), (module.pointwise, module.pointwise_norm)
        yield from (*first, module.activation, *last, module.activation)
        return
    for layer in module.children():
        if _is_sequence(layer):
            yield from _flat(layer)
        elif type(layer) is not nn.Identity:
            yield layer


def _fused(layers: list[nn.Module]) -> list[nn.Module]:
    """A sequence with each convolution and what can go into it as one."""
    found: list[nn.Module] = []
    while layers:
        layer = layers.pop(0)
        if type(layer) is not nn.Conv2d or not _can_be_lean(layer):
            found.append(_swapped(layer))
            continue
        pool = _taken(layers, nn.MaxPool2d)
        norm = _taken(layers, nn.BatchNorm2d)
        if isinstance(norm, nn.BatchNorm2d) and pool and not _rises(norm):
            found += [_convolution(layer), pool, norm]  # the largest would become the smallest
            continue
        found.append(_convolution(layer, norm, relu=_taken(layers, nn.ReLU) is not None))
        found += [pool] if pool else []
    return found


def _taken(layers: list[nn.Module], kind: type[nn.Module]) -> nn.Module | None:
    """The next layer, if it is of a kind and does nothing else; it is taken from the list."""
    if layers and type(layers[0]) is kind and not _hooked(layers[0]):
        if isinstance(layers[0], nn.BatchNorm2d) and layers[0].running_mean is None:
            return None
        return layers.pop(0)
    return None


def _rises(norm: nn.BatchNorm2d) -> bool:
    factor: Tensor = factor_and_offset(norm)[0]
    return bool((factor >= 0).all())


def _can_be_lean(layer: nn.Module) -> bool:
    if not isinstance(layer, _CONVOLUTIONS):
        return False
    return layer.padding_mode == "zeros" and not isinstance(layer.padding, str) and not _hooked(layer)


def _convolution(layer: nn.Module, norm: nn.Module | None = None, *, relu: bool = False) -> nn.Module:
    if not isinstance(layer, _CONVOLUTIONS) or not _can_be_lean(layer):
        return layer
    return LeanConvolution(layer, norm if isinstance(norm, nn.BatchNorm2d) else None, relu=relu)
