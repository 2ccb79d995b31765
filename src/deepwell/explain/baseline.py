"""What a picture is compared with: one in which there is nothing to be seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BLURRED, MEAN = "the picture, blurred", "the mean shade of the training pictures"
_FLAT = 0.05
"""Of the training pictures' deviation: less is no detail."""


def baseline(x: Tensor) -> tuple[Tensor, str]:
    """The picture without its details, blurred by a seventh of its shorter side; where it has none, the mean shade.

    Against a grey picture, an empty background counts as much as what stands before it; against the blurred one
    nothing counts that is the same all around (Sturmfels, Lundberg, Lee 2020, doi:10.23915/distill.00022).

    Args:
        x: one prepared picture, [channels, height, width]: 0 is the mean.

    Returns:
        the baseline, and its name.

    >>> baseline(torch.ones(1, 8, 8))[1]
    'the mean shade of the training pictures'
    """
    found = blurred(x, min(x.shape[1:]) / 7)
    if float((found - x).abs().max()) < _FLAT:
        return torch.zeros_like(x), MEAN
    return found, BLURRED


def blurred(x: Tensor, deviation: float) -> Tensor:
    """[channels, height, width] under a Gaussian window; beyond its edge the picture goes on as it is there."""
    reach = max(1, int(3 * deviation))
    places = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    window = torch.exp(-(places**2) / (2 * deviation**2))
    window = (window / window.sum()).view(1, 1, 1, -1)
    across = F.conv2d(F.pad(x[:, None], (reach, reach, 0, 0), mode="replicate"), window)
    down = F.conv2d(F.pad(across, (0, 0, reach, reach), mode="replicate"), window.transpose(2, 3))
    return down[:, 0]


def spread(values: Tensor, side: int) -> Tensor:
    """Each value shared out equally among the square around it: the sum stays as it is.

    Args:
        values: [height, width].
        side: of the square, odd.

    >>> spread(torch.tensor([[0.0, 6.0], [0.0, 0.0]]), 3).tolist()
    [[1.5, 1.5], [1.5, 1.5]]
    """
    square = values.new_ones(1, 1, side, side)
    sharers = F.conv2d(torch.ones_like(values)[None, None], square, padding=side // 2)
    return F.conv2d(values[None, None] / sharers, square, padding=side // 2)[0, 0]
