"""Rows dealt out to training, validation and test."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from programs.program import Data


def parted(x: Any, y: Any, train: int, validation: int, **facts: Any) -> Data:
    """The first rows train, the next are held out by the program, the rest tell what it is worth."""
    end = train + validation
    return Data(x[:train], y[:train], x[train:end], y[train:end], x[end:], y[end:], facts)


def tensor(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))
