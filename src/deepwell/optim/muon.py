"""Muon: momentum, made orthogonal, for the matrices and filters inside a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from deepwell.optim.rule import Lists, Tensors

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Of the quintic iteration p(s) = a s + b s^3 + c s^5, steep at zero (Jordan et al. 2024, the post on Muon)."""

_ITERATIONS = 5
_NARROWEST = 16
_WIDE = 2
"""Columns for each row from which it is cheaper to iterate on the square of the rows."""


class Muon:
    """W <- (1 - rate * decay) W - 0.2 sqrt(max(rows, columns)) * rate * orthogonal(g + momentum * m).

    m <- momentum * m + g; a filter [out, in, height, width] is a matrix of ``out`` rows. ``orthogonal`` brings all
    singular values near 1 by five Newton-Schulz iterations, so that an update moves weights in all directions and not
    only in those in which gradients happen to be large (Jordan et al. 2024). The factor makes an update as large as
    one of AdamW, so that both share one learning rate (Liu et al. 2025, arXiv:2502.16982).

    Args:
        momentum: share of the last step that is kept, 0 to below 1; Nesterov's.

    >>> rule, w = Muon(), [torch.zeros(2, 2)]
    >>> rule.update(w, [torch.tensor([[9.0, 0.0], [0.0, 4.0]])], {"momentum": [torch.zeros(2, 2)]}, [], rate=1, decay=0)
    >>> bool((w[0].diagonal() < -0.19).all()), bool((w[0].diagonal() > -0.35).all())
    (True, True)
    """

    names: tuple[str, ...] = ("momentum",)
    counts = False

    def __init__(self, momentum: float = 0.95) -> None:
        self.momentum = momentum

    def update(
        self,
        parameters: Tensors,
        gradients: Tensors,
        state: Lists,
        steps: Tensors,
        *,
        rate: float,
        decay: float,
    ) -> None:
        """See ``Rule.update``."""
        buffers = state["momentum"]
        torch._foreach_mul_(buffers, self.momentum)
        torch._foreach_add_(buffers, gradients)
        ahead = torch._foreach_add(gradients, buffers, alpha=self.momentum)
        if decay:
            torch._foreach_mul_(parameters, 1.0 - rate * decay)
        for parameter, direction in zip(parameters, ahead, strict=True):
            matrix = direction.reshape(len(direction), -1)
            size = 0.2 * math.sqrt(max(matrix.shape))
            parameter.add_(orthogonal(matrix).view_as(parameter), alpha=-rate * size)


def orthogonal(matrix: Tensor, iterations: int = _ITERATIONS) -> Tensor:
    """The matrix with all singular values that are not tiny brought to about 0.7 to 1.2, its directions kept.

    Args:
        matrix: [rows, columns].
        iterations: of Newton and Schulz.

    >>> torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([8.0, 1.0])))).round(decimals=1)
    tensor([0.7000, 0.7000])
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)  # the largest singular value is then at most 1
    if x.shape[1] < _WIDE * len(x):
        for _ in range(iterations):
            gram = x @ x.T
            x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
        return x.T if tall else x
    # Each iteration multiplies by a polynomial of x x', and all of these commute: they are made on the small square
    # matrix, and the wide one is multiplied once
    gram, product = x @ x.T, None
    for last in range(iterations - 1, -1, -1):
        factor = torch.addmm(gram, gram, gram, beta=_B, alpha=_C)
        factor.diagonal().add_(_A)
        product = factor if product is None else factor @ product
        if last:
            gram = factor @ gram @ factor
    x = x if product is None else product @ x
    return x.T if tall else x


def hidden(names: Sequence[str], parameters: Sequence[Tensor], decayed: Sequence[bool]) -> list[bool]:
    """For each parameter, whether it is a matrix or filter inside the network, which Muon is meant for.

    Left out are biases, norms and embeddings, the head (``head`` begins its name; where there is none, the last
    matrix), and what has fewer than 16 rows or columns, such as filters over the shades of a picture: so few
    directions need no balance.
    """
    headed = any(name.startswith("head.") for name in names)
    last = max((i for i, matrix in enumerate(decayed) if matrix), default=-1)
    return [
        matrix
        and parameter.dim() > 1
        and min(len(parameter), parameter.numel() // max(len(parameter), 1)) >= _NARROWEST
        and not (name.startswith("head.") if headed else i == last)
        for i, (name, parameter, matrix) in enumerate(zip(names, parameters, decayed, strict=True))
    ]
