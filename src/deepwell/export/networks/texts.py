"""Graphs of networks that read texts and sentences: ids in, scores out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deepwell.core.shapes import RESERVED, Counts, Ids
from deepwell.export.networks.graph import Axes, Graph
from deepwell.saved.model import SavedModel

_TEXTS, _LONG = 3, 6
"""Of the batch that is traced."""


def graph(model: SavedModel) -> Graph:
    """Of a model of texts or of sentences given as words; see ``networks.graph_of``."""
    shape = model.input.shape
    first = "grams" if isinstance(shape, Counts) else "length"
    axes: Axes = ("batch", first)
    if isinstance(shape, Counts):
        axes = (*axes, 2)
    elif model.input.kind == "tokens":
        axes = (*axes, 1 + shape.width)
    classes = len(model.output.classes)
    scores: Axes = ("batch", "length", classes) if model.output.per_position else ("batch", classes)
    return Graph(
        network=model.network.eval(),
        inputs={"counts" if isinstance(shape, Counts) else "ids": axes},
        outputs={"scores": scores},
        limits={"batch": (1, None), first: (1, None if first == "grams" else _longest(model))},
        example=(_example(shape, [6 if axis == first else axis for axis in axes[1:]]),),
    )


def _longest(model: SavedModel) -> int:
    """Positions at most: what the input cuts off, or fewer where the network has learnt vectors for fewer."""
    body: Any = getattr(model.network, "body", model.network)
    positions = getattr(getattr(body, "positions", None), "embedding", None)
    known = [int(model.input.max_length)]
    if positions is not None:
        known.append(len(positions))
    if hasattr(body, "longest"):
        known.append(int(body.longest))
    return min(known)


def _example(shape: Ids | Counts, sizes: list[Any]) -> Tensor:
    """Ids that are known, those of the characters too; the last text is shorter than the others."""
    most = min(shape) if isinstance(shape, Counts) else min(n for n in shape[:2] if n)
    made = torch.arange(_TEXTS * torch.Size(sizes).numel()).view(_TEXTS, *sizes)
    made = RESERVED + made % max(1, shape.vocabulary - RESERVED)
    if made.dim() == 3:
        made[..., 1:] = 1 + made[..., 1:] % max(1, most - 1)
    made[-1, -2:] = 0
    return made
