"""Gradient clipping, in place, without waiting for the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def clip_by_norm(gradients: Sequence[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients together so that their common norm is at most ``max_norm``.

    Pascanu, Mikolov, Bengio 2013 (arXiv:1211.5063): g <- g * min(1, max_norm / |g|).

    Args:
        gradients: changed in place.
        max_norm: greater than 0.

    Returns:
        the norm before clipping, 0-dim.

    >>> g = [torch.tensor([3.0]), torch.tensor([4.0])]
    >>> float(clip_by_norm(g, 1.0)), [round(float(x), 2) for x in g]
    (5.0, [0.6, 0.8])
    """
    gradients = list(gradients)
    if not gradients:
        return torch.zeros(())
    norms = torch._foreach_norm(gradients)
    total = torch.linalg.vector_norm(torch.stack([n.to(norms[0].device) for n in norms]))
    torch._foreach_mul_(gradients, (max_norm / (total + 1e-6)).clamp(max=1.0))
    return total


def clip_by_value(gradients: Sequence[Tensor], limit: float) -> None:
    """Limit each element to [-limit, limit], in place.

    >>> g = [torch.tensor([-3.0, 0.5])]
    >>> clip_by_value(g, 1.0)
    >>> g[0].tolist()
    [-1.0, 0.5]
    """
    for gradient in gradients:
        gradient.clamp_(-limit, limit)
