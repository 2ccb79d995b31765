"""Convolutions over words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, Ids
from deepwell.models.ids import check_ids, check_sizes, word_ids
from deepwell.nn.activation import MONOTONE
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.embedding import Embedding
from deepwell.nn.initialise import initialise


class TextCNN(nn.Module):
    """Filters over neighbouring words, and of each its largest answer in the text (Kim 2014, arXiv:1408.5882).

    A window counts if it lies within the text; of a text shorter than a filter the one that begins with it, filled
    up with zeros.

    Args:
        shape: the number of ids.
        embedding: width of a word's vector.
        widths: words that a filter sees, one number for each size.
        filters: of each size.
        activation: by name.
        dropout: of the representation, as in the paper.
        initialisation: of the filters, by name.

    >>> TextCNN(Ids(50), embedding=16, filters=10)(torch.tensor([[4, 5, 6], [4, 0, 0]])).shape
    torch.Size([2, 30])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        embedding: int = 128,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        activation: str = "relu",
        dropout: float = 0.5,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_ids("textcnn", shape)
        check_sizes("textcnn", embedding=embedding, filters=filters)
        if not isinstance(widths, Sequence) or not widths or not all(type(w) is int and w >= 1 for w in widths):
            raise UserError(
                f"textcnn was given the widths {widths!r}",
                expected="the words that each size of filter sees, at least one size, each above 0",
                fix="write widths=(3, 4, 5), or widths=(3,) for one size",
            )
        self.embedding = Embedding(shape.vocabulary, embedding)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding, filters, width) for width in widths)
        self.activation = activation_layer(activation)
        self.pool_first = activation in MONOTONE
        self.dropout = Dropout(dropout)
        self.widths = tuple(widths)
        self.features = filters * len(widths)
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] to [n, features]."""
        ids = word_ids(x)
        lengths = (ids != PADDING).sum(1)
        most = max(self.widths)
        # a graph for any length has no such branch: windows beyond the text are left out in any case
        spare = most - 1 if torch.compiler.is_exporting() else max(0, most - ids.shape[1])
        vectors = self.embedding(F.pad(ids, (0, spare)))
        columns = vectors.transpose(1, 2)  # [n, embedding, length]
        found = []
        for layer, width in zip(self.convolutions, self.widths, strict=True):
            answers = layer(columns)
            answers = answers if self.pool_first else self.activation(answers)
            windows = (lengths - width + 1).clamp(min=1)
            outside = torch.arange(answers.shape[2], device=x.device) >= windows[:, None]
            found.append(answers.masked_fill(outside[:, None], float("-inf")).max(2)[0])
        largest = torch.cat(found, 1)
        return self.dropout(self.activation(largest) if self.pool_first else largest)
