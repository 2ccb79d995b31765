"""A small residual network for small pictures on a CPU: the default."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import MONOTONE
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise

_SMALLEST_POOLED = 7


def _stage(inner: int, outer: int, activation: str, *, pool: bool) -> list[nn.Module]:
    """Convolution, pooling, normalisation, activation: normalising after the pooling is a quarter of the work."""
    # no bias before a normalisation, which would subtract it again
    layers: list[nn.Module] = [nn.Conv2d(inner, outer, 3, padding=1, bias=False)]
    if not pool:
        return [*layers, nn.BatchNorm2d(outer), activation_layer(activation)]
    if activation in MONOTONE:
        return [*layers, nn.MaxPool2d(2), nn.BatchNorm2d(outer), activation_layer(activation)]
    return [*layers, nn.BatchNorm2d(outer), activation_layer(activation), nn.MaxPool2d(2)]


class _Shortcut(nn.Module):
    """``x + branch(x)``, the branch two convolutions: the identity keeps the gradient of what comes before."""

    def __init__(self, channels: int, activation: str) -> None:
        super().__init__()
        first = _stage(channels, channels, activation, pool=False)
        self.branch = nn.Sequential(*first, *_stage(channels, channels, activation, pool=False))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class Compact(nn.Module):
    """Pooling early, so that most of the work is done on small maps, and shortcuts there (after He et al. 2015,
    arXiv:1512.03385, and the nine-layer residual networks of the DAWNBench CIFAR-10 entries).

    A picture of 28x28: 32 filters, pooled to 14x14; 64 with a shortcut around two convolutions, pooled to 7x7; 128
    with another, pooled to 3x3; the representation is the largest value of each map. Larger pictures get further
    stages, until about 6x6 is left; maps below 7x7 are not pooled.

    Args:
        input_shape: (channels, height, width), at least 4x4.
        width: filters of the first convolution; the others have two and four times as many.
        activation: by name.
        dropout: before the head.
        initialisation: by name.

    >>> import torch
    >>> Compact((1, 28, 28)).eval()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 128])
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        width: int = 32,
        activation: str = "relu",
        dropout: float = 0.0,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_shape("compact", input_shape, 4)
        if not 1 <= width <= 1024:
            raise UserError(f"compact was given width {width}", expected="a number from 1 to 1024")
        channels, side = input_shape[0], min(input_shape[1:])
        layers: list[nn.Module] = []
        stages = 3 + (side >= 48) + (side >= 96) + (side >= 192)
        for stage in range(stages):
            outer = width * (1, 2, 4)[max(0, stage - stages + 3)]
            layers += _stage(channels, outer, activation, pool=side >= _SMALLEST_POOLED)
            if stage >= stages - 2:
                layers.append(_Shortcut(outer, activation))
            side = side // 2 if side >= _SMALLEST_POOLED else side
            channels = outer
        self.maps = nn.Sequential(*layers)
        self.largest = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.features = channels
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.dropout(self.largest(self.maps(x)))
