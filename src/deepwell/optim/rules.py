"""The update rules: PyTorch's own kernels on lists of tensors, fused where there is a fused one.

``torch.optim`` classes are not constructed: their constructor imports the compiler, a second at start-up.
A rule owns named lists of state tensors and knows how to make one update of a list of parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adadelta import adadelta
from torch.optim.rmsprop import rmsprop

Lists = dict[str, list[Tensor]]


class Rule(Protocol):
    """One way to update parameters from gradients."""

    def begin(self, parameters: Sequence[Tensor]) -> Lists:
        """Fresh state: one tensor a parameter under each name."""
        ...

    def update(
        self, parameters: list[Tensor], gradients: list[Tensor], state: Lists, *, rate: float, decay: float
    ) -> None:
        """Change parameters and state in place; ``decay`` is the weight decay."""
        ...


def _like(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]


def _counters(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros((), dtype=torch.float32, device=p.device) for p in parameters]


class SGD:
    """w <- w - rate * g, with momentum: m <- momentum * m + g (Polyak 1964; Sutskever et al. 2013)."""

    def __init__(self, momentum: float = 0.0, *, nesterov: bool = False) -> None:
        self.momentum = momentum
        self.nesterov = nesterov

    def begin(self, parameters: Sequence[Tensor]) -> Lists:
        # a buffer of zeros gives m = g at the first step, as PyTorch's own first step does
        return {"momentum": _like(parameters)} if self.momentum else {}

    def update(
        self, parameters: list[Tensor], gradients: list[Tensor], state: Lists, *, rate: float, decay: float
    ) -> None:
        torch._fused_sgd_(
            parameters,
            gradients,
            state.get("momentum", []),
            weight_decay=decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=False,
        )


class Adagrad:
    """s <- s + g^2, w <- w - rate * g / (sqrt(s) + eps) (Duchi, Hazan, Singer 2011)."""

    def __init__(self, eps: float = 1e-10) -> None:
        self.eps = eps

    def begin(self, parameters: Sequence[Tensor]) -> Lists:
        return {"sum": _like(parameters), "step": _counters(parameters)}

    def update(
        self, parameters: list[Tensor], gradients: list[Tensor], state: Lists, *, rate: float, decay: float
    ) -> None:
        if parameters[0].device.type == "cpu":
            torch._foreach_add_(state["step"], 1)
            torch._fused_adagrad_(
                parameters,
                gradients,
                state["sum"],
                state["step"],
                lr=rate,
                lr_decay=0.0,
                weight_decay=decay,
                eps=self.eps,
                maximize=False,
            )
            return
        from torch.optim.adagrad import adagrad  # no fused kernel on an accelerator

        adagrad(
            parameters, gradients, state["sum"], state["step"], foreach=True, has_sparse_grad=False,
            lr=rate, weight_decay=decay, lr_decay=0.0, eps=self.eps, maximize=False,
        )  # fmt: skip


class Adadelta:
    """Steps as large as the recent steps, over the recent gradients (Zeiler 2012, arXiv:1212.5701)."""

    def __init__(self, rho: float = 0.9, eps: float = 1e-6) -> None:
        self.rho = rho
        self.eps = eps

    def begin(self, parameters: Sequence[Tensor]) -> Lists:
        return {"square": _like(parameters), "delta": _like(parameters), "step": _counters(parameters)}

    def update(
        self, parameters: list[Tensor], gradients: list[Tensor], state: Lists, *, rate: float, decay: float
    ) -> None:
        adadelta(
            parameters, gradients, state["square"], state["delta"], state["step"], foreach=True,
            lr=rate, rho=self.rho, eps=self.eps, weight_decay=decay, maximize=False,
        )  # fmt: skip


class RMSprop:
    """s <- alpha * s + (1 - alpha) g^2, w <- w - rate * g / (sqrt(s) + eps) (Tieleman and Hinton 2012)."""

    def __init__(self, alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0) -> None:
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum

    def begin(self, parameters: Sequence[Tensor]) -> Lists:
        state = {"square": _like(parameters), "step": _counters(parameters)}
        return state | ({"momentum": _like(parameters)} if self.momentum else {})

    def update(
        self, parameters: list[Tensor], gradients: list[Tensor], state: Lists, *, rate: float, decay: float
    ) -> None:
        rmsprop(
            parameters, gradients, state["square"], [], state.get("momentum", []), state["step"], foreach=True,
            lr=rate, alpha=self.alpha, eps=self.eps, weight_decay=decay, momentum=self.momentum, centered=False,
        )  # fmt: skip


class Adam:
    """m and v are running means of g and g^2, corrected for their start at zero (Kingma and Ba 2015).

    w <- w - rate * m' / (sqrt(v') + eps). With ``decoupled`` the weight decay shrinks the weights directly
    (AdamW; Loshchilov and Hutter 2019), else it is added to the gradient.
    """

    def __init__(
        self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, *, decoupled: bool = False
    ) -> None:
        self.betas = betas
        self.eps = eps
        self.kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_

    def begin(self, parameters: Sequence[Tensor]) -> Lists:
        return {"mean": _like(parameters), "square": _like(parameters), "step": _counters(parameters)}

    def update(
        self, parameters: list[Tensor], gradients: list[Tensor], state: Lists, *, rate: float, decay: float
    ) -> None:
        torch._foreach_add_(state["step"], 1)
        self.kernel(
            parameters,
            gradients,
            state["mean"],
            state["square"],
            [],
            state["step"],
            lr=rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=decay,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
        )
