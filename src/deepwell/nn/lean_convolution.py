"""A convolution for answering alone: its weights packed once, a normalisation and a ReLU inside it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FEW_ROWS = 256
"""Positions of an output, over the whole batch, up to which one product of matrices beats oneDNN's convolution, which
spends some 40 us before it begins."""

_FEW_WEIGHTS = 1 << 18
"""Larger matrices don't stay in a processor's cache, and then oneDNN's own order of them is the faster one."""

_THIN = 8
"""Channels below which columns are gathered plane by plane: runs of a whole line of a picture, not of one pixel."""


class LeanConvolution(nn.Module):
    """``relu(norm(convolution(x)))`` in evaluation mode, without gradients.

    The normalisation's factor and offset go into weights and bias (exact up to rounding). Small outputs are one product
    of matrices over gathered columns, larger ones oneDNN's convolution on weights that are in its own order already;
    where PyTorch has no oneDNN it is PyTorch's convolution. All three agree to rounding.

    Args:
        convolution: with zeros around, or nothing; one over a line is one over a picture that is one line high.
        norm: that follows it, in evaluation mode.
        relu: whether a ReLU follows.

    >>> layer, x = nn.Conv2d(3, 4, 3, padding=1), torch.randn(2, 3, 6, 6)
    >>> with torch.inference_mode():
    ...     bool((LeanConvolution(layer, relu=True)(x) - layer(x).relu()).abs().max() < 1e-5)
    True
    """

    def __init__(
        self, convolution: nn.Conv1d | nn.Conv2d, norm: nn.BatchNorm2d | None = None, *, relu: bool = False
    ) -> None:
        super().__init__()
        with torch.no_grad():
            weight = convolution.weight.detach()
            bias = weight.new_zeros(len(weight)) if convolution.bias is None else convolution.bias.detach()
            if norm is not None:
                factor, offset = factor_and_offset(norm)
                weight, bias = weight * factor[:, None, None, None], bias * factor + offset
        self._of_lines = weight.dim() == 3
        self._weight, self._bias = weight[:, :, None] if self._of_lines else weight, bias
        once = [1] if self._of_lines else []
        self._stride, self._dilation = once + list(convolution.stride), once + list(convolution.dilation)
        self._padding = ([0] if self._of_lines else []) + [int(side) for side in convolution.padding]
        self._groups = convolution.groups
        self._relu = relu
        self._kernel = (int(self._weight.shape[2]), int(self._weight.shape[3]))
        self._plain = self._groups == 1 and self._dilation == [1, 1] and weight.numel() <= _FEW_WEIGHTS
        self._thin = weight.shape[1] < _THIN
        self._matrix: Tensor | None = None
        self._packed: Tensor | None = None
        self._op = _onednn()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] or [n, channels, length], in any order of memory, to the same, its memory with
        the channels last."""
        return self._of_pictures(x[:, :, None])[:, :, 0] if self._of_lines else self._of_pictures(x)

    def _of_pictures(self, x: Tensor) -> Tensor:
        if self._plain:
            high, wide = (
                (size + 2 * pad - kernel) // stride + 1
                for size, pad, kernel, stride in zip(
                    x.shape[2:], self._padding, self._kernel, self._stride, strict=True
                )
            )
            if 0 < len(x) * high * wide <= _FEW_ROWS * (4 if self._thin else 1):
                return self._by_columns(x, high, wide)
        if self._op is None:
            found = F.conv2d(x, self._weight, self._bias, self._stride, self._padding, self._dilation, self._groups)
            return found.relu_() if self._relu else found
        return self._by_onednn(x)

    def _by_columns(self, x: Tensor, high: int, wide: int) -> Tensor:
        """One row of numbers for each position of the output, times the weights."""
        count, channels = x.shape[:2]
        (kernel_high, kernel_wide), (down, right) = self._kernel, self._stride
        framed = self._framed(x)
        if self._thin:
            tall, broad = framed.shape[2:]
            plane = tall * broad
            columns = framed.as_strided(
                (channels, kernel_high, kernel_wide, count, high, wide),
                (plane, broad, 1, channels * plane, down * broad, right),
            )
            columns = columns.reshape(-1, count * high * wide).t()
        else:
            tall, broad = framed.shape[1:3]
            line = broad * channels
            columns = framed.as_strided(
                (count, high, wide, kernel_high, kernel_wide * channels),
                (tall * line, down * line, right * channels, line, 1),
            )
            columns = columns.reshape(count * high * wide, -1)
        if self._matrix is None:
            order = (1, 2, 3, 0) if self._thin else (2, 3, 1, 0)
            self._matrix = self._weight.permute(order).reshape(-1, len(self._weight)).contiguous()
        found = torch.addmm(self._bias, columns, self._matrix)
        found = found.relu_() if self._relu else found
        return found.view(count, high, wide, -1).permute(0, 3, 1, 2)

    def _framed(self, x: Tensor) -> Tensor:
        """The batch in the order in which columns are gathered, zeros around it where there is padding."""
        x = x if self._thin else x.permute(0, 2, 3, 1)
        top, left = self._padding
        if not top and not left:
            return x.contiguous()
        if self._thin:
            count, channels, tall, broad = x.shape
            framed = x.new_zeros(count, channels, tall + 2 * top, broad + 2 * left)
            framed[:, :, top : top + tall, left : left + broad].copy_(x)
        else:
            count, tall, broad, channels = x.shape
            framed = x.new_zeros(count, tall + 2 * top, broad + 2 * left, channels)
            framed[:, top : top + tall, left : left + broad].copy_(x)
        return framed

    def _by_onednn(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        around = self._padding, self._stride, self._dilation, self._groups
        if self._packed is None:
            reorder = torch.ops.mkldnn._reorder_convolution_weight.default
            self._packed = reorder(self._weight, *around, list(x.shape))
        after = "relu" if self._relu else "none"
        return self._op(x, self._packed, self._bias, *around, after, [], "")


def factor_and_offset(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a batch normalisation in evaluation mode multiplies each channel by, and then adds."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a normalisation without running statistics depends on its batch")
    factor = (norm.running_var.double() + norm.eps).rsqrt()
    factor = factor if norm.weight is None else factor * norm.weight.detach().double()
    offset = -norm.running_mean.double() * factor
    offset = offset if norm.bias is None else offset + norm.bias.detach().double()
    return factor.to(norm.running_var.dtype), offset.to(norm.running_var.dtype)


def _onednn():  # type: ignore[no-untyped-def]  # an operator of PyTorch: it has no public type
    """PyTorch's convolution with what follows it inside, which is not in every build."""
    if not torch.backends.mkldnn.is_available():
        return None
    try:
        return torch.ops.mkldnn._convolution_pointwise.default
    except AttributeError:
        return None
