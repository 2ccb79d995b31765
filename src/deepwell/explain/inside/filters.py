"""What the first convolution looks for."""

from __future__ import annotations

import numpy as np
from torch import nn

from deepwell.core.errors import UserError
from deepwell.explain.inside.grid import rows_of_tiles, shades


def filters(network: nn.Module, *, side: int = 48) -> tuple[bytes, np.ndarray]:
    """The weights of the first convolution over pictures, as PNG and as numbers.

    Filters over one or two channels are drawn grey with 0 in the middle, each channel by itself; over three as
    colours.

    Args:
        network: any module.
        side: pixels of a filter's longer side.

    Returns:
        the PNG, and float32 [filters, channels, height, width].

    Raises:
        UserError: no convolution over pictures.
    """
    found = next(((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d)), None)
    if found is None:
        raise UserError(
            "this model has no filters to show: no layer of it is a convolution over pictures",
            expected="a convolutional model, such as cnn, compact or resnet18",
        )
    name, layer = found
    weights = layer.weight.detach().float().cpu().numpy()
    if weights.shape[1] == 3:
        tiles = [shades(one.transpose(1, 2, 0), signed=True) for one in weights]
    else:
        tiles = [shades(channel, signed=True) for one in weights for channel in one]
    shape = " x ".join(map(str, weights.shape))
    return rows_of_tiles([(f"{name}: {shape} (filters x channels x height x width)", tiles)], side=side), weights
