"""Which loss a function is, judged by what it answers, for losses that are written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deepwell.doctor.spy import LossCall

_CLOSE = 1e-4


def identify(loss: Callable[[Tensor, Tensor], Any], scores: Tensor, targets: Tensor) -> list[LossCall]:
    """The loss as a call of ``torch.nn.functional``, or nothing where it is none of those tried.

    Two sets of scores of the right shape are tried, one of raw scores and one of probabilities: a loss must agree with
    its candidate on one of them, to ``1e-4`` of its value, as mean or as sum.

    >>> import torch
    >>> by_hand = lambda s, y: -torch.log_softmax(s, 1)[torch.arange(len(y)), y].mean()
    >>> identify(by_hand, torch.randn(8, 3), torch.arange(8) % 3)[0].name
    'cross_entropy'
    """
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(scores.shape, generator=generator).to(scores)
    for trial in (raw, raw.softmax(-1) if raw.dim() > 1 and raw.shape[-1] > 1 else raw.sigmoid()):
        given = _number(loss, trial, targets)
        if given is None:
            continue
        for name, candidate in _candidates(scores, targets).items():
            for reduction in ("mean", "sum"):
                expected = _number(candidate, trial, targets, reduction)
                if expected is not None and abs(given - expected) <= _CLOSE * max(abs(expected), 1e-6):
                    value = mean_of(loss(scores, targets))
                    return [LossCall(name, scores, targets, {"reduction": reduction}, value)]
    return []


def mean_of(value: Any) -> Tensor:
    """A loss as one number: a tensor of any shape, or (sum, count)."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return torch.as_tensor(value[0]) / value[1]
    if not isinstance(value, Tensor):
        raise TypeError(f"the loss gives {type(value).__name__}; expected a tensor, or (sum, count)")
    return value if value.dim() == 0 else value.mean()


def _number(loss: Callable[..., Any], *arguments: Any) -> float | None:
    """A loss's value; None where these scores are not for it."""
    try:
        with torch.no_grad():
            number = float(mean_of(loss(*arguments)))
    # a loss written by a user may raise anything on scores that it is not for
    except Exception:
        return None
    return number if number == number and abs(number) != float("inf") else None


def _candidates(scores: Tensor, targets: Tensor) -> dict[str, Callable[[Tensor, Tensor, str], Tensor]]:
    if not targets.is_floating_point() and targets.shape == scores.shape[:1] + scores.shape[2:]:
        return {
            "cross_entropy": lambda s, y, r: F.cross_entropy(s, y.long(), reduction=r),
            "nll_loss": lambda s, y, r: F.nll_loss(s, y.long(), reduction=r),
            "log_of_probabilities": lambda s, y, r: F.nll_loss(s.clamp_min(1e-12).log(), y.long(), reduction=r),
        }
    if targets.shape == scores.shape:
        return {
            "mse_loss": lambda s, y, r: F.mse_loss(s, y.to(s), reduction=r),
            "l1_loss": lambda s, y, r: F.l1_loss(s, y.to(s), reduction=r),
            "binary_cross_entropy_with_logits": lambda s, y, r: F.binary_cross_entropy_with_logits(
                s, y.to(s), reduction=r
            ),
            "binary_cross_entropy": lambda s, y, r: F.binary_cross_entropy(s, y.to(s), reduction=r),
            "cross_entropy": lambda s, y, r: F.cross_entropy(s, y.to(s), reduction=r),
        }
    return {}
