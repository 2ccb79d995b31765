"""A small residual network for small pictures on a CPU: the default."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.pool import pooled


class _Unit(nn.Module):
    """Convolution and normalisation; no bias before a normalisation, which would subtract it again."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outer)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(x))


class _Shortcut(nn.Module):
    """``x + activation(norm(conv(x)))``: the identity keeps the gradient of what comes before."""

    def __init__(self, channels: int, activation: str) -> None:
        super().__init__()
        self.branch = nn.Sequential(_Unit(channels, channels), activation_layer(activation))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class Compact(nn.Module):
    """Pooling early, so that most of the work is done on small maps, and shortcuts on those (after He et al.
    2015, arXiv:1512.03385, and the nine-layer residual networks of the DAWNBench CIFAR-10 entries).

    A picture of 28x28: 24 filters, pooled to 14x14; 48, pooled to 7x7; 96, pooled to 3x3; 192 with a shortcut
    around a second convolution; the representation is the mean of each map.

    Args:
        input_shape: (channels, height, width), at least 4x4.
        width: filters of the first convolution.
        activation: by name.
        dropout: before the head.
        initialisation: by name.

    >>> import torch
    >>> Compact((1, 28, 28)).eval()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 192])
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        width: int = 24,
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
        # each stage halves the maps and doubles the filters, so that its cost is about that of the one before
        for stage in range(3 + (side >= 48) + (side >= 96)):
            outer = width * 2 ** min(stage, 3)
            layers += [_Unit(channels, outer), *(pooled(activation) if side >= 6 else [activation_layer(activation)])]
            side //= 2 if side >= 6 else 1
            channels = outer
        outer = width * 8
        layers += [_Unit(channels, outer), activation_layer(activation), _Shortcut(outer, activation)]
        self.maps = nn.Sequential(*layers)
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.features = outer
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.dropout(self.mean(self.maps(x)))
