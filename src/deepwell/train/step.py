"""The training step: everything that changes gradients or weights, read from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from deepwell.core.seeds import mix
from deepwell.optim.clip import clip_by_norm, clip_by_value

LossFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Updater(Protocol):
    """What the step needs of an optimiser."""

    def step(self, gradients: Sequence[Tensor | None], learning_rate: float) -> None:
        """Change the parameters in place."""
        ...


class NotFiniteError(Exception):
    """The loss of a step is NaN or infinite; raised before the weights are touched."""

    def __init__(self, loss: float, part: int) -> None:
        super().__init__(f"loss is {loss}")
        self.loss = loss
        self.part = part


@dataclass(frozen=True, slots=True)
class StepResult:
    """What observers may look at after a step. Tensors stay on the device: reading one waits for it."""

    loss: Tensor
    """Sum of the loss over the batch, 0-dim."""
    count: Tensor
    """What the sum is divided by, 0-dim."""
    scores: Sequence[Tensor]
    """The model's answers, one [batch, ...] a part."""
    targets: Sequence[Tensor]
    """The targets, one a part."""
    gradients: Sequence[Tensor | None]
    """Of the mean loss, after clipping; one a parameter, None where the loss does not depend on it."""


class Step:
    """Forward, backward, accumulate, clip, update.

    Args:
        model: any module; called as ``model(x)``.
        parameters: the tensors to train, in the optimiser's order.
        loss: ``(scores, targets) -> (sum, count)``.
        optimizer: changes ``parameters`` in place.
        seed: dropout and every other draw inside the step depend on (seed, step number) alone, so that a
            resumed run draws what the uninterrupted one drew.
        autocast: bfloat16 to multiply in it where PyTorch judges it safe; None for float32 throughout.
        clip_norm: largest norm of all gradients together; None leaves them.
        clip_value: largest absolute value of a gradient's element; None leaves them.
    """

    def __init__(
        self,
        model: nn.Module,
        parameters: Sequence[Tensor],
        loss: LossFunction,
        optimizer: Updater,
        *,
        seed: int = 0,
        autocast: torch.dtype | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.model = model
        self.parameters = list(parameters)
        self.loss = loss
        self.optimizer = optimizer
        self.seed = seed
        self.autocast = autocast
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self._device_type = self.parameters[0].device.type
        self._reads_are_free = self._device_type == "cpu"

    def __call__(self, number: int, parts: Sequence[tuple[Tensor, Tensor]], learning_rate: float) -> StepResult:
        """Make step ``number`` on a batch given as one part, or as several whose gradients are accumulated.

        Raises:
            NotFiniteError: on a CPU at once; on a GPU the loop sees it when it next reads the loss.
        """
        torch.manual_seed(mix(self.seed, number)) if self._device_type != "cpu" else _seed_cpu(mix(self.seed, number))
        total, count, scores, gradients = None, None, [], None
        for index, (x, y) in enumerate(parts):
            answer, loss, part_count = self._forward(x, y)
            if self._reads_are_free and not math.isfinite(value := loss.item()):
                raise NotFiniteError(value, index)
            single = len(parts) == 1
            new = torch.autograd.grad(loss / part_count if single else loss, self.parameters, allow_unused=True)
            gradients = new if gradients is None else [_add(a, b) for a, b in zip(gradients, new, strict=True)]
            total = loss.detach() if total is None else total + loss.detach()
            count = part_count if count is None else count + part_count
            scores.append(answer.detach() if isinstance(answer, Tensor) else answer)
        with torch.no_grad():
            present = [g for g in gradients if g is not None]
            if len(parts) > 1:  # the mean over all samples of all parts: sums are divided once
                torch._foreach_div_(present, count)
            if self.clip_value is not None:
                clip_by_value(present, self.clip_value)
            if self.clip_norm is not None:
                clip_by_norm(present, self.clip_norm)
            self.optimizer.step(gradients, learning_rate)
        return StepResult(total, count, scores, [y for _, y in parts], gradients)

    def _forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.autocast is None:
            answer = self.model(x)
        else:
            with torch.autocast(self._device_type, self.autocast):
                answer = self.model(x)
            answer = answer.float()
        return answer, *self.loss(answer, y)


def _add(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a.add_(b)


def _seed_cpu(seed: int) -> None:
    # torch.manual_seed also asks every accelerator's back end; on a CPU that costs ten times the seeding itself
    torch.default_generator.manual_seed(seed)
