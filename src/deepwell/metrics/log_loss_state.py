"""The log loss as a metric's state."""

from __future__ import annotations

import torch
from torch import Tensor

from deepwell.metrics.shapes import check


def log_loss_state(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(sum float64, count int64), 0-dim: -log of the softmax at the true class.

    Summed in double precision, so that the order and size of the batches show in the 15th digit only.

    Args:
        scores: [n, classes], logits or log-probabilities.
        targets: class numbers int64 [n].

    >>> total, count = log_loss_state(torch.zeros(3, 2), torch.tensor([0, 1, 1]))
    >>> round(float(total / count), 4)
    0.6931
    """
    check(scores, targets)
    total = torch.nn.functional.cross_entropy(scores.double(), targets, reduction="sum")
    return total, torch.full((), len(targets), dtype=torch.int64, device=scores.device)
