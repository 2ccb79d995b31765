"""RMSprop."""

from __future__ import annotations

import torch

from deepwell.optim.rule import Lists, Tensors, with_decay


class RMSprop:
    """s <- alpha * s + (1 - alpha) g^2, w <- w - rate * g / (sqrt(s) + eps) (Tieleman and Hinton 2012).

    With momentum m <- momentum * m + g / (sqrt(s) + eps) and w <- w - rate * m.

    Args:
        alpha: share of the running mean that is kept, 0 to below 1.
        eps: keeps the division finite, above 0.
        momentum: 0 to below 1.
    """

    counts = False

    def __init__(self, alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0) -> None:
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum
        self.names: tuple[str, ...] = ("square", "momentum") if momentum else ("square",)

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
        squares = state["square"]
        gradients = with_decay(parameters, gradients, decay)
        torch._foreach_mul_(squares, self.alpha)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1.0 - self.alpha)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, self.eps)
        if not self.momentum:
            torch._foreach_addcdiv_(parameters, gradients, roots, value=-rate)
            return
        buffers = state["momentum"]
        torch._foreach_mul_(buffers, self.momentum)
        torch._foreach_addcdiv_(buffers, gradients, roots)
        torch._foreach_add_(parameters, buffers, alpha=-rate)
