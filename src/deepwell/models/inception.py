"""GoogLeNet's inception modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise

# filters of the branches: 1x1; 1x1 before 3x3; 3x3; 1x1 before 5x5; 5x5; 1x1 after pooling (table 1 of the paper)
_MODULES = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)
_POOL_BEFORE = frozenset({2, 7})


def _convolution(inner: int, outer: int, size: int, activation: str, stride: int = 1) -> nn.Sequential:
    # no bias before a normalisation, which would subtract it again
    convolution = nn.Conv2d(inner, outer, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), activation_layer(activation))


class InceptionModule(nn.Module):
    """Filters of 1x1, 3x3 and 5x5 and a pooling, side by side; their maps are joined.

    Args:
        inner: channels in.
        filters: of the six convolutions, in the order of the paper's table 1.
        activation: by name.
    """

    def __init__(self, inner: int, filters: tuple[int, int, int, int, int, int], *, activation: str) -> None:
        super().__init__()
        one, before3, three, before5, five, pool = filters
        self.branches = nn.ModuleList(
            [
                _convolution(inner, one, 1, activation),
                nn.Sequential(_convolution(inner, before3, 1, activation), _convolution(before3, three, 3, activation)),
                nn.Sequential(_convolution(inner, before5, 1, activation), _convolution(before5, five, 5, activation)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), _convolution(inner, pool, 1, activation)),
            ]
        )
        self.channels = one + three + five + pool

    def forward(self, x: Tensor) -> Tensor:
        """[n, inner, h, w] to [n, channels, h, w]."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class Inception(nn.Module):
    """GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842) with batch normalisation (Ioffe and Szegedy 2015) in
    place of its local normalisation and its side heads.

    Pictures up to 64x64 get a 3x3 stem with stride 1 and three of the paper's four poolings.

    Args:
        input_shape: (channels, height, width), at least 8x8.
        activation: by name.
        dropout: before the head; the paper's is 0.4.
        initialisation: by name.

    >>> import torch
    >>> Inception((1, 16, 16)).eval()(torch.zeros(1, 1, 16, 16)).shape
    torch.Size([1, 1024])
    """

    def __init__(
        self, input_shape: Shape, *, activation: str = "relu", dropout: float = 0.4, initialisation: str = "default"
    ) -> None:
        super().__init__()
        check_shape("inception", input_shape, 8)
        channels = input_shape[0]
        if max(input_shape[1:]) <= 64:
            layers: list[nn.Module] = [
                _convolution(channels, 64, 3, activation),
                _convolution(64, 192, 3, activation),
                nn.MaxPool2d(3, 2, 1),
            ]
        else:
            layers = [
                _convolution(channels, 64, 7, activation, 2),
                nn.MaxPool2d(3, 2, 1),
                _convolution(64, 64, 1, activation),
                _convolution(64, 192, 3, activation),
                nn.MaxPool2d(3, 2, 1),
            ]
        inner = 192
        for index, filters in enumerate(_MODULES):
            if index in _POOL_BEFORE:
                layers.append(nn.MaxPool2d(3, 2, 1))
            module = InceptionModule(inner, filters, activation=activation)
            layers.append(module)
            inner = module.channels
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers += [Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers)
        self.features = inner
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, 1024]."""
        return self.layers(x)
