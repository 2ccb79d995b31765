"""The shapes that a metric of classes takes."""

from __future__ import annotations

from torch import Tensor

from deepwell.core.errors import UserError


def check(scores: Tensor, targets: Tensor) -> None:
    """Refuse what is not scores [n, classes] and class numbers [n]. Values are not looked at: that would wait.

    Raises:
        UserError: with the shapes that came.
    """
    if scores.dim() != 2 or targets.dim() != 1 or len(scores) != len(targets):
        raise UserError(
            f"the metric was given scores {list(scores.shape)} and targets {list(targets.shape)}",
            expected="scores [n, classes] and targets [n]",
            fix="for one-hot targets give targets.argmax(1)" if targets.dim() == 2 else "give as many of each",
        )
    if targets.is_floating_point():
        raise UserError(
            f"the targets are of {targets.dtype}", expected="class numbers, int64", fix="give their .long()"
        )
