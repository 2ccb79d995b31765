"""Where a position is, as numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError


class Angles(nn.Module):
    """t / 10000^(2 i / width) for position t and each i below width / 2 (Vaswani 2017, arXiv:1706.03762).

    Made when they are first asked for, and no part of what is saved.

    Args:
        width: even.

    >>> Angles(4)(2)
    tensor([[0.0000, 0.0000],
            [1.0000, 0.0100]])
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        if width % 2:
            raise UserError(
                f"positions were given the width {width}", expected="an even number", fix="take another width or heads"
            )
        self.width = width
        self.table: Tensor
        self.register_buffer("table", torch.zeros(0, width // 2), persistent=False)

    def forward(self, length: int) -> Tensor:
        """Float32 [length, width / 2]."""
        if torch.compiler.is_exporting():  # a kept table would tie the graph to its length
            return self._made(length)
        if len(self.table) < length:
            with torch.inference_mode(False):  # it may be asked for first by a prediction, and then train
                self.table = self._made(max(length, 2 * len(self.table)))
        return self.table[:length]

    def _made(self, length: int) -> Tensor:
        # in float64: a float32 angle of position 10,000 is wrong in its third decimal place
        device = self.table.device
        rates = 10_000.0 ** (-torch.arange(0, self.width, 2, dtype=torch.float64, device=device) / self.width)
        times = torch.arange(length, dtype=torch.float64, device=device)
        return torch.remainder(times[:, None] * rates, 2 * torch.pi).float()


class Sinusoids(nn.Module):
    """sin and cos of the angles, turn by turn: fixed vectors that tell positions apart (Vaswani 2017).

    Args:
        width: even.

    >>> Sinusoids(4)(1)
    tensor([[0., 1., 0., 1.]])
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.angles = Angles(width)

    def forward(self, length: int) -> Tensor:
        """Float32 [length, width]."""
        angles = self.angles(length)
        return torch.stack((angles.sin(), angles.cos()), 2).flatten(1)


class LearnedPositions(nn.Module):
    """A learnt vector for each position (Devlin 2018, arXiv:1810.04805), N(0, 0.02^2) at first.

    Args:
        width: numbers of a vector.
        longest: number of positions.

    >>> LearnedPositions(4, 10)(3).shape
    torch.Size([3, 4])
    """

    def __init__(self, width: int, longest: int) -> None:
        super().__init__()
        # the name keeps weight decay away from it, as from every embedding
        self.embedding = nn.Parameter(torch.randn(longest, width) * 0.02)

    def forward(self, length: int) -> Tensor:
        """[length, width].

        Raises:
            UserError: more positions than there are vectors.
        """
        if length > len(self.embedding):
            raise UserError(
                f"a text has {length} positions",
                expected=f"at most {len(self.embedding)}, for which this model has learnt vectors",
                fix=f"cut texts, build the model with longest={length}, or with positions='sinusoidal'",
            )
        return self.embedding[:length]


def rotated(x: Tensor, angles: Tensor) -> Tensor:
    """Pairs of numbers turned by the angles of their position (RoPE; Su 2021, arXiv:2104.09864).

    The product of two such vectors depends on their distance, not on where they are. The pairs are number i and
    number i + width / 2.

    Args:
        x: [..., length, width].
        angles: [length, width / 2].

    >>> rotated(torch.tensor([[1.0, 0.0]]), torch.tensor([[torch.pi / 2]])).round()
    tensor([[-0., 1.]])
    """
    first, second = x.chunk(2, -1)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
