"""The order of samples: a function of seed and epoch alone, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.seeds import generator

_ORDER = 11
"""Sets the stream of orders apart from every other use of the same seed."""


def order(count: int, seed: int, epoch: int) -> Tensor:
    """A permutation of 0 .. count-1, int64 [count].

    >>> bool((order(5, 0, 1) == order(5, 0, 1)).all()), sorted(order(5, 0, 1).tolist())
    (True, [0, 1, 2, 3, 4])
    """
    return torch.randperm(count, generator=generator(_ORDER, seed, epoch))


def batches(rows: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Slices of ``rows``, each of ``batch_size``; the last may be smaller.

    A last batch of a single sample is joined to the one before: batch normalisation can't be trained on one.

    >>> [len(b) for b in batches(torch.arange(9), 4)]
    [4, 5]
    """
    if batch_size < 1:
        raise UserError(f"batch_size is {batch_size}", expected="at least 1")
    count = len(rows)
    start = 0
    while start < count:
        stop = min(start + batch_size, count)
        if count - stop == 1 and batch_size > 1:
            stop = count
        yield rows[start:stop]
        start = stop
