"""Parameters that share regularisation, learning rate, device and type, and the state that their rule keeps of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.optim.rule import Lists, Rule, Tensors


class Group:
    """Lists of tensors that go to one kernel call.

    A kernel walks memory and looks neither at shapes nor at strides, so those are looked after here.

    Args:
        places: of the parameters in the list of all parameters.
        parameters: of one device and one floating type.
        rule: how to update.
        decay: weight decay.
        l1: adds ``l1 * sign(w)`` to the gradient.
        factor: what the learning rate is multiplied by.
    """

    def __init__(
        self,
        places: list[int],
        parameters: list[Tensor],
        rule: Rule,
        *,
        decay: float = 0.0,
        l1: float = 0.0,
        factor: float = 1.0,
    ) -> None:
        self.places = places
        self.parameters = parameters
        self.decay = decay
        self.l1 = l1
        self.factor = factor
        self._rule = rule
        self.buffers: Lists = {name: [torch.zeros_like(p) for p in parameters] for name in rule.names}
        self._strides = [p.stride() for p in parameters]
        self._sizes = [p.numel() for p in parameters]
        # While all parameters have had as many updates they share one counter: counting costs one operation then.
        # A counter of each one's own follows at the first step that leaves some out.
        counter = torch.zeros((), device=parameters[0].device)
        self._one = torch.ones_like(counter)
        self._steps = [counter] * len(parameters) if rule.counts else []
        self._together = True

    def step(self, gradients: Sequence[Tensor | None], rate: float) -> None:
        """One update of those whose gradient is not None; ``gradients`` in the order of ``parameters``."""
        if True in [g is None for g in gradients]:
            self._step_some(gradients, rate)
            return
        present: Tensors = gradients  # type: ignore[assignment]
        if [p.stride() for p in self.parameters] != self._strides:
            self._lie_like_parameters()
        if [g.numel() for g in present] != self._sizes:
            raise _wrong_shape(self.parameters, present, self.places)
        if [g.stride() for g in present] != self._strides:
            present = [_laid_like(g, p) for g, p in zip(present, self.parameters, strict=True)]
        if self._steps:
            if self._together:
                self._steps[0].add_(self._one)
            else:
                torch._foreach_add_(self._steps, self._one)
        self._update(self.parameters, present, self.buffers, self._steps, rate)

    def _step_some(self, gradients: Sequence[Tensor | None], rate: float) -> None:
        there = [i for i, g in enumerate(gradients) if g is not None]
        if not there:
            return
        if [p.stride() for p in self.parameters] != self._strides:
            self._lie_like_parameters()
        if self._steps and self._together:
            self._steps = [counter.clone() for counter in self._steps]
            self._together = False
        parameters = [self.parameters[i] for i in there]
        found = [g for g in gradients if g is not None]
        if [g.numel() for g in found] != [p.numel() for p in parameters]:
            raise _wrong_shape(parameters, found, [self.places[i] for i in there])
        found = [_laid_like(g, p) for g, p in zip(found, parameters, strict=True)]
        buffers = {name: [values[i] for i in there] for name, values in self.buffers.items()}
        steps = [self._steps[i] for i in there] if self._steps else []
        if steps:
            torch._foreach_add_(steps, self._one)
        self._update(parameters, found, buffers, steps, rate)

    def _update(
        self, parameters: list[Tensor], gradients: Tensors, buffers: Lists, steps: list[Tensor], rate: float
    ) -> None:
        if self.l1:  # not in place: the gradients are the caller's
            gradients = torch._foreach_add(gradients, torch._foreach_sign(parameters), alpha=self.l1)
        self._rule.update(parameters, gradients, buffers, steps, rate=rate * self.factor, decay=self.decay)

    def _lie_like_parameters(self) -> None:
        """Lay the state anew after the model was given another memory format."""
        for values in self.buffers.values():
            values[:] = [_laid_like(v, p) for v, p in zip(values, self.parameters, strict=True)]
        self._strides = [p.stride() for p in self.parameters]

    def state(self) -> dict[str, Tensor]:
        """Name and place to tensor; counters are copies (safetensors refuses shared memory), the rest is not."""
        tensors = {
            f"{name}.{place}": value
            for name, values in self.buffers.items()
            for place, value in zip(self.places, values, strict=True)
        }
        return tensors | {f"step.{p}": t.clone() for p, t in zip(self.places, self._steps, strict=False)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Copy the values of ``state``, whose names and shapes are already known to be right."""
        for name, values in self.buffers.items():
            for place, value in zip(self.places, values, strict=True):
                value.copy_(state[f"{name}.{place}"])
        if not self._steps:
            return
        counts = [float(state[f"step.{place}"]) for place in self.places]
        self._together = len(set(counts)) == 1
        new = [torch.full_like(self._one, count) for count in counts]
        self._steps = [new[0]] * len(new) if self._together else new


def _laid_like(value: Tensor, parameter: Tensor) -> Tensor:
    """The same values in memory laid as the parameter's; the tensor itself where it is so already."""
    return value if value.stride() == parameter.stride() else torch.empty_like(parameter).copy_(value)


def _wrong_shape(parameters: Sequence[Tensor], gradients: Sequence[Tensor], places: Sequence[int]) -> UserError:
    for parameter, gradient, place in zip(parameters, gradients, places, strict=True):
        if parameter.shape != gradient.shape:
            return UserError(
                f"gradient {place} has shape {list(gradient.shape)}",
                expected=f"the parameter's shape, {list(parameter.shape)}",
                fix="give the gradients in the order of the parameters",
            )
    return UserError("the model's parameters changed their size after the optimiser was built", fix="build it anew")
