"""Adagrad."""

from __future__ import annotations

import torch

from deepwell.optim.rule import Lists, Tensors, fused_kernel, with_decay


class Adagrad:
    """s <- s + g^2, w <- w - rate * g / (sqrt(s) + eps) (Duchi, Hazan, Singer 2011).

    Args:
        eps: keeps the division finite, above 0.
    """

    names: tuple[str, ...] = ("sum",)
    counts = True  # the kernel asks for the count, though without a decay of the rate it does not matter

    def __init__(self, eps: float = 1e-10) -> None:
        self.eps = eps
        self._kernel = fused_kernel("adagrad")

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
        sums = state["sum"]
        if self._kernel is not None and parameters[0].is_cpu:  # an accelerator has none
            self._kernel(
                parameters, gradients, sums, steps,
                lr=rate, lr_decay=0.0, weight_decay=decay, eps=self.eps, maximize=False,
            )  # fmt: skip
            return
        gradients = with_decay(parameters, gradients, decay)
        torch._foreach_addcmul_(sums, gradients, gradients)
        roots = torch._foreach_sqrt(sums)
        torch._foreach_add_(roots, self.eps)
        torch._foreach_addcdiv_(parameters, gradients, roots, value=-rate)
