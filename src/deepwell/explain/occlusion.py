"""Occlusion: how much the score falls where the picture is covered."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def windows(size: tuple[int, int], side: int | None = None) -> list[tuple[int, int, int, int]]:
    """Windows (top, left, bottom, right) that cover a picture and overlap by about half.

    Args:
        size: (height, width).
        side: of a window; None: a sixth of the shorter side, 2 at least.

    >>> len(windows((28, 28))), windows((28, 28))[:2]
    (81, [(0, 0, 5, 5), (0, 3, 5, 8)])
    """
    side = min(side or max(2, -(-min(size) // 6)), *size)
    stride = max(1, -(-side // 2))
    tops, lefts = (_starts(length, side, stride) for length in size)
    return [(top, left, top + side, left + side) for top in tops for left in lefts]


def _starts(length: int, side: int, stride: int) -> list[int]:
    last = max(0, length - side)
    return sorted({*range(0, last, stride), last})


def occlude(
    function: Callable[[Tensor], Tensor], x: Tensor, fill: Tensor, *, side: int | None = None, at_once: int = 64
) -> Tensor:
    """Occlusion (Zeiler and Fergus 2014, arXiv:1311.2901): a window over the picture is filled, and the fall of the
    score is written where it was; where windows overlap, their mean.

    Args:
        function: prepared pictures [k, channels, height, width] to scores [k].
        x: one prepared picture, [channels, height, width].
        fill: what a window shows instead, of the same shape.
        side: of the windows; see ``windows``.
        at_once: pictures that are scored together.

    Returns:
        float32 [height, width]; above 0 where the picture speaks for the class.
    """
    height, width = int(x.shape[1]), int(x.shape[2])
    boxes = windows((height, width), side)
    masks = torch.zeros(len(boxes), 1, height, width, dtype=torch.bool, device=x.device)
    for mask, (top, left, bottom, right) in zip(masks, boxes, strict=True):
        mask[:, top:bottom, left:right] = True
    with torch.no_grad():
        whole = function(x[None])
        falls = torch.cat([whole - function(torch.where(some, fill, x)) for some in masks.split(at_once)]).float()
    covered = masks[:, 0].float()
    return (covered * falls[:, None, None]).sum(0) / covered.sum(0)
