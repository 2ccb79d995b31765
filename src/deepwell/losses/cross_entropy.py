"""Categorical cross-entropy, from raw scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.losses.shapes import count_of, full_precision

# PyTorch leaves out targets of -100 without a word; no label is this one
_NO_LABEL = -(1 << 62)


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
        (sum, count): count is n, or with weights the sum of the samples' weights (of soft targets, their mixture),
        so that sum / count is the weighted mean. Float32 at least, whatever the scores are.

    Raises:
        UserError: shapes or types that don't fit; on a CPU, a class number outside 0 to classes - 1.

    >>> total, count = cross_entropy(torch.zeros(4, 10), torch.tensor([0, 1, 2, 3]))
    >>> round(float(total / count), 4), int(count)
    (2.3026, 4)
    """
    scores = full_precision(scores)
    if weights is not None or label_smoothing:
        _check_options(scores, label_smoothing, weights)
    n = scores.shape[0] if scores.ndim == 2 else -1
    if targets.dtype is torch.int64 and targets.ndim == 1 and targets.shape[0] == n:
        try:
            total = F.cross_entropy(
                scores, targets, weights, reduction="sum", ignore_index=_NO_LABEL, label_smoothing=label_smoothing
            )
        except IndexError:
            raise _outside(scores, targets) from None
        return total, count_of(scores, n) if weights is None else weights[targets].sum()
    if n >= 0 and targets.shape == scores.shape and targets.is_floating_point():
        targets = targets.to(scores.dtype)
        total = F.cross_entropy(scores, targets, weights, reduction="sum", label_smoothing=label_smoothing)
        return total, count_of(scores, n) if weights is None else (targets * weights).sum()
    raise UserError(
        f"cross-entropy was given scores {list(scores.shape)} and targets {list(targets.shape)} of {targets.dtype}",
        expected="scores [n, classes] with class numbers int64 [n], or with probabilities float [n, classes]",
        fix="flatten a column of labels with y.flatten(), or turn one-hot rows into floats with y.float()",
    )


def _check_options(scores: Tensor, label_smoothing: float, weights: Tensor | None) -> None:
    if not 0 <= label_smoothing <= 1:
        raise UserError(f"label_smoothing is {label_smoothing}", expected="a share from 0 to 1", fix="use 0.1")
    if weights is not None and weights.shape != scores.shape[1:2]:
        raise UserError(
            f"cross-entropy was given weights {list(weights.shape)} with scores {list(scores.shape)}",
            expected="one weight a class",
            fix="give the weights in the order of the classes, as a tensor [classes]",
        )


def _outside(scores: Tensor, targets: Tensor) -> UserError:
    classes = scores.shape[1]
    wrong = targets[(targets < 0) | (targets >= classes)].unique().tolist()
    return UserError(
        f"the targets hold the class {', '.join(map(str, wrong[:5]))} where the scores have {classes} classes",
        expected=f"class numbers from 0 to {classes - 1}",
        fix="count the classes from 0, or give the head one score for each class",
    )
