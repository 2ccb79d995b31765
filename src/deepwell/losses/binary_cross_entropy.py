"""Binary cross-entropy, from raw scores."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from deepwell.losses.shapes import check_same_shape, count_of, full_precision


def binary_cross_entropy(scores: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Sum of -(t log s + (1 - t) log(1 - s)) with s = sigmoid(scores), and the number of elements.

    Args:
        scores: raw scores, any shape; never passed through a sigmoid.
        targets: same shape, in [0, 1].
        weights: broadcastable to the scores; the count is then their sum.

    >>> import torch
    >>> total, count = binary_cross_entropy(torch.zeros(2, 1), torch.ones(2, 1))
    >>> round(float(total / count), 4)
    0.6931
    """
    check_same_shape("binary cross-entropy", scores, targets)
    scores = full_precision(scores)
    targets = targets.to(scores.dtype)
    total = F.binary_cross_entropy_with_logits(scores, targets, weights, reduction="sum")
    count = count_of(scores, scores.numel()) if weights is None else weights.expand_as(scores).sum()
    return total, count
