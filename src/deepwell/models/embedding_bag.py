"""The mean of the words' vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, Ids
from deepwell.models.ids import check_ids, check_sizes, word_ids
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.embedding import Embedding
from deepwell.nn.initialise import initialise


class EmbeddingBag(nn.Module):
    """The mean of the vectors of a text's words, and a hidden layer if wanted (Iyyer 2015, deep averaging network;
    without the layer the classifier of Joulin 2016, arXiv:1607.01759).

    Args:
        shape: the number of ids.
        embedding: width of a word's vector.
        hidden: units of the hidden layer; 0 for none.
        activation: of the hidden layer, by name.
        dropout: after the mean and after the hidden layer.
        initialisation: of the hidden layer, by name.

    >>> EmbeddingBag(Ids(50), embedding=16)(torch.tensor([[4, 5, 6], [4, 0, 0]])).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        embedding: int = 128,
        hidden: int = 0,
        activation: str = "relu",
        dropout: float = 0.2,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_ids("embedding-bag", shape)
        check_sizes("embedding-bag", embedding=embedding)
        if type(hidden) is not int or hidden < 0:
            raise UserError(f"embedding-bag was given hidden={hidden!r}", expected="a whole number, 0 for no layer")
        self.embedding = Embedding(shape.vocabulary, embedding)
        between = activation_layer(activation)
        layers = [nn.Linear(embedding, hidden), between, Dropout(dropout)] if hidden else []
        self.layers = nn.Sequential(Dropout(dropout), *layers)
        self.features = hidden or embedding
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] to [n, features]; a text without words has the mean 0."""
        ids = word_ids(x)
        # the vector of padding is zero: it adds nothing to the sum
        count = (ids != PADDING).sum(1, keepdim=True).clamp(min=1)
        return self.layers(self.embedding(ids).sum(1) / count.to(torch.float32))
