"""AlexNet."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.pool import pooled


class AlexNet(nn.Module):
    """Five convolutions and two wide layers, in one tower (Krizhevsky 2014, arXiv:1404.5997; the network of
    Krizhevsky, Sutskever, Hinton 2012): 61,100,840 parameters with a head of 1,000 classes on 224x224 pictures.

    Pictures below 64x64 get a 3x3 first convolution with stride 1, 2x2 pooling, and 512 wide units in place of
    4,096.

    Args:
        input_shape: (channels, height, width), at least 8x8.
        activation: by name.
        dropout: before each wide layer.
        initialisation: by name.

    >>> import torch
    >>> AlexNet((3, 32, 32)).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 512])
    """

    def __init__(
        self, input_shape: Shape, *, activation: str = "relu", dropout: float = 0.5, initialisation: str = "default"
    ) -> None:
        super().__init__()
        check_shape("alexnet", input_shape, 8)
        channels, height, width = input_shape
        small = min(height, width) < 64
        pool, stride = (2, 2) if small else (3, 2)
        first = nn.Conv2d(channels, 64, 3, padding=1) if small else nn.Conv2d(channels, 64, 11, 4, 2)
        second = nn.Conv2d(64, 192, 3 if small else 5, padding=1 if small else 2)
        self.maps = nn.Sequential(
            first,
            *pooled(activation, pool, stride=stride),
            second,
            *pooled(activation, pool, stride=stride),
            nn.Conv2d(192, 384, 3, padding=1),
            activation_layer(activation),
            nn.Conv2d(384, 256, 3, padding=1),
            activation_layer(activation),
            nn.Conv2d(256, 256, 3, padding=1),
            *pooled(activation, pool, stride=stride),
        )
        grid = 2 if small else 6
        units = 512 if small else 4096
        self.grid = nn.AdaptiveAvgPool2d(grid)
        self.units = nn.Sequential(
            nn.Flatten(),
            Dropout(dropout),
            nn.Linear(256 * grid * grid, units),
            activation_layer(activation),
            Dropout(dropout),
            nn.Linear(units, units),
            activation_layer(activation),
        )
        self.features = units
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.units(self.grid(self.maps(x)))
