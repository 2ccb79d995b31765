"""Convolutions with batch normalisation and global average pooling."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.models.shapes import Shape, check_shape
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.pool import pooled


class CNNBatchNorm(nn.Module):
    """Three 3x3 convolutions, each with batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167), an
    activation and 2x2 max-pooling; then the mean over each map (Lin et al. 2013, arXiv:1312.4400).

    The convolutions keep their bias, which the normalisation subtracts again: the tutorial's program has it,
    and this is that program parameter for parameter (95,434 with ten classes on 32x32 colour pictures, of
    which 448 are running statistics). Pictures below 22x22 are padded, so that no map vanishes.

    Args:
        input_shape: (channels, height, width), at least 8x8.
        filters: of each convolution.
        activation: by name.
        dropout: before the head.
        initialisation: by name.

    >>> sum(p.numel() for p in CNNBatchNorm((3, 32, 32)).parameters()) + 1290 + 448
    95434
    """

    def __init__(
        self,
        input_shape: Shape,
        *,
        filters: Sequence[int] = (32, 64, 128),
        activation: str = "relu",
        dropout: float = 0.0,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        check_shape("cnn-bn", input_shape, 8)
        if not filters or min(filters) < 1:
            raise UserError(f"cnn-bn was given the filters {tuple(filters)}", expected="at least one positive number")
        side = min(input_shape[1:])
        padding = 1 if side < 22 else 0
        for _ in filters:
            side = (side + 2 * padding - 2) // 2
        if side < 1:
            raise UserError(
                f"{len(filters)} poolings leave nothing of pictures of {input_shape[1]}x{input_shape[2]}",
                expected="as many filters as the picture can be halved",
                fix="give fewer filters, or larger pictures",
            )
        layers: list[nn.Module] = []
        channels = input_shape[0]
        for count in filters:
            layers += [nn.Conv2d(channels, count, 3, padding=padding), nn.BatchNorm2d(count), *pooled(activation)]
            channels = count
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers += [Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers)
        self.features = channels
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, height, width] to [n, features]."""
        return self.layers(x)
