"""Blends of two samples, their weights drawn from Beta(alpha, alpha) without a generator."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

_CELLS = 4096


def blend(x: Tensor, targets: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Blend each sample of a batch with the one at the mirrored place of the batch.

    Zhang et al. 2017, arXiv:1710.09412.

    Args:
        x: prepared [n, ...].
        targets: probabilities [n, classes].
        weight: of the sample itself, [n]; its partner has the rest.

    Returns:
        blended x and targets, of the same shapes.

    >>> x, y = blend(torch.tensor([[0.0], [8.0]]), torch.eye(2), torch.tensor([0.75, 0.75]))
    >>> x.flatten().tolist(), y[0].tolist()
    ([2.0, 6.0], [0.75, 0.25])
    """
    over_x = weight.to(x.dtype).view(-1, *[1] * (x.dim() - 1))
    over_y = weight.to(targets.dtype)[:, None]
    return x * over_x + x.flip(0) * (1 - over_x), targets * over_y + targets.flip(0) * (1 - over_y)


def beta_quantile(u: Tensor, alpha: float) -> Tensor:
    """Quantiles of Beta(alpha, alpha): where its distribution function is ``u``.

    Below a half the density x^(alpha-1) (1-x)^(alpha-1) is integrated over t = (2 x)^min(alpha, 1), which takes
    the pole at 0 away where alpha < 1; a table of 4,096 cells is then good to 1e-6 of the distribution function.
    The upper half is its mirror image.

    Args:
        u: [n], in [0, 1).
        alpha: positive.

    >>> [round(v, 4) for v in beta_quantile(torch.tensor([0.1, 0.5, 0.9]), 1.0).tolist()]
    [0.1, 0.5, 0.9]
    """
    table = _half_table(float(alpha)).to(u.device)
    wanted = u.double()
    below = torch.minimum(wanted, 1 - wanted)
    place = torch.searchsorted(table, below.contiguous(), right=True).clamp(1, _CELLS)
    low, high = table[place - 1], table[place]
    t = (place - 1 + (below - low) / (high - low)) / _CELLS
    x = 0.5 * t.clamp(0, 1).pow(1 / min(alpha, 1.0))
    return torch.where(wanted > 0.5, 1 - x, x).float()


@lru_cache(maxsize=8)
def _half_table(alpha: float) -> Tensor:
    """The distribution function at 4,097 even steps of t from 0 to 1, that is from x = 0 to 1/2."""
    middles = (torch.arange(_CELLS, dtype=torch.float64) + 0.5) / _CELLS
    power = min(alpha, 1.0)
    density = (1 - 0.5 * middles.pow(1 / power)).pow(alpha - 1) * middles.pow(alpha / power - 1)
    total = torch.cat([torch.zeros(1, dtype=torch.float64), density.cumsum(0)])
    return total / (2 * total[-1])
