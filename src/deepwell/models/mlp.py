"""The feed-forward network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise


class MLP(nn.Module):
    """Fully connected layers (Rumelhart, Hinton, Williams 1986, doi:10.1038/323533a0).

    Args:
        input_shape: (channels, height, width).
        hidden: units of each layer.
        activation: by name.
        dropout: after each layer.
        initialisation: by name.

    >>> import torch
    >>> MLP((1, 8, 8), hidden=(32,))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 32])
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        hidden: Sequence[int] = (256, 128),
        activation: str = "relu",
        dropout: float = 0.0,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_shape("mlp", input_shape, 1)
        if isinstance(hidden, int) or not hidden or min(hidden) < 1:
            raise UserError(
                f"mlp was given the hidden layers {hidden}",
                expected="the width of each layer, at least one, each above 0",
                fix="write hidden=(256, 128), or hidden=(256,) for one layer",
            )
        layers: list[nn.Module] = [nn.Flatten()]
        width = math.prod(input_shape)
        for units in hidden:
            layers += [nn.Linear(width, units), activation_layer(activation)]
            layers += [Dropout(dropout)] if dropout else []
            width = units
        self.layers = nn.Sequential(*layers)
        self.features = width
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.layers(x)
