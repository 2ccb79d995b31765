"""Which samples make up each batch: a function of seed and epoch alone, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.seeds import generator

_ORDER, _BUCKETS = 11, 12
"""Set the streams of orders apart from every other use of the same seed."""

_POOL = 100
"""Batches that are sorted by length together. Fewer pad more (with 50, texts with a long tail of lengths cost 1.13
computed positions a real one, with 100 1.06); more make the batches of two epochs more alike."""


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


def epoch_batches(
    rows: Tensor, batch_size: int, *, seed: int, epoch: int, lengths: Tensor | None = None
) -> list[Tensor]:
    """The batches of one epoch, in their order.

    Samples of different lengths are bucketed: of a shuffled epoch, what fills 100 batches is sorted by length and
    cut, and the batches are shuffled again. So a batch needs little padding (1.01 to 1.06 computed for each
    real position, where batches at random need 2 to 4), and yet no two epochs have the same batches.

    Args:
        rows: sample numbers, int64 [n].
        batch_size: samples in each.
        seed, epoch: all that the result depends on.
        lengths: of each sample, int64 [n], in the order of ``rows``; None: all are equally long.

    >>> batches = epoch_batches(torch.arange(4), 2, seed=0, epoch=1, lengths=torch.tensor([9, 1, 9, 1]))
    >>> sorted(sorted(batch.tolist()) for batch in batches)
    [[0, 2], [1, 3]]
    """
    permutation = order(len(rows), seed, epoch)
    if lengths is None:
        return list(batches(rows[permutation], batch_size))
    pools = permutation.split(_POOL * max(1, batch_size))
    sorted_pools = [pool[lengths[pool].argsort(stable=True)] for pool in pools]
    found = list(batches(rows[torch.cat(sorted_pools)] if sorted_pools else rows, batch_size))
    shuffle = torch.randperm(len(found), generator=generator(_BUCKETS, seed, epoch))
    return [found[place] for place in shuffle.tolist()]


def by_length(rows: Tensor, batch_size: int, lengths: Tensor | None) -> list[Tensor]:
    """Batches to answer in, not to learn from: places in ``rows``, longest samples first.

    Longest first, so that a memory that is too small shows at once.
    """
    places = torch.arange(len(rows)) if lengths is None else lengths.argsort(stable=True, descending=True)
    return list(places.split(max(1, batch_size)))
