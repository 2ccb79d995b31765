"""The convolutional network that tutorials train on MNIST."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.pool import pooled


class CNN(nn.Module):
    """Two 3x3 convolutions of 32 and 64 filters, each with 2x2 max-pooling, then 128 units and dropout.

    With ten classes on 28x28 grey pictures: 320 + 18,496 + 204,928 + 1,290 = 225,034 parameters. A small
    LeNet (LeCun et al. 1998, doi:10.1109/5.726791) with rectifiers and dropout. Pictures below 16x16 are
    padded, so that no map vanishes.

    Args:
        input_shape: (channels, height, width), at least 4x4.
        activation: by name.
        dropout: before the head.
        initialisation: by name.

    >>> sum(p.numel() for p in CNN((1, 28, 28)).parameters()) + 1290
    225034
    """

    def __init__(
        self, input_shape: Shape, *, activation: str = "relu", dropout: float = 0.5, initialisation: str = "default"
    ) -> None:
        super().__init__()
        check_shape("cnn", input_shape, 4)
        channels, height, width = input_shape
        padding = 1 if min(height, width) < 16 else 0

        def after(size: int) -> int:
            return ((size + 2 * padding - 2) // 2 + 2 * padding - 2) // 2

        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=padding),
            *pooled(activation),
            nn.Conv2d(32, 64, 3, padding=padding),
            *pooled(activation),
            nn.Flatten(),
            nn.Linear(64 * after(height) * after(width), 128),
            activation_layer(activation),
            Dropout(dropout),
        )
        self.features = 128
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, 128]."""
        return self.layers(x)
