"""Top-k accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from deepwell.metrics.shapes import check


def top_k_state(scores: Tensor, targets: Tensor, k: int = 5) -> tuple[Tensor, Tensor]:
    """(right, count), int64 0-dim: samples whose true class is among the k highest scores, and all samples.

    A sample is right if fewer than k classes score higher than the true one, or as high with a smaller number: ties
    are resolved as ``argmax`` resolves them, so that k = 1 is accuracy. A NaN among the scores is never right.

    Args:
        scores: [n, classes].
        targets: class numbers int64 [n].
        k: at least 1.

    >>> right, count = top_k_state(torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), torch.tensor([1, 2]), 2)
    >>> int(right), int(count)
    (1, 2)
    """
    check(scores, targets)
    own = scores.gather(1, targets[:, None])  # [n, 1]
    earlier = torch.arange(scores.shape[1], device=scores.device) < targets[:, None]  # [n, classes]
    above = ((scores > own) | ((scores == own) & earlier)).sum(1)
    right = ((above < k) & ~scores.isnan().any(1)).sum()
    return right, torch.full_like(right, len(targets))


def share(state: Sequence[Tensor]) -> float:
    """sum / count of a state of two; NaN where there are no samples."""
    total, count = (float(part) for part in state)
    return total / count if count else float("nan")
