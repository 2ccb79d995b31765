"""A network as a graph that can be exported: what arrays it takes and gives, and which sizes may vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.export import Dim

Axes = tuple[str | int, ...]
"""The sizes of an array in order: a name where it may vary, else the number."""


@dataclass(frozen=True)
class Graph:
    """What an exporter must know of a network.

    Attributes:
        network: in evaluation mode; takes the tensors of ``inputs`` in their order and gives one.
        inputs: name of each array that goes in, and its axes.
        outputs: the same of what comes out.
        limits: of each axis that may vary the least and the most, None for no limit.
        example: one tensor an input, to trace with; no size that may vary is 1 in it, as tracing would take such a
            size for a fixed one.
    """

    network: nn.Module
    inputs: dict[str, Axes]
    outputs: dict[str, Axes]
    limits: dict[str, tuple[int, int | None]]
    example: tuple[Tensor, ...]

    @property
    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """As ``torch.export`` and ``torch.onnx`` take them: for each input its axes that may vary."""
        named = {name: Dim(name, min=least, max=most) for name, (least, most) in self.limits.items()}
        return tuple(
            {place: named[axis] for place, axis in enumerate(axes) if isinstance(axis, str)}
            for axes in self.inputs.values()
        )
