"""Categorical cross-entropy, from raw scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from deepwell.core.errors import UserError


def cross_entropy(
    scores: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum over samples of -sum_c q_c log softmax(scores)_c, and what to divide it by.

    Args:
        scores: raw scores [n, classes], never softmaxed.
        targets: class numbers int64 [n], or probabilities float [n, classes] (one-hot, mixed, soft).
        label_smoothing: q = (1 - s) q + s / classes (Szegedy et al. 2016, arXiv:1512.00567).
        weights: of the classes, [classes].

    Returns:
        (sum, count): count is n, or the sum of the samples' weights, so that sum / count is PyTorch's mean.

    Raises:
        UserError: shapes or types that don't fit.

    >>> total, count = cross_entropy(torch.zeros(4, 10), torch.tensor([0, 1, 2, 3]))
    >>> round(float(total / count), 4), int(count)
    (2.3026, 4)
    """
    if targets.dim() == 1 and targets.dtype == torch.int64 and scores.dim() == 2 and len(scores) == len(targets):
        total = F.cross_entropy(scores, targets, weights, reduction="sum", label_smoothing=label_smoothing)
        count = scores.new_tensor(len(targets)) if weights is None else weights[targets].sum()
        return total, count
    if targets.shape == scores.shape and scores.dim() == 2 and targets.is_floating_point():
        targets = targets.to(scores.dtype)
        total = F.cross_entropy(scores, targets, weights, reduction="sum", label_smoothing=label_smoothing)
        count = scores.new_tensor(len(targets)) if weights is None else (targets * weights).sum()
        return total, count
    raise UserError(
        f"cross-entropy was given scores {list(scores.shape)} and targets {list(targets.shape)} of {targets.dtype}",
        expected="scores [n, classes] with class numbers int64 [n], or with probabilities float [n, classes]",
        fix="flatten a column of labels with y.flatten(), or turn one-hot rows into floats with y.float()",
    )
