"""Adam and AdamW."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from deepwell.optim.rule import Lists, Tensors, fused_kernel, with_decay


class Adam:
    """m and v, running means of g and g^2, corrected for their start at zero (Kingma and Ba 2015, arXiv:1412.6980).

    m <- b1 * m + (1 - b1) g, v <- b2 * v + (1 - b2) g^2, w <- w - rate * m' / (sqrt(v') + eps), where at the t-th
    update, counted from 1, m' = m / (1 - b1^t) and v' = v / (1 - b2^t).

    Args:
        betas: b1 and b2, each 0 to below 1.
        eps: keeps the division finite, above 0.
        decoupled: weight decay shrinks the weights by ``rate * decay`` before the update, as in AdamW (Loshchilov
            and Hutter 2019, arXiv:1711.05101); else it is added to the gradient as in Adam.
    """

    names: tuple[str, ...] = ("mean", "square")
    counts = True

    def __init__(
        self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, *, decoupled: bool = False
    ) -> None:
        self.betas = betas
        self.eps = eps
        self.decoupled = decoupled
        self._kernel = fused_kernel("adamw" if decoupled else "adam")

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
        means, squares = state["mean"], state["square"]
        b1, b2 = self.betas
        if self._kernel is not None and (parameters[0].is_cpu or parameters[0].is_cuda):
            self._kernel(
                parameters, gradients, means, squares, [], steps, lr=rate, beta1=b1, beta2=b2,
                weight_decay=decay, eps=self.eps, amsgrad=False, maximize=False,
            )  # fmt: skip
            return
        if self.decoupled and decay:
            torch._foreach_mul_(parameters, 1.0 - rate * decay)
        else:
            gradients = with_decay(parameters, gradients, decay)
        torch._foreach_lerp_(means, gradients, 1.0 - b1)
        torch._foreach_mul_(squares, b2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1.0 - b2)
        roots = torch._foreach_div(squares, _corrections(b2, steps))
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.eps)
        corrected = torch._foreach_div(means, _corrections(b1, steps))
        torch._foreach_addcdiv_(parameters, corrected, roots, value=-rate)


def _corrections(beta: float, steps: Tensors) -> list[Tensor]:
    """1 - beta^t for each count t; the difference itself would lose four of float32's seven digits at beta 0.999."""
    logarithm = math.log(beta) if beta else -math.inf
    return [-torch.expm1(t * logarithm) for t in steps]
