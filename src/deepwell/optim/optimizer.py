"""An optimiser: one rule applied to two groups of parameters, decayed and not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.optim.rules import Lists, Rule


class _Group:
    """Parameters that share their regularisation, with their places in the caller's list."""

    def __init__(self, places: list[int], parameters: list[Tensor], rule: Rule, decay: float, l1: float) -> None:
        self.places = places
        self.parameters = parameters
        self.decay = decay
        self.l1 = l1
        self.state: Lists = rule.begin(parameters)


class Optimizer:
    """Changes parameters in place from their gradients.

    Args:
        parameters: in the order in which ``step`` is given gradients.
        rule: how to update.
        decayed: for each parameter, whether weight decay and L1 act on it.
        weight_decay: L2; how it acts is the rule's.
        l1: adds ``l1 * sign(w)`` to the gradient of decayed parameters, the subgradient of ``l1 * |w|``.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        rule: Rule,
        *,
        decayed: Sequence[bool],
        weight_decay: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        self.rule = rule
        everything = list(range(len(parameters)))
        wanted = [(everything, 0.0, 0.0)]
        if weight_decay or l1:
            wanted = [([i for i in everything if decayed[i]], weight_decay, l1)]
            wanted += [([i for i in everything if not decayed[i]], 0.0, 0.0)]
        self.groups = [
            _Group(places, [parameters[i] for i in places], rule, decay, strength)
            for places, decay, strength in wanted
            if places
        ]
        self._whole = self.groups[0].places == everything

    def step(self, gradients: Sequence[Tensor | None], learning_rate: float) -> None:
        """One update; parameters whose gradient is None stay as they are. Call under ``torch.no_grad``."""
        for group in self.groups:
            parameters, state = group.parameters, group.state
            found = list(gradients) if self._whole else [gradients[i] for i in group.places]
            if any(g is None for g in found):
                there = [i for i, g in enumerate(found) if g is not None]
                if not there:
                    continue
                parameters = [parameters[i] for i in there]
                state = {name: [values[i] for i in there] for name, values in state.items()}
                found = [found[i] for i in there]
            present: list[Tensor] = found  # type: ignore[assignment]
            # a fused kernel walks memory: gradient and weight must lie alike (channels-last filters may not)
            present = [
                g if g.stride() == p.stride() else torch.empty_like(p).copy_(g)
                for g, p in zip(present, parameters, strict=True)
            ]
            if group.l1:
                torch._foreach_add_(present, torch._foreach_sign(parameters), alpha=group.l1)
            self.rule.update(parameters, present, state, rate=learning_rate, decay=group.decay)

    def state(self) -> dict[str, Tensor]:
        """The state tensors by stable names, ``mean.0`` for the first parameter; shared, not copied."""
        return {
            f"{name}.{place}": value
            for group in self.groups
            for name, values in group.state.items()
            for place, value in zip(group.places, values, strict=True)
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a state, bit for bit.

        Raises:
            UserError: names or shapes of another optimiser or model.
        """
        mine = self.state()
        if mine.keys() != state.keys():
            odd = sorted(mine.keys() ^ state.keys())[:3]
            raise UserError(
                f"the optimiser's state does not fit (it differs in {', '.join(odd)})",
                expected="the state of the same optimiser on the same model",
            )
        for name, value in mine.items():
            if value.shape != state[name].shape:
                raise UserError(
                    f"the optimiser's state {name} has shape {list(state[name].shape)}", expected=f"{list(value.shape)}"
                )
            value.copy_(state[name])
