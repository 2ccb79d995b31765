"""What one batch tells of a model, its loss and its optimiser, before a step is spent."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from deepwell.core.errors import UserError
from deepwell.doctor.batch.loss_traits import (
    looks_at_targets,
    loss_and_outputs,
    normalises_inside,
    rows_of_the_table,
    weighs_classes,
)
from deepwell.doctor.batch.metrics import look_at_metric
from deepwell.doctor.batch.optimizers import look_at_optimizer
from deepwell.doctor.batch.outputs import look_at_outputs
from deepwell.doctor.batch.probe import SEED, Loss, Probe, answer, judged, tensors
from deepwell.doctor.batch.raised import by_loss, by_model, loss_alone
from deepwell.doctor.batch.start import look_at_start
from deepwell.doctor.batch.structure import look_at_structure
from deepwell.doctor.batch.trial import Rule, look_at_trial
from deepwell.doctor.batch.wiring import look_at_gradients, look_at_padding, look_at_samples, look_at_the_future
from deepwell.doctor.data.examine_data import examine_data
from deepwell.doctor.guard import Guard
from deepwell.doctor.untouched import untouched
from deepwell.findings import Finding, worst_first

BUDGET = 3.0
"""Seconds for all checks together; those that are left when it is over are named in a note."""


def examine(
    model: nn.Module,
    loss_fn: Loss,
    batch: tuple[Any, Any],
    *,
    optimizer: torch.optim.Optimizer | Rule | None = None,
    train_data: Any = None,
    val_data: Any = None,
    classes: int | None = None,
    batch_size: int | None = None,
    metric: Callable[[Any, Any], Any] | None = None,
    budget: float = BUDGET,
) -> list[Finding]:
    """Try a model on one batch; everything is as before afterwards: weights, buffers, gradients, modes, random state.

    Args:
        model: any module, called as ``model(x)``; with a tuple as ``model(*x)``, with a mapping as ``model(**x)``.
        loss_fn: ``(output, targets)`` to a scalar tensor, or to (sum, count).
        batch: (x, targets), at least two samples, first dimension the batch.
        optimizer: the one that will train the model, which is read and never stepped; or a ``Rule`` that makes one.
        train_data, val_data: (x, y), a ``Dataset`` or a ``DataLoader``, for the checks of the data.
        classes: number of classes where answers are exclusive classes and it is known.
        batch_size: of the training, where ``train_data`` is no loader.
        metric: ``(output, targets)`` to a number, the score that the training is judged by.
        budget: seconds.

    Returns:
        Findings, worst first. A check that fails is a note.

    Raises:
        UserError: a batch that is no pair.

    >>> model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    >>> found = examine(model, nn.CrossEntropyLoss(), (torch.randn(8, 4), torch.arange(8) % 3))
    >>> [f.code for f in found if f.level == "stop"]
    ['M01']
    """
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise UserError(
            f"the batch is a {type(batch).__name__}",
            expected="a pair (x, targets)",
            fix="write examine(model, loss_fn, (x, y)); several inputs are a tuple in place of x",
        )
    if lazy := [name for name, p in model.named_parameters() if is_lazy(p)]:
        return [Finding("M17", "note", lazy[0], "lazy", {"count": len(lazy)})]
    guard = Guard(budget)
    owned = [model, loss_fn] if isinstance(loss_fn, nn.Module) else [model]
    findings: list[Finding] = []
    traits: dict[str, Any] = {}
    # what PyTorch warns of is what the checks look for: it is said once, as a finding
    with untouched(*owned), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings += guard.run(
            "model on a batch", _look_at_model, model, loss_fn, batch, optimizer, classes, guard, traits
        )
    if metric is not None:
        findings += guard.run("metric", look_at_metric, metric, batch[1])
    if train_data is not None:
        findings += guard.run("data", _look_at_data, model, train_data, val_data, classes, batch_size, traits, guard)
    return worst_first(findings)


_OF_LABELS = frozenset(("D08", "D09", "D10", "D11", "D13", "D19", "D20", "D21", "D22", "D33"))


def _look_at_data(
    model: nn.Module,
    train: Any,
    validation: Any,
    classes: int | None,
    batch_size: int | None,
    traits: dict[str, Any],
    guard: Guard,
) -> list[Finding]:
    found = examine_data(
        train,
        validation,
        classes=classes or traits.get("outputs"),
        batch_size=batch_size,
        has_batch_norm=any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()),
        weighted=bool(traits.get("weighs")),
        loss=traits.get("loss"),
        rows=traits.get("rows"),
        normalised_inside=bool(traits.get("normalises")),
        budget=max(1.0, guard.left),
    )
    return [f for f in found if traits.get("looks", True) or f.code not in _OF_LABELS]


def _look_at_model(
    model: nn.Module,
    loss: Loss,
    batch: tuple[Any, Any],
    optimizer: torch.optim.Optimizer | Rule | None,
    classes: int | None,
    guard: Guard,
    traits: dict[str, Any],
) -> list[Finding]:
    x, y = batch
    if bad := [t for t in tensors(x) if t.is_floating_point() and not bool(torch.isfinite(t).all())]:
        rows = torch.nonzero(~torch.isfinite(bad[0].reshape(len(bad[0]), -1)).all(1)).flatten().tolist()
        return [Finding("D05", "stop", "samples", "batch", {"rows": rows[:10], "count": len(rows)})]
    asleep = frozenset(n for n, m in model.named_modules() if not m.training) if model.training else frozenset()
    model.eval()
    torch.manual_seed(SEED)
    with torch.enable_grad():
        try:
            output = answer(model, x)
        # whatever the model raises is the finding
        except Exception as error:
            found = by_model(error, model, x)
            return found + guard.run("loss alone", loss_alone, model, loss, y, classes)
        try:
            probe = judged(model, loss, x, y, output, classes)
        except Exception as error:
            return by_loss(error, output, y)
    probe.asleep = asleep
    # asked here, for the checks of the data, where a loss may refuse without harm
    for ask in (loss_and_outputs, looks_at_targets, weighs_classes, normalises_inside, rows_of_the_table):
        with contextlib.suppress(Exception):
            traits |= ask(probe)
    return _look_at_probe(probe, optimizer, guard)


def _look_at_probe(probe: Probe, optimizer: torch.optim.Optimizer | Rule | None, guard: Guard) -> list[Finding]:
    findings = guard.run("outputs and loss", look_at_outputs, probe)
    learning = None if optimizer is None else _learning(probe.model, optimizer)
    findings += guard.run("gradients", look_at_gradients, probe, learning)
    if any(f.code in ("O20", "M26") and f.level == "stop" for f in findings):
        return findings
    findings += guard.run("first loss", look_at_start, probe)
    if optimizer is not None:
        findings += guard.run("optimizer", look_at_optimizer, probe, optimizer)
    findings += guard.run("samples of a batch", look_at_samples, probe, optional=True)
    findings += guard.run("structure", look_at_structure, probe, optional=True)
    findings += guard.run("future", look_at_the_future, probe, optional=True)
    findings += guard.run("padding", look_at_padding, probe, optional=True)
    if optimizer is not None and not any(f.level == "stop" for f in findings):
        seconds = min(1.5, guard.left)
        findings += guard.run("one batch by heart", look_at_trial, probe, optimizer, seconds=seconds, optional=True)
    return _causes_first(findings)


_CONSEQUENCES = {
    "M12": ("O09", "O01", "O02", "M13", "M18"),
    "M13": ("O09", "O01", "M14"),
    "O13": ("O01", "O09"),
    "M10": (),
    "O07": ("O01",),
    "M30": ("O19",),
}
"""What follows from a fault, and is not a second one."""


def _causes_first(findings: list[Finding]) -> list[Finding]:
    loud = {finding.code for finding in findings if finding.level != "note"}
    explained = {code for cause in loud for code in _CONSEQUENCES.get(cause, ())}
    return [finding for finding in findings if finding.code not in explained]


def _learning(model: nn.Module, optimizer: torch.optim.Optimizer | Rule) -> set[int]:
    """Identities of the parameters that steps will change."""
    if isinstance(optimizer, Rule):
        return {id(p) for p in model.parameters() if p.requires_grad}
    return {id(p) for group in optimizer.param_groups for p in group["params"]}
