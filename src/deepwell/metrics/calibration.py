"""Expected calibration error: whether 80 % sure means right four times of five."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from deepwell.metrics.shapes import check

BINS = 15


def calibration_state(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Per bin of confidence: samples int64, sum of confidences float64, right answers int64, each [15].

    Confidence is the largest softmax. The bins are the 15 equal parts of 0 to 1, each with its upper end, as in
    Guo et al. 2017 (arXiv:1706.04599).

    Args:
        scores: [n, classes], logits or log-probabilities.
        targets: class numbers int64 [n].
    """
    check(scores, targets)
    confidence, answer = scores.double().softmax(1).max(1)
    places = (confidence * BINS).ceil().long().sub(1).clamp(0, BINS - 1)
    counts = torch.zeros(BINS, dtype=torch.int64, device=scores.device)
    sums = torch.zeros(BINS, dtype=torch.float64, device=scores.device)
    return (
        counts.index_add(0, places, torch.ones_like(places)),
        sums.index_add(0, places, confidence),
        counts.index_add(0, places, (answer == targets).long()),
    )


def calibration_error(state: Sequence[Tensor]) -> float:
    """Mean over the samples of |confidence - accuracy| of their bin, 0 to 1; NaN where there are none.

    >>> calibration_error(calibration_state(torch.tensor([[50.0, 0.0], [50.0, 0.0]]), torch.tensor([0, 1])))
    0.5
    """
    counts, sums, right = (part.double() for part in state)
    total = float(counts.sum())
    return float((sums - right).abs().sum()) / total if total else float("nan")
