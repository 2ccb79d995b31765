"""Where a number first stopped being a number: the layer, and the samples of the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Fault:
    """A training that went wrong, with its place.

    Attributes:
        layer: name of the first layer whose weights or output are not finite; "the inputs" or "the loss".
        rows: positions in the batch of the samples concerned.
        words: one sentence for a person.
    """

    layer: str
    rows: tuple[int, ...]
    words: str


def locate(model: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Fault:
    """Find the first layer that gives NaN or infinity on a batch whose loss did. Leaves no hook behind.

    >>> from deepwell.losses import cross_entropy
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> with torch.no_grad():
    ...     _ = model[0].weight.fill_(float("nan"))
    >>> locate(model, torch.ones(3, 2), torch.zeros(3, dtype=torch.int64), cross_entropy).layer
    '0'
    """
    if rows := _bad_rows(x):
        return Fault("the inputs", rows, f"the inputs hold NaN or infinity ({len(rows)} samples of this batch)")
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            layer = name.rsplit(".", 1)[0] if "." in name else name
            words = f"the weights of layer '{layer}' ({name}) are not finite: an earlier step's gradient overflowed"
            return Fault(layer, (), words)
    first: list[tuple[str, tuple[int, ...]]] = []

    def watch(name: str) -> Callable[[nn.Module, object, object], None]:
        def look(_module: nn.Module, _inputs: object, output: object) -> None:
            if not first and isinstance(output, Tensor) and (rows := _bad_rows(output)):
                first.append((name, rows))

        return look

    leaves = [(name, module) for name, module in model.named_modules() if not any(module.children())]
    hooks = [module.register_forward_hook(watch(name or type(module).__name__)) for name, module in leaves]
    try:
        with torch.no_grad():
            scores = model(x)
    finally:
        for hook in hooks:
            hook.remove()
    if first:
        layer, rows = first[0]
        kind = type(model.get_submodule(layer)).__name__ if layer and _has(model, layer) else layer
        return Fault(layer, rows, f"layer '{layer}' ({kind}) is the first whose output is not finite")
    bad = [i for i in range(len(x)) if not bool(torch.isfinite(loss(scores[i : i + 1], y[i : i + 1])[0]))]
    words = "every layer's output is finite; the loss itself is not: look at the loss function and the targets"
    return Fault("the loss", tuple(bad), words)


def _has(model: nn.Module, name: str) -> bool:
    return name in dict(model.named_modules())


def _bad_rows(value: Tensor) -> tuple[int, ...]:
    if not value.is_floating_point() or value.dim() == 0:
        return ()
    fine = torch.isfinite(value).reshape(len(value), -1).all(1)
    return tuple(torch.nonzero(~fine).flatten().tolist())
