"""Kullback-Leibler divergence of the answer from the target distribution."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from deepwell.losses.shapes import check_same_shape, count_of, full_precision


def kl_divergence(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over samples of sum_c t_c (log t_c - log softmax(scores)_c), and the number of samples.

    It is the cross-entropy less the targets' own entropy (Kullback and Leibler 1951).

    Args:
        scores: raw scores [..., classes].
        targets: probabilities, same shape; rows sum to 1. A probability of 0 adds nothing.

    >>> import torch
    >>> total, _ = kl_divergence(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    >>> abs(float(total)) < 1e-6
    True
    """
    check_same_shape("KL divergence", scores, targets)
    scores = full_precision(scores)
    total = F.kl_div(F.log_softmax(scores, -1), targets.to(scores.dtype), reduction="sum")
    return total, count_of(scores, scores.numel() // max(scores.shape[-1], 1))
