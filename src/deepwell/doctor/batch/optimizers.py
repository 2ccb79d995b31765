"""What an optimiser is set to, and what it was given (O04, O12 to O14, O17, O24), without making a step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from deepwell.doctor.batch.probe import Probe
from deepwell.doctor.batch.trial import Rule
from deepwell.findings import Finding, Level

_ADAPTIVE = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Muon")


def look_at_optimizer(probe: Probe, optimizer: torch.optim.Optimizer | Rule) -> Iterator[Finding]:
    """Findings on an optimiser that is about to train the probe's model."""
    groups = _groups(probe, optimizer)
    kind = optimizer.kind if isinstance(optimizer, Rule) else type(optimizer).__name__
    yield from _sum(probe, kind, groups)
    yield from _penalty(probe, kind, groups)
    if isinstance(optimizer, Rule):
        decay = float(optimizer.settings.get("weight_decay") or 0)
        yield from _strength(kind, optimizer.learning_rate, decay, "optimizer")
        return  # the rest is the learner's own doing
    yield from _parameters(probe, optimizer)
    norms = {
        id(p)
        for m in probe.model.modules()
        if isinstance(m, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm))
        for p in m.parameters(recurse=False)
    }
    for number, group in enumerate(optimizer.param_groups):
        yield from _numbers(type(optimizer).__name__, group, number, norms)


def _parameters(probe: Probe, optimizer: torch.optim.Optimizer) -> Iterator[Finding]:
    """Parameters with a gradient that no step will change."""
    learning = {id(p) for group in optimizer.param_groups for p in group["params"]}
    named = [(n, p) for n, p in probe.model.named_parameters() if p.requires_grad]
    if not named or not probe.value.requires_grad:
        return
    gradients = torch.autograd.grad(probe.value, [p for _, p in named], allow_unused=True, retain_graph=True)
    reached = [(n, p) for (n, p), g in zip(named, gradients, strict=True) if g is not None]
    missing = [n for n, p in reached if id(p) not in learning]
    if missing and len(missing) == len(reached):
        yield Finding("O04", "stop", "optimizer", "none_of_them", {"count": len(missing)})
    elif missing:
        yield Finding("O04", "warn", missing[0], "some_missing", {"count": len(missing), "of": len(reached)})


def _groups(probe: Probe, optimizer: torch.optim.Optimizer | Rule) -> list[dict[str, Any]]:
    if not isinstance(optimizer, Rule):
        return optimizer.param_groups
    # biases and norms are not decayed there
    matrices = [p for p in probe.model.parameters() if p.requires_grad and p.dim() > 1]
    return [{**optimizer.settings, "lr": optimizer.learning_rate, "params": matrices}]


def _strength(kind: str, rate: float, decay: float, where: str) -> Iterator[Finding]:
    """A decay that takes the weights away whatever the data says."""
    # the share of a weight that the decay alone takes away in a thousand steps
    lost = 1 - math.exp(-1000 * min(rate * decay, 1.0))
    if decay >= 0.5 and (lost > 0.5 or kind in ("Adam", "RMSprop", "Adagrad", "SGD")):
        yield Finding("O13", "warn", where, "too_strong", {"decay": decay, "lost": lost})


def _penalty(probe: Probe, kind: str, groups: list[dict[str, Any]]) -> Iterator[Finding]:
    """The penalty of the weights beside the loss of the data: what is larger is what is trained."""
    apart = kind in ("AdamW", "NAdamW", "Muon")  # their decay is no part of the loss
    total = 0.0
    for group in groups:
        decay, l1 = 0.0 if apart else float(group.get("weight_decay") or 0), float(group.get("l1") or 0)
        for p in group["params"] if decay >= 0.01 or l1 >= 1e-4 else ():
            total += 0.5 * decay * float(p.detach().square().sum()) + l1 * float(p.detach().abs().sum())
    loss = float(probe.value.detach())
    if loss > 0 and total > 5 * loss:
        yield Finding("O13", "warn", "optimizer", "penalty", {"penalty": total, "loss": loss})


def _sum(probe: Probe, kind: str, groups: list[dict[str, Any]]) -> Iterator[Finding]:
    """A loss that is added up, not averaged: the step grows with the batch, unless the optimiser scales it away."""
    summed = [call for call in probe.calls if call.options.get("reduction") == "sum" and call.scores.numel() > 1]
    count = len(probe.first)
    # a sum that the loss divides afterwards is an average
    if (
        not summed
        or count < 2
        or abs(float(probe.value.detach()) - float(summed[0].value.detach())) > 1e-6 * abs(float(probe.value.detach()))
    ):
        return
    level: Level = "note" if kind in _ADAPTIVE else "warn" if _moves(probe, groups) > 0.1 else "note"
    yield Finding("O07", level, "loss", "sum", {"loss": summed[0].name, "batch": count})


def _moves(probe: Probe, groups: list[dict[str, Any]]) -> float:
    """The first step in proportion to the weights that it changes, the largest of them."""
    pairs = [(p, float(g["lr"])) for g in groups for p in g["params"] if p.requires_grad and p.dim() > 1]
    if not pairs:
        return 0.0
    gradients = torch.autograd.grad(probe.value, [p for p, _ in pairs], allow_unused=True, retain_graph=True)
    return max(
        (
            rate * float(g.norm() / p.detach().norm().clamp_min(1e-12))
            for (p, rate), g in zip(pairs, gradients, strict=True)
            if g is not None
        ),
        default=0.0,
    )


def _numbers(kind: str, group: dict[str, object], number: int, norms: set[int]) -> Iterator[Finding]:
    where = f"optimizer group {number}"

    def of(name: str, default: float = 0.0) -> float:
        value = group.get(name, default)
        return float(value) if isinstance(value, (int, float, torch.Tensor)) else default

    rate = of("lr")
    if rate == 0:
        yield Finding("O04", "warn" if number == 0 else "note", where, "rate_zero", {})
    if not math.isfinite(rate) or rate < 0:
        yield Finding("O24", "stop", where, "constant", {"name": "lr", "value": rate, "range": "above 0"})
    if group.get("maximize"):
        yield Finding("O17", "warn", where, "maximize", {})
    if of("momentum") >= 1:
        yield Finding(
            "O24", "stop", where, "constant", {"name": "momentum", "value": of("momentum"), "range": "below 1"}
        )
    betas = group.get("betas")
    if isinstance(betas, tuple) and any(float(b) >= 1 for b in betas):
        yield Finding("O24", "stop", where, "constant", {"name": "betas", "value": str(betas), "range": "below 1"})
    if kind in _ADAPTIVE and of("eps", 1e-8) > 1e-2:
        yield Finding("O24", "warn", where, "constant", {"name": "eps", "value": of("eps"), "range": "1e-8 to 1e-3"})
    decay = of("weight_decay")
    if strong := list(_strength(kind, rate, decay, where)):
        yield from strong
    elif decay:
        parameters = [p for p in group["params"] if isinstance(p, torch.Tensor)]  # type: ignore[attr-defined]
        small = sum(p.dim() < 2 or id(p) in norms for p in parameters)
        if small and small < len(parameters):
            yield Finding("O13", "note", where, "norms", {"decay": decay, "count": small})
        if kind == "Adam" and not group.get("decoupled_weight_decay"):
            yield Finding("O14", "note", where, "coupled", {"decay": decay})
