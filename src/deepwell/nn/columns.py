"""A word's vector from ids that each mean something else."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.nn.embedding import Embedding


class Columns(nn.Module):
    """The vectors of all columns side by side: the first is another thing than the second, such as the pair with the
    neighbour on the left and the one on the right (Pei, Ge, Chang 2014, doi:10.3115/v1/P14-1028).

    Args:
        ids: number of ids, the reserved ones included.
        columns: of a word.
        embedding: width of an id's vector.

    >>> import torch
    >>> Columns(20, columns=2, embedding=8)(torch.tensor([[4, 5], [4, 0]])).shape
    torch.Size([2, 16])
    """

    def __init__(self, ids: int, *, columns: int, embedding: int) -> None:
        super().__init__()
        self.embedding = Embedding(ids, embedding)
        self.features = columns * embedding

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [words, columns] to [words, features]; zeros for what is padding."""
        return self.embedding(ids).flatten(1)
