"""A recurrent network that attends to some words more than to others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.core.shapes import PADDING, Ids
from deepwell.models.ids import check_ids, check_sizes, word_ids
from deepwell.nn.dropout import Dropout
from deepwell.nn.embedding import Embedding
from deepwell.nn.initialise import initialise
from deepwell.nn.recurrence import Recurrence


class AttentionRecurrent(nn.Module):
    """States of a bidirectional recurrent network, summed with weights that the network finds itself.

    Additive attention (Bahdanau 2014, arXiv:1409.0473) with one learnt question in place of a decoder's state
    (Yang 2016, doi:10.18653/v1/N16-1174): e = v . tanh(W h + b), weights = softmax(e), sum of weight * h.

    Args:
        shape: the number of ids.
        cell: ``lstm``, ``gru`` or ``rnn``.
        embedding: width of a word's vector.
        hidden: width of the state in each direction.
        layers: recurrent layers.
        attention: width of W h.
        dropout: of the word vectors, between the layers, and of the representation.
        initialisation: of the matrices, by name.

    >>> model = AttentionRecurrent(Ids(50), hidden=8)
    >>> model(torch.tensor([[4, 5, 6], [4, 0, 0]])).shape
    torch.Size([2, 16])
    >>> model.attention_weights(torch.tensor([[4, 0]]))
    tensor([[1., 0.]])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        cell: str = "lstm",
        embedding: int = 128,
        hidden: int = 128,
        layers: int = 1,
        attention: int = 128,
        dropout: float = 0.3,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_ids("attention", shape)
        check_sizes("attention", embedding=embedding, hidden=hidden, layers=layers, attention=attention)
        self.embedding = Embedding(shape.vocabulary, embedding)
        self.recurrence = Recurrence(embedding, hidden, cell=cell, layers=layers, bidirectional=True, dropout=dropout)
        self.features = self.recurrence.features
        self.project = nn.Linear(self.features, attention)
        self.question = nn.Linear(attention, 1, bias=False)
        self.dropout = Dropout(dropout)
        initialise(self, initialisation)
        self.recurrence.initialise(initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] to [n, features]; zeros for a text without words."""
        states, weights = self._attend(x)
        return self.dropout((states * weights[..., None]).sum(0))

    @torch.no_grad()
    def attention_weights(self, x: Tensor) -> Tensor:
        """How much each word counts, [n, length]: they add up to 1 over a text's words, and are 0 at padding.

        Nothing is dropped, whatever the mode.
        """
        training = self.training
        self.eval()
        try:
            return self._attend(x)[1].t()
        finally:
            self.train(training)

    def _attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """States [length, n, features] and weights [length, n]."""
        ids = word_ids(x).t()
        mask = ids != PADDING
        states = self.recurrence(self.dropout(self.embedding(ids)), mask.sum(0))
        energies = self.question(self.project(states).tanh())[..., 0].float()
        # the most negative number and not minus infinity, which gives NaN where all is padding
        weights = energies.masked_fill(~mask, torch.finfo(torch.float32).min).softmax(0)
        return states, weights * mask
