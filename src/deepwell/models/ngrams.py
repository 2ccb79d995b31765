"""A wide network over the n-grams of a text: the default for text classification."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import Ids
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.ngrams import ngrams


class NGrams(nn.Module):
    """Words and their neighbourhoods, weighted by how telling they are, and one hidden layer.

    Each different n-gram weighs (1 + log of its count) x (1 + log of (1 + texts) / (1 + texts that have it)), and a
    text's weights have length 1 (Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0); the hidden layer is
    the weighted sum of the n-grams' vectors. Such a wide network holds its own against recurrent ones and graphs
    where words tell more than their order (Galke and Scherp 2022, arXiv:2109.03777), and trains in seconds.

    Args:
        shape: the number of ids.
        order: longest n-gram, in words.
        width: units of the hidden layer.
        buckets: numbers that n-grams of two and more words are hashed to.
        activation: by name.
        dropout: after the hidden layer.
        initialisation: by name.

    >>> NGrams(Ids(50), buckets=64)(torch.tensor([[4, 5, 6], [4, 0, 0]])).shape
    torch.Size([2, 64])
    """

    def __init__(
        self,
        shape: Ids,
        *,
        order: int = 2,
        width: int = 64,
        buckets: int = 1 << 17,
        activation: str = "relu",
        dropout: float = 0.5,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        for name, value, high in (("order", order, 5), ("width", width, 65_536), ("buckets", buckets, 1 << 26)):
            if type(value) is not int or not 1 <= value <= high:
                raise UserError(f"ngrams was given {name} {value!r}", expected=f"a whole number from 1 to {high:,}")
        self.order, self.vocabulary = order, shape.vocabulary
        self.buckets = buckets if order > 1 else 0
        # small, so that an n-gram that was hardly learnt adds hardly any noise to a text that has it
        self.embedding = nn.Parameter(torch.randn(self.vocabulary + self.buckets, width) * 0.01)
        self.bias = nn.Parameter(torch.zeros(width))
        self.activation = activation_layer(activation)
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.telling: Tensor
        self.register_buffer("telling", torch.ones(self.vocabulary + self.buckets))
        self.features = width
        initialise(self, initialisation)

    def _ngrams(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.dim() == 3:
            x = x[..., 0]
        return ngrams(x, order=self.order, vocabulary=self.vocabulary, buckets=self.buckets)

    @torch.no_grad()
    def prime(self, batches: Iterable[Tensor]) -> None:
        """Learn from the training texts how telling each n-gram is. One that a single text has tells nothing.

        Args:
            batches: ids, int64 [n, length] each.
        """
        texts, having = 0, torch.zeros_like(self.telling)
        for x in batches:
            numbers, counts = self._ngrams(x)
            having.scatter_add_(0, numbers.flatten(), (counts > 0).float().flatten())
            texts += len(x)
        telling = torch.log((1 + texts) / (1 + having)) + 1
        if texts >= 100:
            telling[having < 2] = 0
        self.telling.copy_(telling)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [n, length] to [n, width]. A text of nothing known is all zeros before the hidden layer's bias."""
        numbers, counts = self._ngrams(x)
        weights = (1 + counts.clamp(min=1).log()) * self.telling[numbers] * (counts > 0)
        weights = weights / weights.norm(dim=1, keepdim=True).clamp(min=1e-6)
        hidden = F.embedding_bag(
            numbers, self.embedding, mode="sum", per_sample_weights=weights.to(self.embedding.dtype)
        )
        return self.dropout(self.activation(hidden + self.bias))
