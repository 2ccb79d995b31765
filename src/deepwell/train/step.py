"""The training step: everything that changes gradients or weights, read from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    norm: Tensor | None = None
    """Euclidean norm of all gradients before they were clipped by it, 0-dim; None where they are not."""


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
        results: list[StepResult] = []
        for index, (x, y) in enumerate(parts):
            answer, loss, count = self._forward(x, y)
            if self._reads_are_free and not math.isfinite(value := loss.item()):
                raise NotFiniteError(value, index)
            # one part: divide before the backward pass; several: their sums are divided once, below
            mean = loss / count if len(parts) == 1 else loss
            gradients = torch.autograd.grad(mean, self.parameters, allow_unused=True)
            results.append(StepResult(loss.detach(), count, [answer.detach()], [y], gradients))
        whole = results[0] if len(results) == 1 else _joined(results)
        with torch.no_grad():
            present = [g for g in whole.gradients if g is not None]
            if self.clip_value is not None:
                clip_by_value(present, self.clip_value)
            if self.clip_norm is not None:
                whole = replace(whole, norm=clip_by_norm(present, self.clip_norm))
            self.optimizer.step(whole.gradients, learning_rate)
        return whole

    def _forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.autocast is None:
            answer = self.model(x)
        else:
            with torch.autocast(self._device_type, self.autocast):
                answer = self.model(x)
            answer = answer.float()
        return answer, *self.loss(answer, y)


def _joined(parts: Sequence[StepResult]) -> StepResult:
    """Sums of the parts; the gradients become those of the mean over all samples of all parts."""
    count = torch.stack([part.count for part in parts]).sum()
    gradients = [
        None if all(g is None for g in column) else sum(g for g in column if g is not None) / count
        for column in zip(*(part.gradients for part in parts), strict=True)
    ]
    return StepResult(
        torch.stack([part.loss for part in parts]).sum(),
        count,
        [score for part in parts for score in part.scores],
        [target for part in parts for target in part.targets],
        gradients,
    )


def _seed_cpu(seed: int) -> None:
    # torch.manual_seed also asks every accelerator's back end; on a CPU that costs ten times the seeding itself
    torch.default_generator.manual_seed(seed)
