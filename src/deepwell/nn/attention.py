"""Attention of a text's positions to each other."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.nn.dropout import Dropout
from deepwell.nn.positions import Angles, rotated


def padding_bias(mask: Tensor, heads: int) -> Tensor:
    """What to add to attention's scores so that padding gets no weight.

    The most negative number rather than minus infinity: a row of padding alone gives equal weights, not NaN.

    Args:
        mask: real positions, bool [n, length].
        heads: their number.

    Returns:
        float32 [n * heads, 1, length]; [n, 1, 1, length] while a graph is exported, for which texts and heads stay
        apart.
    """
    bias = torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, torch.finfo(torch.float32).min)
    if torch.compiler.is_exporting():
        return bias[:, None, None]
    return bias.repeat_interleave(heads, 0)[:, None]


class SelfAttention(nn.Module):
    """Each position takes what it needs from all: softmax(Q K^T / sqrt(d)) V in several heads (Vaswani 2017).

    Written as multiply, softmax, multiply: with dropout PyTorch's scaled_dot_product_attention takes a slow path on a
    CPU (60 beside 30 ms forwards and backwards for 32 texts of 128 words, 4 heads of 32, one thread).

    Args:
        width: of a position's vector.
        heads: must divide the width.
        dropout: share of the attention weights that is dropped while training.
        rotary: turn queries and keys by their position (RoPE).

    Raises:
        UserError: heads that do not divide the width.

    >>> SelfAttention(8, 2)(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, rotary: bool = False) -> None:
        super().__init__()
        if width % heads:
            raise UserError(
                f"attention was given {heads} heads and the width {width}",
                expected="heads that divide the width",
                fix=f"use width={max(1, width // heads) * heads}, or another number of heads",
            )
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.dropout = Dropout(dropout)
        self.angles = Angles(width // heads) if rotary else None

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """One vector a position to one vector a position.

        Args:
            x: [n, length, width].
            bias: see ``padding_bias``; None where there is no padding.
        """
        n, length, width = x.shape
        d = width // self.heads
        parts = self.project(x).view(n, length, 3, self.heads, d).permute(2, 0, 3, 1, 4)
        if not torch.compiler.is_exporting():
            parts = parts.reshape(3, -1, length, d)  # [3, n * heads, length, d]
        queries, keys, values = parts.unbind(0)  # and not [0], whose gradient is a tensor of zeros each
        if self.angles is not None:
            angles = self.angles(length)
            queries, keys = rotated(queries, angles), rotated(keys, angles)
        if torch.compiler.is_exporting():  # texts and heads as one size would tie the graph to its length
            return self.join(F.scaled_dot_product_attention(queries, keys, values, bias).transpose(1, 2).flatten(2))
        keys = keys.transpose(1, 2)
        if bias is None:
            scores = torch.bmm(queries * (1 / math.sqrt(d)), keys)
        else:
            # half precision has no such number: its own most negative one
            bias = bias.clamp(min=torch.finfo(queries.dtype).min).to(queries.dtype)
            scores = torch.baddbmm(bias, queries, keys, alpha=1 / math.sqrt(d))
        mixed = torch.bmm(self.dropout(scores.softmax(2)), values)
        return self.join(mixed.view(n, self.heads, length, d).transpose(1, 2).reshape(n, length, width))
