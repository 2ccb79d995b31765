"""A network of depthwise separable convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.separable import SeparableConv2d

_WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_HALVES = frozenset({1, 3, 5, 11})


class SeparableCNN(nn.Module):
    """MobileNet (Howard et al. 2017, arXiv:1704.04861): one convolution, then thirteen separable ones.

    The paper's pictures are 224x224 and are halved five times. A smaller picture is halved as often as leaves
    maps of at least 4x4; the other strides are 1.

    Args:
        input_shape: (channels, height, width), at least 4x4.
        width: factor of all channels; 1 is the paper's, 0.25 its smallest.
        activation: by name.
        dropout: before the head.
        initialisation: by name.

    >>> import torch
    >>> SeparableCNN((1, 28, 28), width=0.25).eval()(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 256])
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        width: float = 0.25,
        activation: str = "relu",
        dropout: float = 0.0,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_shape("separable", input_shape, 4)
        if not 0 < width <= 4:
            raise UserError(f"separable was given width {width}", expected="a factor above 0, at most 4")
        side = min(input_shape[1:])

        def halve() -> int:
            nonlocal side
            if side < 8:
                return 1
            side = -(-side // 2)
            return 2

        widths = [max(8, round(channels * width)) for channels in _WIDTHS]
        inner = max(8, round(32 * width))
        first = 2 if side > 64 else 1  # the first halving would lose most of what a small picture shows
        if first == 2:
            halve()
        layers: list[nn.Module] = [
            nn.Conv2d(input_shape[0], inner, 3, first, 1, bias=False),
            nn.BatchNorm2d(inner),
            activation_layer(activation),
        ]
        for index, outer in enumerate(widths):
            stride = halve() if index in _HALVES else 1
            layers.append(SeparableConv2d(inner, outer, stride=stride, activation=activation))
            inner = outer
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers += [Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers)
        self.features = inner
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.layers(x)
