"""The table of a model's layers: name, output shape, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Row:
    """One layer."""

    name: str
    kind: str
    shape: tuple[int | None, ...] | None
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The layers in the order in which they are called, and the totals. ``str`` gives the table."""

    rows: tuple[Row, ...]
    total: int
    trainable: int

    def __str__(self) -> str:
        cells = [(f"{r.name} ({r.kind})", _shape(r.shape), f"{r.parameters:,}") for r in self.rows]
        head = ("Layer (type)", "Output shape", "Parameters")
        widths = [max(len(row[i]) for row in [head, *cells]) for i in range(3)]
        line = "-" * (sum(widths) + 4)

        def text(row: tuple[str, str, str]) -> str:
            return f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:>{widths[2]}}"

        totals = (
            f"Total parameters: {self.total:,}\nTrainable parameters: {self.trainable:,}\n"
            f"Non-trainable parameters: {self.total - self.trainable:,}"
        )
        return "\n".join([text(head), line, *map(text, cells), line, totals])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "rows": [asdict(row) for row in self.rows]}


def _shape(shape: tuple[int | None, ...] | None) -> str:
    return "?" if shape is None else "(" + ", ".join(str(size) for size in shape) + ")"


def summary(module: nn.Module, example: Tensor) -> Summary:
    """Call a module once on an example and list its layers.

    A layer called twice has two rows, its parameters are counted in the first; one whose parameters are used
    without a call comes at the end with an unknown shape. The module's mode, buffers and weights and the random
    state are as before, and no hook is left.

    Args:
        module: any.
        example: a batch that it accepts, [n, ...]; the batch dimension is shown as None.

    >>> print(summary(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(3, 2, 2)))
    Layer (type)  Output shape  Parameters
    --------------------------------------
    0 (Flatten)   (None, 4)              0
    1 (Linear)    (None, 2)             10
    --------------------------------------
    Total parameters: 10
    Trainable parameters: 10
    Non-trainable parameters: 0
    """
    rows: list[Row] = []
    seen: set[int] = set()
    hooks = []
    modes = [(m, m.training) for m in module.modules()]
    buffers = [(b, b.clone()) for b in module.buffers()]
    state = torch.get_rng_state()
    for name, layer in module.named_modules():
        direct = list(layer.parameters(recurse=False))
        if any(layer.children()) and not direct:
            continue

        def look(
            layer: nn.Module, _inputs: object, output: object, name: str = name, direct: Sequence[Tensor] = direct
        ) -> None:
            fresh = [p for p in direct if id(p) not in seen]
            seen.update(id(p) for p in fresh)
            rows.append(
                Row(name or "model", type(layer).__name__, _output_shape(output), sum(p.numel() for p in fresh))
            )

        hooks.append(layer.register_forward_hook(look))
    try:
        module.eval()
        with torch.no_grad():
            module(example)
        # layers whose parameters are used without calling them: attention's projections, fused fast paths
        for name, layer in module.named_modules():
            fresh = [p for p in layer.parameters(recurse=False) if id(p) not in seen]
            if fresh:
                seen.update(id(p) for p in fresh)
                rows.append(Row(name or "model", type(layer).__name__, None, sum(p.numel() for p in fresh)))
    finally:
        for hook in hooks:
            hook.remove()
        torch.set_rng_state(state)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for layer, mode in modes:
            layer.training = mode
    parameters = list(module.parameters())
    total = sum(p.numel() for p in parameters)
    return Summary(tuple(rows), total, sum(p.numel() for p in parameters if p.requires_grad))


def _output_shape(output: object) -> tuple[int | None, ...] | None:
    """Of a tensor, or of the first tensor in a tuple or a mapping."""
    if isinstance(output, Tensor):
        return (None, *output.shape[1:])
    items = list(output.values()) if isinstance(output, Mapping) else output
    if isinstance(items, Sequence) and not isinstance(items, str | bytes):  # a letter is a sequence of itself
        for item in items:
            if (shape := _output_shape(item)) is not None:
                return shape
    return None
