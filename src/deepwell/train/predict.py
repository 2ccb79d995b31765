"""Answers of a model over many rows, in batches; the result does not depend on their size."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def scores(model: nn.Module, fetch: Callable[[Tensor], Tensor], rows: Tensor, *, batch_size: int = 256) -> Tensor:
    """The model's scores in evaluation mode, in float32.

    Args:
        model: any module; its mode is put back.
        fetch: rows int64 [k] -> prepared x [k, ...], without augmentation.
        rows: int64 [n].
        batch_size: rows at once; a matter of memory alone.

    Returns:
        float32 [n, ...] on the CPU.
    """
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            pieces = [model(fetch(rows[i : i + batch_size])).float().cpu() for i in range(0, len(rows), batch_size)]
    finally:
        model.train(training)
    return torch.cat(pieces) if pieces else torch.empty(0)
