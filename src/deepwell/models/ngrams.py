"""A wide network over the n-grams of a text: the default for text classification."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, RESERVED, Counts
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise

_SHARE = 0.5
"""Length of the part that the pieces of words make, where that of the words is 1."""


class NGrams(nn.Module):
    """Words, their neighbourhoods and their pieces, weighted by how telling they are, and one hidden layer.

    Each n-gram weighs (1 + log of its count) x (1 + log of (1 + texts) / (1 + texts that have it)), and a text's
    weights have length 1 (Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0); the hidden layer is the
    weighted sum of the n-grams' vectors. Such a wide network holds its own against recurrent ones and graphs where
    words tell more than their order (Galke and Scherp 2022, arXiv:2109.03777), and trains in seconds.

    Args:
        shape: the number of ids.
        width: units of the hidden layer.
        activation: by name.
        dropout: after the hidden layer.
        initialisation: by name.

    >>> NGrams(Counts(50, pieces=10))(torch.tensor([[[4, 1], [45, 2]], [[4, 1], [0, 0]]])).shape
    torch.Size([2, 64])
    """

    def __init__(
        self,
        shape: Counts,
        *,
        width: int = 64,
        activation: str = "relu",
        dropout: float = 0.2,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        if not isinstance(shape, Counts):
            raise UserError(
                f"ngrams was given {type(shape).__name__} data",
                expected="texts as n-grams with their counts",
                fix="leave --view out: with this model texts are read as counts (view='counts' in Python)",
            )
        if type(width) is not int or not 1 <= width <= 65_536:
            raise UserError(f"ngrams was given width {width!r}", expected="a whole number from 1 to 65,536")
        self.vocabulary, self.pieces = shape
        # small, so that an n-gram that was hardly learnt adds hardly any noise to a text that has it
        self.embedding = nn.Parameter(torch.randn(self.vocabulary, width) * 0.01)
        self.bias = nn.Parameter(torch.zeros(width))
        self.activation = activation_layer(activation)
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.telling: Tensor
        self.register_buffer("telling", torch.ones(self.vocabulary))
        self.features = width
        initialise(self, initialisation)

    @torch.no_grad()
    def prime(self, batches: Iterable[Tensor]) -> None:
        """Learn from the training texts how telling each n-gram is.

        Args:
            batches: ids with their counts, int64 [n, k, 2] each.
        """
        texts, having = 0, torch.zeros_like(self.telling)
        for x in batches:
            having += x[..., 0].flatten().bincount(minlength=self.vocabulary)
            texts += len(x)
        telling = torch.log((1 + texts) / (1 + having)) + 1
        telling[:RESERVED] = 0
        self.telling.copy_(telling)

    def _weights(self, numbers: Tensor, counts: Tensor) -> Tensor:
        weights = (1 + counts.clamp(min=1).log()) * self.telling[numbers] * (numbers != PADDING)
        if self.pieces:
            of_words = weights * (numbers < self.vocabulary - self.pieces)
            of_pieces = weights - of_words
            weights = _unit(of_words) + _SHARE * _unit(of_pieces)
        return _unit(weights)

    def forward(self, x: Tensor) -> Tensor:
        """Ids with their counts [n, k, 2] to [n, width]; of a text of nothing known only the bias remains."""
        if x.dim() != 3 or x.shape[-1] != 2:
            raise UserError(f"ngrams was given a tensor of shape {list(x.shape)}", expected="[texts, n-grams, 2]")
        numbers, counts = x.unbind(-1)
        weights = self._weights(numbers, counts).to(self.embedding.dtype)
        if torch.compiler.is_exporting():  # no operator of a graph picks the real n-grams of each text
            hidden = torch.bmm(weights[:, None], F.embedding(numbers, self.embedding))[:, 0]
            return self.dropout(self.activation(hidden + self.bias))
        there = numbers != PADDING
        starts = there.sum(1).cumsum(0)
        starts = torch.cat([starts.new_zeros(1), starts[:-1]])
        hidden = F.embedding_bag(numbers[there], self.embedding, starts, mode="sum", per_sample_weights=weights[there])
        return self.dropout(self.activation(hidden + self.bias))


def _unit(weights: Tensor) -> Tensor:
    return weights / weights.norm(dim=1, keepdim=True).clamp(min=1e-6)
