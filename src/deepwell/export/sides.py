"""Pictures of other sizes than those in training: which graphs take them, found by trying."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from deepwell.core.errors import UserError
from deepwell.export.networks import Graph
from deepwell.export.onnx_file import OnnxFile, OnnxRun

NAMES = ("height", "width")


def free(file: OnnxFile, graph: Graph, tolerance: float) -> list[tuple[int, int]]:
    """Let height and width vary in a graph of pictures, where the trained network and the graph agree at other sizes.

    A network of convolutions that ends in the mean or the largest of each map takes pictures of any size, and nothing
    in its graph knows the size that it was traced with. Networks for which that is not so are left as they are.

    Args:
        file: changed in place where the sizes may vary.
        graph: what was traced.
        tolerance: as of the gate.

    Returns:
        the (height, width) that were tried and agree; none where the sizes stay fixed.
    """
    (name, axes), *_ = graph.inputs.items()
    if name != "pictures" or not all(isinstance(side, int) for side in axes[1:3]):
        return []
    height, width = int(axes[1]), int(axes[2])
    tried = [(height + 1, width + 3), (2 * height, width), (height, 2 * width + 1)]
    pictures = [_noise(size, graph.example[0]) for size in tried]
    try:
        wanted = [_scores(graph.network, picture) for picture in pictures]
    except (RuntimeError, UserError):
        return []
    freed = _freed(file.proto, name)
    try:
        found = [OnnxRun(freed)({name: picture.numpy()})["scores"] for picture in pictures]
    except Exception:  # ONNX Runtime has a class of errors for each of its own
        return []
    pairs = list(zip(wanted, found, strict=True))
    if not all(a.shape == b.shape and _agree(a, b, tolerance) for a, b in pairs):
        return []
    file.proto = freed
    return tried


def _agree(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(ours - theirs).max() <= tolerance * max(1.0, float(np.abs(ours).max())))


def _noise(size: tuple[int, int], example: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(2, *size, example.shape[3], generator=generator)
    return drawn if example.is_floating_point() else (drawn * 255).to(example.dtype)


def _scores(network: nn.Module, pictures: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        given = network(pictures)
    return (given[0] if isinstance(given, tuple) else given).numpy()


def _freed(proto: Any, name: str) -> Any:
    """A copy whose pictures have sides by name; shapes in between are forgotten, as they were of one size."""
    made = type(proto)()
    made.CopyFrom(proto)
    shape = next(value for value in made.graph.input if value.name == name).type.tensor_type.shape
    for side, dimension in zip(NAMES, shape.dim[1:3], strict=True):
        dimension.dim_param = side
    weights = {tensor.name for tensor in made.graph.initializer}
    kept = [value for value in made.graph.value_info if value.name in weights]
    del made.graph.value_info[:]
    made.graph.value_info.extend(kept)
    return made
