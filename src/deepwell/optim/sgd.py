"""Stochastic gradient descent, plain, with momentum and with Nesterov's."""

from __future__ import annotations

import torch

from deepwell.optim.rule import Lists, Tensors, fused_kernel, with_decay


class SGD:
    """w <- w - rate * g (Robbins and Monro 1951); with momentum m <- momentum * m + g, w <- w - rate * m.

    Momentum is Polyak's (1964) in the form of Sutskever et al. 2013: the learning rate multiplies the whole of m,
    so a change of rate acts at once. Nesterov's (1983) steps along g + momentum * m instead of m.

    Args:
        momentum: share of the last step that is kept, 0 to below 1.
        nesterov: look ahead along the momentum.

    >>> rule, w = SGD(), [torch.tensor([1.0])]
    >>> rule.update(w, [torch.tensor([2.0])], {}, [], rate=0.1, decay=0.0)
    >>> w
    [tensor([0.8000])]
    """

    counts = False

    def __init__(self, momentum: float = 0.0, *, nesterov: bool = False) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        self._kernel = fused_kernel("sgd")
        self.names: tuple[str, ...] = ("momentum",) if momentum else ()

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
        buffers = state["momentum"] if self.momentum else []
        if self._kernel is not None and (parameters[0].is_cpu or parameters[0].is_cuda):
            # a buffer of zeros makes the first step m = g, so that no step is a special one
            self._kernel(
                parameters, gradients, buffers, weight_decay=decay, momentum=self.momentum, lr=rate,
                dampening=0.0, nesterov=self.nesterov, maximize=False, is_first_step=False,
            )  # fmt: skip
            return
        direction = with_decay(parameters, gradients, decay)
        if self.momentum:
            torch._foreach_mul_(buffers, self.momentum)
            torch._foreach_add_(buffers, direction)
            ahead = self.nesterov
            direction = torch._foreach_add(direction, buffers, alpha=self.momentum) if ahead else buffers
        torch._foreach_add_(parameters, direction, alpha=-rate)
