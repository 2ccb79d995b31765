"""Grad-CAM: which places of the last maps speak for a class."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.explain.trace import Call, replaced, traced

Score = Callable[[Tensor], Tensor]
"""The network's scores [n, ...] to one number a sample, [n]: what is explained."""

FINE = 6
"""Places along a side that maps must have to point at anything."""


def maps_of(calls: list[Call], size: tuple[int, int]) -> list[Call]:
    """The calls of one forward pass that gave maps: what has places along both sides, from the first convolution on.

    A convolution without a bias is left out: it is half of a layer, whose normalisation comes next, and its zero is
    not the absence of anything.

    Args:
        calls: of ``trace.traced``.
        size: (height, width) of the picture.
    """
    found, convolved = [], False
    for call in calls:
        bare = isinstance(call.module, nn.Conv2d)
        convolved |= bare
        if convolved and not (bare and call.module.bias is None) and _is_map(call.gave, size):
            found.append(call)
    return found


def fine_maps(maps: list[Call], size: tuple[int, int]) -> Call | None:
    """The last maps that are fine enough to point with: 6 places along their shorter side, or half of the picture's
    where that is less. None where there are none."""
    wanted = min(FINE, max(2, min(size) // 2))
    fine = [call for call in maps if call.gave is not None and min(call.gave.shape[2:]) >= wanted]
    return fine[-1] if fine else None


def _is_map(gave: Tensor | None, size: tuple[int, int]) -> bool:
    """Whether it is [n, channels, h, w] with about the proportions of the picture: attention weights are not."""
    if gave is None or gave.dim() != 4 or not gave.is_floating_point():
        return False
    if min(gave.shape[2:]) < 2:
        return False
    high, wide = gave.shape[2] / size[0], gave.shape[3] / size[1]
    return 0.5 <= high / wide <= 2


def gradcam(network: nn.Module, x: Tensor, score: Score, *, layer: Call | None = None) -> Tensor | None:
    """Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391).

    weight_k = mean over places of d score / d map_k; heat = relu(sum of weight_k * map_k), brought to the picture's
    size bilinearly. Where the last maps are too coarse to point with, as those of small pictures, finer ones before
    them are taken.

    Args:
        network: in evaluation mode.
        x: prepared pictures, float32 [n, channels, height, width].
        score: what is explained.
        layer: the call whose maps are taken; None: ``fine_maps``.

    Returns:
        float32 [n, height, width], 0 or more; None where the network has no maps.
    """
    size = (int(x.shape[2]), int(x.shape[3]))
    if layer is None:
        layer = fine_maps(maps_of(traced(network, x[:1]), size), size)
    if layer is None:
        return None
    held: list[Tensor] = []

    def leaf(maps: Tensor) -> Tensor:
        held.append(maps.detach().requires_grad_())
        return held[0].clone()  # a later layer may write in place

    with replaced(layer, leaf):
        total = score(network(x)).sum()
    maps = held[0]
    (slope,) = torch.autograd.grad(total, [maps])
    heat = (slope.mean((2, 3), keepdim=True) * maps.detach()).sum(1, keepdim=True).relu()
    return F.interpolate(heat.float(), size=size, mode="bilinear", align_corners=False)[:, 0]
