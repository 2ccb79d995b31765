"""One layer of a Transformer's encoder."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.attention import SelfAttention
from deepwell.nn.dropout import Dropout


class EncoderLayer(nn.Module):
    """x + attention(norm(x)), then x + feedforward(norm(x)) (Vaswani 2017; norms first: Xiong 2020).

    Args:
        width: of a position's vector.
        heads: of attention.
        feedforward: units of the inner layer.
        activation: by name.
        dropout: of attention's weights, of the inner layer, and of both parts' results.
        rotary: positions by turning queries and keys.

    >>> import torch
    >>> EncoderLayer(8, 2, feedforward=16)(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        feedforward: int,
        activation: str = "gelu",
        dropout: float = 0.0,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, dropout=dropout, rotary=rotary)
        self.inner_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, feedforward)
        self.activation = activation_layer(activation)
        self.narrow = nn.Linear(feedforward, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """[n, length, width] to the same; ``bias``: see ``nn.attention.padding_bias``."""
        x = x + self.dropout(self.attention(self.attention_norm(x), bias))
        inner = self.dropout(self.activation(self.widen(self.inner_norm(x))))
        return x + self.dropout(self.narrow(inner))
