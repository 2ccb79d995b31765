"""Gradient clipping, in place, without waiting for the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from deepwell.core.errors import UserError


def clip_by_norm(gradients: Sequence[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients together so that their common norm is at most ``max_norm``.

    Pascanu, Mikolov, Bengio 2013 (arXiv:1211.5063): g <- g * min(1, max_norm / |g|), |g| over all elements of all
    gradients. A norm that is infinite or NaN leaves gradients that are not finite: look at the loss for those.

    Args:
        gradients: of any shapes, of one device; changed in place.
        max_norm: above 0, in the units of the gradients.

    Returns:
        the norm before clipping, 0-dim, on the gradients' device.

    Raises:
        UserError: ``max_norm`` is not above 0.

    >>> g = [torch.tensor([3.0]), torch.tensor([4.0])]
    >>> float(clip_by_norm(g, 1.0)), [round(float(x), 2) for x in g]
    (5.0, [0.6, 0.8])
    """
    _check_limit("max_norm", max_norm)
    if not gradients:
        return torch.zeros(())
    norms = torch._foreach_norm(list(gradients))
    total = torch.linalg.vector_norm(torch.stack(norms))
    # 1e-6 keeps a norm of zero from dividing; it makes the result smaller than max_norm by one part in a million
    torch._foreach_mul_(_writable(gradients), (max_norm / (total + 1e-6)).clamp(max=1.0))
    return total


def clip_by_value(gradients: Sequence[Tensor], limit: float) -> None:
    """Limit each element to [-limit, limit], in place.

    Args:
        gradients: of any shapes; changed in place.
        limit: above 0, in the units of the gradients.

    Raises:
        UserError: ``limit`` is not above 0.

    >>> g = [torch.tensor([-3.0, 0.5])]
    >>> clip_by_value(g, 1.0)
    >>> g[0].tolist()
    [-1.0, 0.5]
    """
    _check_limit("limit", limit)
    if not gradients:
        return
    own = _writable(gradients)
    torch._foreach_clamp_min_(own, -limit)
    torch._foreach_clamp_max_(own, limit)


def _check_limit(word: str, value: float) -> None:
    if not value > 0:
        raise UserError(f"{word} is {value}", expected="a number above 0", fix="leave it out not to clip")


def _writable(gradients: Sequence[Tensor]) -> list[Tensor]:
    """The gradients to write to, each piece of memory once.

    Autograd gives what is cheapest: one tensor for two parameters that were added, or one number seen as a whole
    matrix for a parameter that was summed. Written to as they are, the first would be scaled twice and the second
    refused.
    """
    unique: dict[int, Tensor] = {}
    for gradient in gradients:
        if 0 in gradient.stride() and gradient.numel() > 1:
            gradient.set_(gradient.contiguous())  # type: ignore[call-overload]
        unique.setdefault(gradient.data_ptr(), gradient)
    return list(unique.values())
