"""What each level of a network makes of one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from deepwell.explain.inside.grid import rows_of_tiles, shades
from deepwell.explain.trace import traced
from deepwell.explain.undisturbed import undisturbed
from deepwell.explain.words import encoded

_STRONGEST = 8
_NARROW = 4


@dataclass(frozen=True, eq=False)
class Stage:
    """One level.

    Attributes:
        name: of the module.
        layer: its class.
        shape: of what it gave for one sample, without the batch.
        maps: the strongest maps by their mean absolute value, float32 [k, height, width]; of vectors one map.
        places: their numbers among all.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    maps: np.ndarray
    places: list[int]

    def to_json(self) -> dict[str, Any]:
        """Plain values; the maps by their number and mean alone."""
        strength = np.abs(self.maps).mean((1, 2)).tolist()
        strongest = [{"map": p, "mean": float(f"{s:.4g}")} for p, s in zip(self.places, strength, strict=True)]
        return {"name": self.name, "layer": self.layer, "shape": list(self.shape), "strongest": strongest}


def activations(model: Any, sample: Any) -> list[Stage]:
    """The levels of a network for one raw sample, from the input to the scores.

    A level is each innermost module that gives a tensor of floats; what gives the same shape as the level before it,
    such as a normalisation and an activation after a convolution, is one level with it and shown as it leaves it.

    Raises:
        UserError: a sample that can't be read.
    """
    with undisturbed(model.network):
        calls = traced(model.network, encoded(model, [sample]))
    stages: list[Stage] = []
    for call in calls:
        if call.gave is None or not call.gave.is_floating_point() or next(call.module.children(), None) is not None:
            continue
        value = call.gave
        # what comes with time first, [length, 1, width], or once for each distinct word has no batch in front
        value = value[0] if value.shape[0] == 1 else value.squeeze(1) if value.dim() > 2 else value
        if stages and stages[-1].shape == tuple(value.shape):
            stages.pop()
        stages.append(_stage(call.name, type(call.module).__name__, value))
    return stages


def _stage(name: str, layer: str, value: torch.Tensor) -> Stage:
    shape = tuple(value.shape)
    numbers = value.float().cpu().numpy()
    if numbers.ndim > 2 and shape[-2:] == (1, 1):
        numbers = numbers.ravel()  # one place: a vector
    if numbers.ndim < 3:
        return Stage(name, layer, shape, np.atleast_2d(numbers)[None], [0])
    maps = numbers.reshape(-1, *shape[-2:])
    order = np.argsort(-np.abs(maps).mean((1, 2)), kind="stable")[:_STRONGEST]
    return Stage(name, layer, shape, maps[order], order.tolist())


def activations_picture(stages: list[Stage], *, side: int = 72) -> bytes:
    """PNG: a row for each level with its name and shape, and its strongest maps; a vector is a strip."""
    rows = []
    for stage in stages:
        shape = " x ".join(map(str, stage.shape))
        rows.append((f"{stage.name} ({stage.layer}): {shape}", [shades(_squarer(one)) for one in stage.maps]))
    return rows_of_tiles(rows, side=side, width=_STRONGEST)


def _squarer(values: np.ndarray) -> np.ndarray:
    """A vector folded into a rectangle that can be seen; a narrow matrix lying down; a map as it is."""
    if values.shape[0] > 1:
        return values.T if values.shape[0] > _NARROW * values.shape[1] else values
    if values.shape[1] < 4:
        return values
    wide = int(np.ceil(np.sqrt(values.size)))
    folded = np.full(-(-values.size // wide) * wide, values.min(), dtype=values.dtype)
    folded[: values.size] = values.ravel()
    return folded.reshape(-1, wide)
