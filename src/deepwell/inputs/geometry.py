"""Pictures moved: by whole pixels as bytes, or turned and scaled between pixels. Given numbers, nothing is drawn."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def upended(x: Tensor, which: Tensor) -> Tensor:
    """Some pictures of [n, height, width, channels] mirrored top to bottom; ``which`` is bool [n].

    >>> upended(torch.tensor([[1, 2], [1, 2]]).view(2, 2, 1, 1), torch.tensor([True, False])).flatten().tolist()
    [2, 1, 1, 2]
    """
    n, height, _, _ = x.shape
    order = torch.arange(height, device=x.device).expand(n, height)
    order = torch.where(which[:, None], order.flip(1), order)
    order = order + torch.arange(n, device=x.device)[:, None] * height
    return x.reshape(n * height, -1).index_select(0, order.reshape(-1)).view(x.shape)


def moved(x: Tensor, *, down: Tensor | None, across: Tensor | None, mirror: Tensor | None, most: int) -> Tensor:
    """Pictures shifted by whole pixels, the edge's shade behind them, and then some of them mirrored left to right.

    Every row of the answer is an unbroken run of the padded pictures (or of their mirror images), so one gather
    of windows makes them all; a gather of single pixels takes three times as long.

    Args:
        x: any type [n, height, width, channels].
        down, across: where the window begins, from -most to most, int64 [n]; None: not shifted.
        mirror: bool [n]; None: none is.
        most: the largest shift.

    >>> x = torch.tensor([[1, 2, 3]]).view(1, 1, 3, 1)
    >>> moved(x, down=None, across=torch.tensor([1]), mirror=None, most=1).flatten().tolist()
    [2, 3, 3]
    """
    n, height, width, channels = x.shape
    p = most
    tall, wide = height + 2 * p, width + 2 * p
    room = x.new_empty(1 if mirror is None else 2, n, tall, wide, channels)
    _pad(x, p, room[0])
    here = torch.arange(n, device=x.device)
    left = p if across is None else across + p
    start = here * (tall * wide) + (p if down is None else down + p) * wide
    if mirror is not None:
        room[1] = room[0].flip(2)
        start = torch.where(mirror, start + n * tall * wide + (2 * p - left), start + left)
    else:
        start = start + left
    places = room.numel() // channels - ((height - 1) * wide + width) + 1
    windows = room.as_strided((places, height, width * channels), (channels, wide * channels, 1))
    return windows.index_select(0, start).view(n, height, width, channels)


def _pad(x: Tensor, p: int, room: Tensor) -> None:
    """Write pictures [n, h, w, c] into ``room`` [n, h + 2p, w + 2p, c], the edge's shades around them."""
    _, height, width, _ = x.shape
    room[:, p : p + height, p : p + width] = x
    if p:
        room[:, p : p + height, :p] = x[:, :, :1]
        room[:, p : p + height, p + width :] = x[:, :, -1:]
        room[:, :p] = room[:, p : p + 1]
        room[:, p + height :] = room[:, p + height - 1 : p + height]


def bent(
    x: Tensor, angle: Tensor, factor: Tensor, *, shift: tuple[Tensor, Tensor], turn: tuple[Tensor, Tensor]
) -> Tensor:
    """Rotation, scale, shift and mirrors as one affine map, bilinear, the edge's shade behind it.

    Args:
        x: [n, height, width, channels].
        angle: radians [n], against the clock.
        factor: by how much a picture grows, [n].
        shift: pixels down and across, [n] each.
        turn: -1 where it is mirrored, else 1: top to bottom and left to right, [n] each.

    Returns:
        float32 [n, height, width, channels]; of each picture's own numbers alone, bit for bit.
    """
    _, height, width, _ = x.shape
    down, across = turn
    cosine, sine = angle.cos() / factor, angle.sin() / factor
    ratio = height / width  # pixels are square, the grid's unit is not
    # cell by cell in plain arithmetic: a matrix product would round by the number of pictures in the batch
    ys = ((torch.arange(height, device=x.device, dtype=torch.float32) * 2 + 1) / height - 1)[None, :, None]
    xs = ((torch.arange(width, device=x.device, dtype=torch.float32) * 2 + 1) / width - 1)[None, None, :]

    def each(values: Tensor) -> Tensor:
        return values[:, None, None]

    grid_x = each(cosine * across) * xs - each(sine * ratio * down) * ys + each(shift[1] * (2.0 / width))
    grid_y = each(sine / ratio * across) * xs + each(cosine * down) * ys + each(shift[0] * (2.0 / height))
    planes = x.permute(0, 3, 1, 2).float()
    grid = torch.stack([grid_x, grid_y], -1)
    made = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return made.permute(0, 2, 3, 1).contiguous()
