"""Adadelta."""

from __future__ import annotations

import torch

from deepwell.optim.rule import Lists, Tensors, with_decay


class Adadelta:
    """Steps in the units of the weights: recent steps over recent gradients (Zeiler 2012, arXiv:1212.5701).

    s <- rho * s + (1 - rho) g^2, d = sqrt(u + eps) / sqrt(s + eps) * g, u <- rho * u + (1 - rho) d^2,
    w <- w - rate * d. The paper has no learning rate: its own algorithm is ``rate`` 1.

    Args:
        rho: share of the running means that is kept, 0 to below 1.
        eps: sets the size of the first steps, above 0.
    """

    names: tuple[str, ...] = ("square", "delta")
    counts = False

    def __init__(self, rho: float = 0.9, eps: float = 1e-6) -> None:
        self.rho = rho
        self.eps = eps

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
        squares, moved = state["square"], state["delta"]
        gradients = with_decay(parameters, gradients, decay)
        torch._foreach_mul_(squares, self.rho)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1.0 - self.rho)
        roots = torch._foreach_add(squares, self.eps)
        torch._foreach_sqrt_(roots)
        deltas = torch._foreach_add(moved, self.eps)
        torch._foreach_sqrt_(deltas)
        torch._foreach_div_(deltas, roots)
        torch._foreach_mul_(deltas, gradients)
        torch._foreach_mul_(moved, self.rho)
        torch._foreach_addcmul_(moved, deltas, deltas, value=1.0 - self.rho)
        torch._foreach_add_(parameters, deltas, alpha=-rate)
