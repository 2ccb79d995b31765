"""Which n-grams a row of ids holds, and how often."""

from __future__ import annotations

import torch
from torch import Tensor

from deepwell.core.shapes import PADDING, UNKNOWN

_MULTIPLIER = 1_000_003
_SCRAMBLE = 0x9E3779B1


def ngrams(x: Tensor, *, order: int, vocabulary: int, buckets: int) -> tuple[Tensor, Tensor]:
    """The different n-grams of each row, with their counts.

    A single id is its own number; longer n-grams are hashed into ``buckets`` behind the vocabulary, as fastText
    does (Joulin 2016, arXiv:1607.01759). Unknown ids are left out by themselves and kept within longer ones.

    Args:
        x: ids, int64 [n, length], padded at the end.
        order: longest n-gram.
        vocabulary: number of ids.
        buckets: numbers for n-grams of two and more.

    Returns:
        numbers int64 [n, k], 0 where a row has fewer than k; counts int64 [n, k], 0 there.

    >>> numbers, counts = ngrams(torch.tensor([[4, 5, 4]]), order=1, vocabulary=9, buckets=0)
    >>> numbers.tolist(), counts.tolist()
    ([[4, 5]], [[2, 1]])
    """
    real = x != PADDING
    parts = [x.masked_fill(x == UNKNOWN, PADDING)]
    hashed = x
    for size in range(2, order + 1):
        if x.shape[1] < size:
            break
        hashed = (hashed[:, :-1] * _MULTIPLIER + x[:, size - 1 :]) & 0x7FFFFFFF
        bucket = vocabulary + ((hashed * _SCRAMBLE & 0x7FFFFFFF) >> 7) % buckets
        parts.append(bucket.masked_fill(~real[:, size - 1 :], PADDING))
    numbers = torch.cat(parts, 1).sort(1)[0]
    first = torch.ones_like(numbers, dtype=torch.bool)
    first[:, 1:] = numbers[:, 1:] != numbers[:, :-1]
    first &= numbers != PADDING
    # the k-th different n-gram of a row goes to place k; what is no first occurrence is added to its count
    place = (first.cumsum(1) - 1).clamp_(min=0)
    width = max(1, int(first.sum(1).max())) if len(x) else 1
    counts = torch.zeros(len(x), width, dtype=torch.int64, device=x.device)
    counts.scatter_add_(1, place, (numbers != PADDING).long())
    found = torch.zeros_like(counts).scatter_reduce_(1, place, numbers, "amax")
    return found, counts
