"""Depthwise separable convolution."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.nn.activation import activation as activation_layer


class SeparableConv2d(nn.Module):
    """A filter for each channel, then a mix of channels at each place; each followed by normalisation.

    Howard et al. 2017 (arXiv:1704.04861): for k x k filters the cost is 1/out + 1/k^2 of a full convolution.

    Args:
        in_channels, out_channels: of the maps.
        stride: of the depthwise part.
        activation: by name.

    >>> import torch
    >>> SeparableConv2d(8, 16, stride=2)(torch.zeros(1, 8, 6, 6)).shape
    torch.Size([1, 16, 3, 3])
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, activation: str = "relu") -> None:
        super().__init__()
        # no bias before a normalisation, which would subtract it again
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(out_channels)
        self.activation = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, in, h, w] to [n, out, h / stride, w / stride]."""
        x = self.activation(self.depthwise_norm(self.depthwise(x)))
        return self.activation(self.pointwise_norm(self.pointwise(x)))
