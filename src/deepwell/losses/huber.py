"""Huber's loss: squared for small errors, linear for large ones."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.losses.shapes import check_same_shape, count_of, full_precision


def huber(scores: Tensor, targets: Tensor, *, delta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Sum of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); and the number of elements.

    Huber 1964, doi:10.1214/aoms/1177703732. The two branches meet in value and in slope at delta.

    Args:
        scores: any shape.
        targets: same shape.
        delta: where the loss turns linear, greater than 0, in the targets' unit.

    >>> import torch
    >>> total, _ = huber(torch.tensor([0.5, 3.0]), torch.zeros(2), delta=1.0)
    >>> float(total)
    2.625
    """
    if not delta > 0:
        raise UserError(f"delta is {delta}", expected="a number greater than 0", fix="use delta=1.0")
    check_same_shape("Huber's loss", scores, targets)
    scores = full_precision(scores)
    total = F.huber_loss(scores, targets.to(scores.dtype), reduction="sum", delta=delta)
    return total, count_of(scores, scores.numel())
