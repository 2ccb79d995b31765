"""Residual networks."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise

_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
_SMALL_PICTURE = 64


def _convolution(inner: int, outer: int, size: int, stride: int = 1) -> nn.Sequential:
    # no bias before a normalisation, which would subtract it again
    return nn.Sequential(nn.Conv2d(inner, outer, size, stride, size // 2, bias=False), nn.BatchNorm2d(outer))


class Residual(nn.Module):
    """``activation(shortcut(x) + branch(x))``: two 3x3 convolutions, or 1x1, 3x3, 1x1 in a bottleneck.

    Args:
        inner, outer: channels in and out.
        stride: of the (first) 3x3 convolution.
        bottleneck: width of the narrow part, or None for two 3x3 convolutions.
        activation: by name.
    """

    def __init__(self, inner: int, outer: int, *, stride: int, bottleneck: int | None, activation: str) -> None:
        super().__init__()
        if bottleneck is None:
            self.branch = nn.Sequential(
                _convolution(inner, outer, 3, stride), activation_layer(activation), _convolution(outer, outer, 3)
            )
        else:
            self.branch = nn.Sequential(
                _convolution(inner, bottleneck, 1),
                activation_layer(activation),
                _convolution(bottleneck, bottleneck, 3, stride),
                activation_layer(activation),
                _convolution(bottleneck, outer, 1),
            )
        same = stride == 1 and inner == outer
        self.shortcut = nn.Identity() if same else _convolution(inner, outer, 1, stride)
        self.activation = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inner, h, w] to [n, outer, h / stride, w / stride]."""
        return self.activation(self.shortcut(x) + self.branch(x))


class ResNet(nn.Module):
    """ResNet-18, 34 and 50 (He, Zhang, Ren, Sun 2015, arXiv:1512.03385); the stride of a bottleneck is in its
    3x3 convolution, as is usual since.

    Pictures up to 64x64 get the small stem of the paper's CIFAR networks (one 3x3 convolution, no pooling),
    larger ones the 7x7 convolution with stride 2 and the max-pooling.

    Args:
        input_shape: (channels, height, width), at least 8x8.
        depth: 18, 34 or 50.
        activation: by name.
        dropout: before the head.
        initialisation: by name.

    >>> import torch
    >>> ResNet((3, 16, 16), depth=18).eval()(torch.zeros(1, 3, 16, 16)).shape
    torch.Size([1, 512])
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        depth: int = 18,
        activation: str = "relu",
        dropout: float = 0.0,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_shape("resnet", input_shape, 8)
        if depth not in _STAGES:
            raise UserError(f"resnet was given depth {depth}", expected="18, 34 or 50")
        channels = input_shape[0]
        if max(input_shape[1:]) <= _SMALL_PICTURE:
            self.stem = nn.Sequential(_convolution(channels, 64, 3), activation_layer(activation))
        else:
            pool = nn.MaxPool2d(3, 2, 1)
            self.stem = nn.Sequential(_convolution(channels, 64, 7, 2), activation_layer(activation), pool)
        wide = 4 if depth == 50 else 1
        inner, blocks = 64, []
        for stage, count in enumerate(_STAGES[depth]):
            width = 64 * 2**stage
            for index in range(count):
                stride = 2 if stage and index == 0 else 1
                narrow = width if depth == 50 else None
                blocks.append(Residual(inner, width * wide, stride=stride, bottleneck=narrow, activation=activation))
                inner = width * wide
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.features = inner
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.dropout(self.pool(self.blocks(self.stem(x))))
