"""The confusion matrix as a metric's state, on whatever device the scores are."""

from __future__ import annotations

import torch
from torch import Tensor

from deepwell.metrics.shapes import check


def confusion_state(scores: Tensor, targets: Tensor) -> tuple[Tensor]:
    """Counts int64 [classes, classes]: row the true class, column the highest score (the first among equal ones).

    Args:
        scores: [n, classes].
        targets: class numbers int64 [n].

    >>> confusion_state(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0]))[0].tolist()
    [[1, 1], [0, 0]]
    """
    check(scores, targets)
    classes = scores.shape[1]
    cells = targets * classes + scores.argmax(1)
    # index_add_ rather than bincount, which would wait for a GPU to know the largest number
    counts = torch.zeros(classes * classes, dtype=torch.int64, device=scores.device)
    return (counts.index_add_(0, cells, torch.ones_like(cells)).view(classes, classes),)
