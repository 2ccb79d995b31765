"""An optimiser: rules over groups of parameters, thin state over lists of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.optim.group import Group
from deepwell.optim.rule import Rule


class Optimizer:
    """Changes parameters in place from their gradients.

    Args:
        parameters: in the order in which ``step`` is given gradients; floating, each once.
        rule: how to update; or one for each parameter.
        decayed: for each parameter, whether weight decay and L1 act on it.
        weight_decay: L2; added to the gradient, or apart from it where the rule is decoupled (AdamW, Muon).
        l1: adds ``l1 * sign(w)`` to the gradient of decayed parameters, the subgradient of ``l1 * |w|``.
        factors: for each parameter, what its learning rate is multiplied by; None: 1 for all.

    Raises:
        UserError: a parameter twice, of whole numbers, or one whose elements share memory.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        rule: Rule | Sequence[Rule],
        *,
        decayed: Sequence[bool],
        weight_decay: float = 0.0,
        l1: float = 0.0,
        factors: Sequence[float] | None = None,
    ) -> None:
        rules = list(rule) if isinstance(rule, Sequence) else [rule] * len(parameters)
        self._count = len(parameters)
        _check(parameters)
        regular = bool(weight_decay or l1)
        factors = [1.0] * len(parameters) if factors is None else factors
        places: dict[tuple[bool, float, torch.device, torch.dtype, int], list[int]] = {}
        for i, p in enumerate(parameters):
            key = (regular and decayed[i], factors[i], p.device, p.dtype, id(rules[i]))
            places.setdefault(key, []).append(i)
        self.groups = [
            Group(
                where,
                [parameters[i] for i in where],
                rules[where[0]],
                decay=weight_decay if key[0] else 0.0,
                l1=l1 if key[0] else 0.0,
                factor=key[1],
            )
            for key, where in places.items()
        ]

    def step(self, gradients: Sequence[Tensor | None], learning_rate: float) -> None:
        """One update. Call under ``torch.no_grad``.

        Args:
            gradients: one a parameter, of its shape; a parameter whose gradient is None stays as it is, and so does
                its state. Not written to.
            learning_rate: of this step, for parameters whose factor is 1.

        Raises:
            UserError: as many gradients as there are parameters, of their shapes, were expected.
        """
        if len(gradients) != self._count:
            raise UserError(f"there are {len(gradients)} gradients", expected=f"{self._count}, one a parameter")
        groups = self.groups
        if len(groups) == 1:
            groups[0].step(gradients, learning_rate)
            return
        for group in groups:
            group.step([gradients[i] for i in group.places], learning_rate)

    def state(self) -> dict[str, Tensor]:
        """The state tensors by stable names, ``mean.0`` for the first parameter; no two share memory."""
        return {name: value for group in self.groups for name, value in group.state().items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a state: what follows is bit for bit what would have followed without the interruption.

        Raises:
            UserError: names, shapes or types of another optimiser or model; nothing is changed then.
        """
        mine = self.state()
        if mine.keys() != state.keys():
            odd = sorted(mine.keys() ^ state.keys())[:3]
            raise UserError(
                f"the optimiser's state does not fit (it differs in {', '.join(odd)})",
                expected="the state of the same optimiser on the same model",
                fix="build the optimiser with the name and options that the state was saved with",
            )
        for name, value in mine.items():
            given = state[name]
            if value.shape != given.shape or value.dtype != given.dtype:
                raise UserError(
                    f"the optimiser's state {name} has shape {list(given.shape)} and type {given.dtype}",
                    expected=f"{list(value.shape)} and {value.dtype}",
                    fix="build the model as it was when the state was saved",
                )
        for group in self.groups:
            group.load(dict(state))


def _check(parameters: Sequence[Tensor]) -> None:
    seen: dict[int, int] = {}
    for i, p in enumerate(parameters):
        if id(p) in seen:
            raise UserError(f"parameter {i} is parameter {seen[id(p)]} again", fix="give each parameter once")
        seen[id(p)] = i
        if not p.is_floating_point():
            raise UserError(f"parameter {i} is of {p.dtype}", expected="a floating type", fix="leave it out")
        if torch.empty_like(p).stride() != p.stride():
            raise UserError(
                f"parameter {i}, shape {list(p.shape)}, is a view with holes or shared elements",
                expected="memory of its own",
                fix="train the tensor that it is a view of, or its contiguous() copy",
            )
