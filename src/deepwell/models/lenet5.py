"""LeNet-5."""

from __future__ import annotations

from torch import Tensor, nn

from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.activation import activation as activation_layer
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.pool import pooled


class LeNet5(nn.Module):
    """Two 5x5 convolutions of 6 and 16 filters with pooling, then 120 and 84 units
    (LeCun, Bottou, Bengio, Haffner 1998, doi:10.1109/5.726791).

    The paper's pictures are 32x32. Smaller ones are padded: 28x28 in the first convolution, as is usual; below
    20x20 in both convolutions, so that no map vanishes (8x8 digits keep 2x2 maps).

    Args:
        input_shape: (channels, height, width), at least 4x4.
        activation: by name; tanh as in the paper.
        dropout: after each fully connected layer.
        initialisation: by name.

    >>> import torch
    >>> LeNet5((1, 8, 8))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 84])
    """

    def __init__(
        self, input_shape: Shape, *, activation: str = "tanh", dropout: float = 0.0, initialisation: str = "default"
    ) -> None:
        super().__init__()
        check_shape("lenet5", input_shape, 4)
        channels, height, width = input_shape
        side = min(height, width)
        first, second = (0 if side >= 32 else 2), (0 if side >= 20 else 2)
        self.maps = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=first),
            *pooled(activation),
            nn.Conv2d(6, 16, 5, padding=second),
            *pooled(activation),
            nn.Flatten(),
        )

        def after(size: int) -> int:
            return ((size + 2 * first - 4) // 2 + 2 * second - 4) // 2

        def drop() -> list[nn.Module]:
            return [Dropout(dropout)] if dropout else []

        self.units = nn.Sequential(
            nn.Linear(16 * after(height) * after(width), 120),
            activation_layer(activation),
            *drop(),
            nn.Linear(120, 84),
            activation_layer(activation),
            *drop(),
        )
        self.features = 84
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, 84]."""
        return self.units(self.maps(x))
