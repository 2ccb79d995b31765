"""Recurrent networks over texts."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.core.shapes import PADDING, Ids
from deepwell.models.ids import POOLS, check_choice, check_ids, check_sizes, word_ids
from deepwell.nn.dropout import Dropout
from deepwell.nn.embedding import Embedding
from deepwell.nn.masked import masked_max, masked_mean
from deepwell.nn.recurrence import Recurrence


class Recurrent(nn.Module):
    """Word vectors, recurrent layers, and one vector of all their states (``nn.recurrence`` has the sources).

    Args:
        shape: the number of ids.
        cell: ``rnn``, ``lstm`` or ``gru``.
        embedding: width of a word's vector.
        hidden: width of the state in each direction.
        layers: recurrent layers.
        bidirectional: read backwards too.
        pool: ``last``: the state after the last word, and for the backward direction the one at the first;
            ``mean`` or ``max``: of each feature over all words (``max``: Conneau 2017, arXiv:1705.02364).
        per_position: give every word's state instead.
        activation: of the ``rnn``: tanh or relu.
        dropout: of the word vectors, between the layers, and of the representation.
        initialisation: of the recurrent matrices, by name.

    >>> import torch
    >>> Recurrent(Ids(50), cell="gru", hidden=8)(torch.tensor([[4, 5, 6], [4, 0, 0]])).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        cell: str = "lstm",
        embedding: int = 128,
        hidden: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        pool: str = "max",
        per_position: bool = False,
        activation: str = "tanh",
        dropout: float = 0.3,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_ids("a recurrent network", shape)
        check_sizes("a recurrent network", embedding=embedding, hidden=hidden, layers=layers)
        check_choice("pool", pool, POOLS)
        self.pool = pool
        self.per_position = per_position
        self.embedding = Embedding(shape.vocabulary, embedding)
        self.recurrence = Recurrence(
            embedding,
            hidden,
            cell=cell,
            layers=layers,
            bidirectional=bidirectional,
            dropout=dropout,
            activation=activation,
        )
        self.dropout = Dropout(dropout)
        self.features = self.recurrence.features
        self.recurrence.initialise(initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] to [n, features], or to [n, length, features] with zeros at padding."""
        ids = word_ids(x).t()  # [length, n]: the recurrence takes one word of all texts at a time
        mask = ids != PADDING
        lengths = mask.sum(0)
        states = self.recurrence(self.dropout(self.embedding(ids)), lengths)
        if self.per_position:
            return self.dropout(states * mask[..., None]).transpose(0, 1)
        return self.dropout(self._pooled(states, mask, lengths))

    def _pooled(self, states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        if self.pool == "last":
            return self.recurrence.last(states, lengths)
        return masked_max(states, mask, 0) if self.pool == "max" else masked_mean(states, mask, 0)
