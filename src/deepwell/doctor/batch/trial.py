"""Some steps on one batch, made on copies: a training that can't learn sixteen samples by heart learns nothing.

The idea is Karpathy's ("A Recipe for Training Neural Networks", 2019) and TheDeepChecker's (Ben Braiek and Khomh 2022).
Here the same batch is learnt with the user's optimiser as it is, and where that fails with other learning rates. One is
called wrong only if another one on the same batch is right: two signals.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from deepwell.doctor.batch.identify import mean_of
from deepwell.doctor.batch.probe import Loss, Probe, answer, replaced, tensors
from deepwell.findings import Finding

STEPS = 60
_SAMPLES = 32
_LARGEST = 100_000_000
"""Parameters above which no copy is made."""


@dataclass
class Trial:
    """The losses of one batch in training mode, step by step, and how far the weights moved.

    Attributes:
        losses: before each step, and after the last.
        moved: largest change of a step in proportion to the weight that it changes, over all steps.
    """

    losses: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)

    @property
    def finite(self) -> bool:
        return all(math.isfinite(value) for value in self.losses)

    @property
    def start(self) -> float:
        return self.losses[0]

    @property
    def end(self) -> float:
        """The mean of the last fifth: dropout makes single values jump."""
        tail = self.losses[-max(1, len(self.losses) // 5) :]
        return sum(tail) / len(tail)


class Updater(Protocol):
    """What changes parameters, told the gradients and the learning rate: deepwell's own optimisers are of this kind."""

    def step(self, gradients: Sequence[Tensor | None], learning_rate: float) -> None: ...


@dataclass(frozen=True)
class Rule:
    """An optimiser that is not made yet.

    Attributes:
        build: (name, parameter) pairs to an updater of these parameters, in their order.
        learning_rate: its highest.
        kind: its name in PyTorch, such as ``SGD``.
        settings: its numbers by PyTorch's names, such as ``weight_decay``.
    """

    build: Callable[[Sequence[tuple[str, Tensor]]], Updater]
    learning_rate: float
    kind: str = "SGD"
    settings: Mapping[str, float] = field(default_factory=dict)


def look_at_trial(probe: Probe, optimizer: torch.optim.Optimizer | Rule, *, seconds: float) -> Iterator[Finding]:
    """Findings of learning one batch; nothing where model, loss or optimiser can't be copied.

    Args:
        probe: model, loss and batch.
        optimizer: whose kind and settings are used; it is not touched.
        seconds: for all steps together.
    """
    begin = time.perf_counter()
    own = run(probe, optimizer, seconds=seconds / 3)
    if own is None or len(own.losses) < 8:
        return
    left = max(0.05, (seconds - (time.perf_counter() - begin)) / 2)
    steps = len(own.losses) - 1
    fell = own.finite and own.end < own.start - 0.1 * abs(own.start)
    wild = not own.finite or own.end > 2 * abs(own.start) + 1e-6 or _spiked(own)
    if wild:
        calm = None
        for factor in (0.1, 1e-2, 1e-3, 1e-4, 1e-5):
            calm = run(probe, optimizer, factor=factor, steps=steps, seconds=left / 3)
            if calm is not None and calm.finite and calm.end < min(0.95 * calm.start, _end(own)):
                values = {"start": own.start, "end": _end(own), "rate": _rate(optimizer), "calm": calm.end}
                yield Finding("O01", "warn", "optimizer", "wild", values)
                return
        if own.finite and calm is not None and calm.finite and calm.end > calm.start:
            yield Finding("O17", "warn", "loss", "rises", {"start": own.start, "end": own.end})
        return
    if fell:
        return
    moved = max(own.moved, default=0.0)
    still = abs(own.end - own.start) < 0.02 * abs(own.start) + 1e-9
    faster, better = None, False
    for factor in (1e2, 1e4, 1e6) if still else ():
        faster = run(probe, optimizer, factor=factor, steps=steps, seconds=left / 2)
        if better := faster is not None and faster.finite and faster.end < own.end - 0.3 * abs(own.end):
            break
    if better and faster is not None and moved < 1e-4:
        values = {"rate": _rate(optimizer), "start": own.start, "end": own.end, "faster": faster.end, "moved": moved}
        yield Finding("O02", "warn", "optimizer", "still", values)
    elif still and not better:
        yield Finding("O19", "note", "model", "one_batch", {"start": own.start, "end": own.end, "steps": steps})


def _spiked(trial: Trial) -> bool:
    """A loss that was thrown far above its beginning and has not come back to it."""
    return trial.finite and max(trial.losses) > 10 * abs(trial.start) + 1e-6 and trial.end > trial.start


def _end(trial: Trial) -> float:
    return trial.end if trial.finite else math.inf


def _rate(optimizer: torch.optim.Optimizer | Rule) -> float:
    if isinstance(optimizer, Rule):
        return optimizer.learning_rate
    return max(float(group["lr"]) for group in optimizer.param_groups)


def run(
    probe: Probe,
    optimizer: torch.optim.Optimizer | Rule,
    *,
    factor: float = 1.0,
    steps: int = STEPS,
    seconds: float = 1.0,
) -> Trial | None:
    """Learn the batch on copies of model, loss and optimiser; None where one of them can't be copied."""
    if sum(p.numel() for p in probe.model.parameters()) > _LARGEST or (copied := probe.copied()) is None:
        return None
    model, loss = copied
    twin = _twin(optimizer, probe, model, loss, factor)
    if twin is None:
        return None
    parameters, step = twin
    for name, module in model.named_modules():
        # layers that their owner keeps in evaluation stay there: a frozen backbone
        module.training = name not in probe.asleep
    x, y = (_some(value, len(probe.first)) for value in (probe.x, probe.y))
    trial = Trial()
    end = time.perf_counter() + seconds
    watched = [p for p in parameters if p.dim() > 1][:4]
    torch.manual_seed(0)
    with torch.enable_grad():
        for _ in range(steps):
            value = mean_of(loss(answer(model, x), y))
            trial.losses.append(float(value.detach()))
            if not math.isfinite(trial.losses[-1]) or not value.requires_grad:
                return trial
            gradients = torch.autograd.grad(value, parameters, allow_unused=True)
            before = [p.detach().clone() for p in watched]
            step(gradients)
            trial.moved.append(max((_relative(b, p) for b, p in zip(before, watched, strict=True)), default=0.0))
            if time.perf_counter() > end:
                break
        with torch.no_grad():
            trial.losses.append(float(mean_of(loss(answer(model, x), y))))
    return trial


def _relative(before: Tensor, after: Tensor) -> float:
    return float((after.detach() - before).norm() / before.norm().clamp_min(1e-12))


def _some(value: Any, n: int) -> Any:
    """The first samples of a batch, where every tensor has one row a sample."""
    if n <= _SAMPLES or any(t.dim() == 0 or len(t) != n for t in tensors(value)):
        return value
    return replaced(value, lambda t: t[:_SAMPLES])


_Step = Callable[[Sequence[Tensor | None]], None]


def _twin(
    optimizer: torch.optim.Optimizer | Rule, probe: Probe, model: nn.Module, loss: Loss, factor: float
) -> tuple[list[Tensor], _Step] | None:
    """The same optimiser for the copied parameters, with its settings and without its memory; and these parameters."""
    if isinstance(optimizer, Rule):
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        updater, rate = optimizer.build(named), optimizer.learning_rate * factor

        def update(gradients: Sequence[Tensor | None]) -> None:
            with torch.no_grad():
                updater.step(gradients, rate)

        return [p for _, p in named], update
    pairs = dict(zip(map(id, probe.model.parameters()), model.parameters(), strict=True))
    if isinstance(probe.loss, nn.Module) and isinstance(loss, nn.Module):
        pairs |= dict(zip(map(id, probe.loss.parameters()), loss.parameters(), strict=True))
    groups = []
    for group in optimizer.param_groups:
        found = [pairs[id(p)] for p in group["params"] if id(p) in pairs and p.requires_grad]
        if found:
            settings = {k: v for k, v in group.items() if k in optimizer.defaults}
            groups.append({**settings, "params": found, "lr": float(group["lr"]) * factor})
    if not groups or isinstance(optimizer, torch.optim.LBFGS):
        return None
    kind: Any = type(optimizer)
    try:
        twin = kind(groups, lr=groups[0]["lr"])
    # an optimiser of the user's own may want arguments that nobody can know
    except Exception:
        return None
    parameters = [p for group in groups for p in group["params"]]

    def step(gradients: Sequence[Tensor | None]) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        twin.step()

    return parameters, step
