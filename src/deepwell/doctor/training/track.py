"""One optimiser of a loop that is not ours: its steps, seen through its own hooks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.doctor.training.between import Between
from deepwell.doctor.training.chart import Chart, due
from deepwell.doctor.training.hooks import Hook
from deepwell.doctor.training.sampling import Look, Sampler, sizes


class Track:
    """Looks at the steps of one optimiser.

    Args:
        optimizer: with ``param_groups`` and step hooks, as every ``torch.optim`` class has them.
        names: of the model's parameters, by ``id``.
        frozen: the model's parameters that are not to be trained, by name.
        chart: where looks go.
        name: of this optimiser among several.
        every: steps between looks.
        broken: called before a step whose gradients are not finite.
        stepped: called after each step, with its number.
    """

    def __init__(
        self,
        optimizer: Any,
        names: Mapping[int, str],
        frozen: Mapping[str, Tensor],
        chart: Chart,
        *,
        name: str,
        every: int,
        broken: Callable[[], None],
        stepped: Callable[[int], None],
    ) -> None:
        self.optimizer, self.chart, self.name, self.every = optimizer, chart, name, every
        self.step = 0
        self.moved: list[str] = []
        self._names, self._frozen = dict(names), dict(frozen)
        self._broken, self._stepped = broken, stepped
        self._between = Between()
        self._held: tuple[Sequence[Tensor | None], np.ndarray, np.ndarray, list[float | None]] | None = None
        self._still: dict[str, Tensor] = {}
        self._previous: tuple[int, np.ndarray] | None = None
        self._pending: Look | None = None
        self._rebuild()
        self._hooks = [
            optimizer.register_step_pre_hook(Hook(partial(chart.harmless, "before a step", self._before))),
            optimizer.register_step_post_hook(Hook(partial(chart.harmless, "after a step", self._after))),
        ]

    def _rebuild(self) -> None:
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        names = [self._names.get(id(p), f"parameter {i}") for i, p in enumerate(self.parameters)]
        self.sampler = Sampler(names, self.parameters)
        ends = [*self.parameters[:2], *self.parameters[-2:]]
        small = [min(pair, key=lambda p: p.numel()) for pair in (ends[:2], ends[-2:]) if pair]
        # a loss that is not finite shows in the gradients of the last layer, an overflow on the way in the first's
        self._canaries = [p for p in small if p.device.type == "cpu" and p.numel() <= 1 << 14]

    @property
    def rate(self) -> float:
        """The highest learning rate of the groups."""
        return max((float(group.get("lr", 0.0)) for group in self.optimizer.param_groups), default=0.0)

    def close(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()
        self._between.drop()

    # ---- around a step

    def _before(self, _optimizer: Any, args: Any, kwargs: Any) -> None:
        step = self.step + 1
        for canary in self._canaries:
            gradient = canary.grad
            if gradient is None or gradient.layout is not torch.strided or math.isfinite(gradient.sum().item()):
                continue
            if getattr(self.optimizer, "found_inf", None) is None:  # else a scaler lets the step pass
                self._broken()
                break
        self._held = None
        # a closure makes the gradients inside the step: what is there now is an old one
        own = any(callable(value) for value in (*args, *kwargs.values()))
        if own:
            self._between.drop()
        elif due(step, self.every):
            self._look_before(step)
        elif due(step + 1, self.every):
            self._previous = step, self.sampler.gradients([p.grad for p in self.parameters])

    def _look_before(self, step: int) -> None:
        if sum(len(group["params"]) for group in self.optimizer.param_groups) != len(self.parameters):
            self._rebuild()
            self._previous = None
        self.chart.run("gradients between steps", self._between.judge)
        gradients = [p.grad for p in self.parameters]
        if all(g is None for g in gradients):
            return
        sampled = self.sampler.gradients(gradients)
        norms = sizes(gradients)
        if any(n is not None and not math.isfinite(n) for n in norms):
            self._broken()
        self._held = gradients, sampled, self.sampler.values(), norms
        self._still = {name: _piece(p) for name, p in self._frozen.items()}

    def _after(self, _optimizer: Any, _args: Any, _kwargs: Any) -> None:
        self.step += 1
        step = self.step
        self.flush()
        if self._held is not None:
            gradients, sampled, before, norms = self._held
            self._held = None
            previous = self._previous[1] if self._previous is not None and self._previous[0] == step - 1 else None
            if previous is not None and len(previous) != len(sampled):
                previous = None
            self._pending = self.sampler.look(
                step, self.rate, gradients, before, sampled=sampled, norms=norms, previous=previous
            )
            self._previous = step, sampled
            self.moved = [n for n, p in self._frozen.items() if not torch.equal(_piece(p), self._still[n])]
        if due(step + 1, self.every):
            self._between.arm(self.parameters)
        self._stepped(step)

    def flush(self) -> None:
        """Hand over the last look: after the loss of its step, or before the next step where none was given."""
        if self._pending is not None:
            look, self._pending = self._pending, None
            self.chart.look(look, of=self.name)


def _piece(parameter: Tensor) -> Tensor:
    return parameter.detach().reshape(-1)[:: max(1, parameter.numel() // 64)].clone()
