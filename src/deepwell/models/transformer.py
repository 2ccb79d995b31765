"""The Transformer's encoder."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.shapes import PADDING, Ids
from deepwell.models.ids import check_choice, check_ids, check_sizes, word_ids
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.attention import padding_bias
from deepwell.nn.dropout import Dropout
from deepwell.nn.embedding import Embedding
from deepwell.nn.encoder_layer import EncoderLayer
from deepwell.nn.initialise import initialise
from deepwell.nn.masked import masked_mean
from deepwell.nn.positions import LearnedPositions, Sinusoids

POSITIONS = ("learned", "none", "rotary", "sinusoidal")
POOLS = ("mean", "start")


class Transformer(nn.Module):
    """Layers of self-attention (Vaswani 2017, arXiv:1706.03762), each part normalised before it (Xiong 2020,
    arXiv:2002.04745), which trains without a warm-up.

    Args:
        shape: the number of ids.
        width: of a position's vector.
        heads: of attention; must divide the width.
        layers: their number.
        feedforward: units inside a layer; 0 for four times the width.
        positions: ``sinusoidal`` (fixed; Vaswani), ``learned`` (for at most ``longest``; Devlin 2018), ``rotary``
            (queries and keys turned; Su 2021, arXiv:2104.09864), ``none`` (a bag of words).
        longest: positions that can be learnt.
        pool: ``mean`` over the words, or ``start``: a learnt vector put before the text, as it leaves the last layer.
        per_position: give every word's vector instead.
        activation: by name.
        dropout: of embeddings, attention weights, and both parts of a layer.
        initialisation: of the linear layers, by name.

    >>> Transformer(Ids(50), width=16)(torch.tensor([[4, 5, 6], [4, 0, 0]])).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        width: int = 128,
        heads: int = 4,
        layers: int = 2,
        feedforward: int = 0,
        positions: str = "sinusoidal",
        longest: int = 1024,
        pool: str = "mean",
        per_position: bool = False,
        activation: str = "gelu",
        dropout: float = 0.1,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_ids("transformer", shape)
        feedforward = 4 * width if feedforward == 0 else feedforward
        check_sizes("transformer", width=width, heads=heads, layers=layers, feedforward=feedforward, longest=longest)
        check_choice("kind of positions", positions, POSITIONS)
        check_choice("pool", pool, POOLS)
        activation_layer(activation)  # a wrong name is an error before anything is drawn
        self.pool = pool
        self.per_position = per_position
        self.features = width
        self.heads = heads
        self.embedding = Embedding(shape.vocabulary, width)
        self.positions: nn.Module | None = None
        if positions == "sinusoidal":
            self.positions = Sinusoids(width)
        elif positions == "learned":
            self.positions = LearnedPositions(width, longest)
        asks_start = pool == "start" and not per_position
        self.start_embedding = nn.Parameter(torch.randn(width) * 0.02) if asks_start else None
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(
                width,
                heads,
                feedforward=feedforward,
                activation=activation,
                dropout=dropout,
                rotary=positions == "rotary",
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] to [n, width], or to [n, length, width] with zeros at padding."""
        ids = word_ids(x)
        mask = ids != PADDING
        # embeddings are drawn small: brought to about 1 a number, the size of the positions
        h = self.embedding(ids) * math.sqrt(self.features)
        if self.positions is not None:
            h = h + self.positions(ids.shape[1])
        inside = mask
        if self.start_embedding is not None:
            h = torch.cat((self.start_embedding.expand(h.shape[0], 1, -1), h), 1)
            inside = F.pad(mask, (1, 0), value=True)
        h = self.dropout(h)
        bias = padding_bias(inside, self.heads)
        for layer in self.layers:
            h = layer(h, bias)
        h = self.norm(h)
        if self.per_position:
            return h * mask[..., None]
        return h[:, 0] if self.start_embedding is not None else masked_mean(h, mask, 1)
