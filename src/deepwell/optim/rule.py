"""What an update rule is: arithmetic on lists of tensors, with the state handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Lists = dict[str, list[Tensor]]
Tensors = list[Tensor] | tuple[Tensor, ...]  # what PyTorch's kernels take


class Rule(Protocol):
    """One way to change parameters by their gradients.

    Attributes:
        names: of the state tensors that lie like the parameters; all begin at zero.
        counts: whether the rule is told how many updates each parameter has had, this one included.
    """

    names: tuple[str, ...]
    counts: bool

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
        """Change parameters and state in place.

        Args:
            parameters: at least one, of one device and one type.
            gradients: one a parameter, of its shape and strides; not written to.
            state: under each of ``names`` one tensor a parameter, of its shape and strides.
            steps: one float32 0-dim tensor a parameter, read and not written; empty unless ``counts``.
            rate: learning rate.
            decay: weight decay, the L2 coefficient of this group.
        """
        ...


def fused_kernel(name: str) -> Callable[..., None] | None:
    """PyTorch's ``torch._fused_NAME_``, None where this PyTorch has none.

    The kernels are not part of PyTorch's stable interface; every rule can also be said in ``torch._foreach_*``
    operations, which is what it falls back to. ``torch.optim`` classes are not constructed: their constructor
    imports the compiler, a second at start-up.
    """
    return getattr(torch, f"_fused_{name}_", None)


def with_decay(parameters: Tensors, gradients: Tensors, decay: float) -> Tensors:
    """Gradients of ``loss + decay / 2 * |w|^2``: new tensors where there is decay, the same ones where not."""
    return torch._foreach_add(gradients, parameters, alpha=decay) if decay else gradients
