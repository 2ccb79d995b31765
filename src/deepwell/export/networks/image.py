"""Graphs of networks that see pictures: bytes in, normalised inside, scores out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.export.networks.graph import Graph
from deepwell.saved.model import SavedModel

_PICTURES = 3
"""Of the batch that is traced."""


class Normalise(nn.Module):
    """What ``Image.prepare`` does to pictures that are not augmented, for any size of them.

    Args:
        mean, std: of each channel of the training pictures.
        full: the number that is white: 255 for bytes, 1 for floats that are kept as they are.

    >>> Normalise([0.5], [0.5], 255.0)(torch.full((1, 2, 2, 1), 255, dtype=torch.uint8)).flatten().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, mean: list[float], std: list[float], full: float) -> None:
        super().__init__()
        means, stds = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
        self.register_buffer("scale", (1 / (full * stds)).float())
        self.register_buffer("offset", (-means / stds).float())

    def forward(self, x: Tensor) -> Tensor:
        """[n, height, width, channels] to float32 [n, channels, height, width]."""
        return (x.float() * self.scale + self.offset).permute(0, 3, 1, 2).contiguous()


class Seeing(nn.Module):
    """The network behind its normalisation.

    Args:
        prepare: the normalisation.
        network: the trained network, itself and no copy.
    """

    def __init__(self, prepare: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Encoded pictures [n, height, width, channels] to scores."""
        return self.network(self.prepare(x))


def graph(model: SavedModel) -> Graph:
    """Of a model of pictures; see ``networks.graph_of``."""
    channels, height, width = model.input.shape
    normalise = Normalise(model.input.mean, model.input.std, 1.0 if model.input.floats else 255.0)
    kind = torch.float32 if model.input.floats else torch.uint8
    return Graph(
        network=Seeing(normalise, model.network).eval(),
        inputs={"pictures": ("batch", height, width, channels)},
        outputs={"scores": ("batch", len(model.output.classes))},
        limits={"batch": (1, None)},
        example=(torch.zeros(_PICTURES, height, width, channels, dtype=kind),),
    )
