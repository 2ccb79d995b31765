"""The one check that elementwise losses share."""

from __future__ import annotations

from torch import Tensor

from deepwell.core.errors import UserError


def check_same_shape(loss: str, scores: Tensor, targets: Tensor) -> None:
    """Scores [n, 1] against targets [n] would broadcast to [n, n] and train towards the mean: refuse.

    Raises:
        UserError: the shapes differ.
    """
    if scores.shape != targets.shape:
        raise UserError(
            f"{loss} was given scores {list(scores.shape)} and targets {list(targets.shape)}",
            expected="equal shapes: nothing is broadcast",
            fix="squeeze the scores with scores.squeeze(1), or add a dimension to the targets",
        )
