"""What operators on data share: rows, labels and values of raw and of prepared data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from programs.program import Data
from torch import Tensor

from operators.operator import DoesNotApply, pick

LABELLED = ("category", "binary", "multi-label", "label-sets")


TABLES = ("dense-table", "regression", "binary", "multi-label", "imbalanced")


COLOUR = ("cnn-norm", "residual")


def classes_of(y: Any) -> np.ndarray:
    """Class numbers of integer or 0-1 labels, int [n]."""
    if isinstance(y, Tensor):
        return y.reshape(len(y), -1)[:, 0].long().numpy()
    if isinstance(y[0], str):
        return np.unique(y, return_inverse=True)[1]
    raise DoesNotApply("no single label a sample")


def kept(data: Data, rows: Any) -> Data:
    return replace(data, x=pick(data.x, rows), y=pick(data.y, rows))


def changed_inputs(part: Any, change: Any) -> Any:
    """Change values; pictures stay uint8."""
    if not isinstance(part, Tensor) or part.dtype == torch.int64:
        raise DoesNotApply("inputs are no quantities")
    changed = change(part.float())
    return changed.clamp(0, 255).to(torch.uint8) if part.dtype == torch.uint8 else changed


def scale_of(part: Tensor) -> float:
    return float(part.float().std())


def shuffled(y: Any, share: float, seed: int = 0) -> Any:
    """A share of the labels handed on among themselves."""
    chance = np.random.default_rng(seed)
    some = chance.permutation(len(y))[: round(share * len(y))]
    order = np.arange(len(y))
    order[some] = np.roll(some, 1)
    return pick(y, order)
