"""Mean squared error."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from deepwell.losses.shapes import check_same_shape, count_of, full_precision


def mean_squared_error(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of (score - target)^2 and the number of elements.

    Args:
        scores: any shape.
        targets: same shape.

    >>> import torch
    >>> total, count = mean_squared_error(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 1.0]))
    >>> float(total / count)
    2.5
    """
    check_same_shape("mean squared error", scores, targets)
    scores = full_precision(scores)
    return F.mse_loss(scores, targets.to(scores.dtype), reduction="sum"), count_of(scores, scores.numel())
