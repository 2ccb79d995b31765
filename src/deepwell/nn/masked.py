"""One vector of many positions, padding left out."""

from __future__ import annotations

from torch import Tensor


def masked_mean(h: Tensor, mask: Tensor, dim: int) -> Tensor:
    """The mean over the real positions; zeros where a row has none.

    Args:
        h: [n, length, features], or any order of the first two.
        mask: which positions are real, bool, as h without its last dimension.
        dim: that of the positions.

    >>> import torch
    >>> masked_mean(torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[True, True, False]]), 1)
    tensor([[3.]])
    """
    weights = mask.to(h.dtype)
    return (h * weights[..., None]).sum(dim) / weights.sum(dim).clamp(min=1)[..., None]


def masked_max(h: Tensor, mask: Tensor, dim: int) -> Tensor:
    """The largest value of each feature over the real positions; zeros where a row has none.

    >>> import torch
    >>> masked_max(torch.tensor([[[-2.0], [-4.0], [9.0]]]), torch.tensor([[True, True, False]]), 1)
    tensor([[-2.]])
    """
    largest = h.masked_fill(~mask[..., None], float("-inf")).max(dim)[0]
    return largest.masked_fill(~mask.any(dim)[..., None], 0.0)
