"""Mean and deviation of each channel, over rows that are read in pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from deepwell.core.protocols import Rows

_PIECE = 1024
_LEAST = 1e-3


def of_bytes(rows: Rows, chosen: Tensor, channels: int) -> tuple[list[float], list[float]]:
    """Of bytes, as shares of 255. Exact, whatever the pieces: each shade is counted.

    Args:
        rows: uint8 [n, height, width, channels].
        chosen: rows to look at, int64 [k].
        channels: how many.

    Returns:
        means and standard deviations, one a channel; no deviation is below 0.001, so that a channel of one
        shade stays finite.
    """
    counts = torch.zeros(channels, 256, dtype=torch.int64)
    for start in range(0, len(chosen), _PIECE):
        x = rows.gather(chosen[start : start + _PIECE]).reshape(-1, channels)
        for channel in range(channels):
            counts[channel] += torch.bincount(x[:, channel].cpu(), minlength=256)
    shades = torch.arange(256, dtype=torch.float64) / 255
    share = counts.double() / counts.sum(1, keepdim=True)
    mean = share @ shades
    std = (share * (shades - mean[:, None]).square()).sum(1).sqrt().clamp(min=_LEAST)
    return mean.tolist(), std.tolist()


def of_floats(rows: Rows, chosen: Tensor, channels: int) -> tuple[list[float], list[float]]:
    """Of floats, in their own unit; pieces are pooled by Chan's formula, which cancels nothing.

    Chan, Golub, LeVeque 1983, doi:10.1080/00031305.1983.10483115.

    Args:
        rows: floats [n, height, width, channels].
        chosen: rows to look at, int64 [k].
        channels: how many.

    Returns:
        means and standard deviations, one a channel; no deviation is below a millionth of the mean.
    """
    count, mean, squares = 0, torch.zeros(channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64)
    for start in range(0, len(chosen), _PIECE):
        x = rows.gather(chosen[start : start + _PIECE]).reshape(-1, channels).cpu().double()
        here = x.mean(0)
        gap, both = here - mean, count + len(x)
        squares = squares + (x - here).square().sum(0) + gap.square() * (count * len(x) / both)
        mean, count = mean + gap * (len(x) / both), both
    std = (squares / count).sqrt()
    return mean.tolist(), torch.maximum(std, mean.abs().clamp(min=1) * 1e-6).tolist()
