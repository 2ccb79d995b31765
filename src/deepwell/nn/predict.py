"""A model's scores over many rows, batch by batch; what comes of them does not depend on the batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def run(
    model: nn.Module,
    fetch: Callable[[Tensor], Tensor],
    batches: Iterable[Tensor],
    visit: Callable[[Tensor, Tensor, Tensor], None],
) -> None:
    """Show the scores of every batch to ``visit``, in evaluation mode.

    Args:
        model: any module; its mode is put back.
        fetch: rows int64 [k] -> prepared x [k, ...], without augmentation.
        batches: the rows of each batch; their size is a matter of memory and speed alone.
        visit: ``(rows, x, scores)``; the scores in float32, on the model's device.
    """
    training = model.training
    model.eval()
    try:
        show(model, fetch, batches, visit)
    finally:
        model.train(training)


def show(
    forward: Callable[[Tensor], Tensor],
    fetch: Callable[[Tensor], Tensor],
    batches: Iterable[Tensor],
    visit: Callable[[Tensor, Tensor, Tensor], None],
) -> None:
    """The same with any function in place of a module whose mode must be looked after."""
    with torch.inference_mode():
        for rows in batches:
            x = fetch(rows)
            visit(rows, x, forward(x).float())


def scores(model: nn.Module, fetch: Callable[[Tensor], Tensor], rows: Tensor, *, batch_size: int = 256) -> Tensor:
    """The scores of all rows, float32 [n, ...] on the CPU, where every sample's have the same shape.

    >>> scores(nn.Identity(), lambda rows: rows[:, None].float(), torch.arange(3), batch_size=2).tolist()
    [[0.0], [1.0], [2.0]]
    """
    pieces: list[Tensor] = []
    run(model, fetch, rows.split(batch_size), lambda _rows, _x, found: pieces.append(found.cpu()))
    return torch.cat(pieces) if pieces else torch.empty(0)
