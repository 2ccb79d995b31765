"""Scores, targets and loss seen together: what the loss expects against what it is given (M01 to M09, D11, D12)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from deepwell.doctor.batch.identify import mean_of
from deepwell.doctor.batch.probe import Probe
from deepwell.doctor.spy import LossCall
from deepwell.findings import Finding, Level

_EXACT = 1e-3
"""How near to 1 the sum of a row must be to be a row of probabilities: float16 included."""


def look_at_outputs(probe: Probe) -> Iterator[Finding]:
    """Findings on every loss that the batch went through."""
    for call in probe.calls:
        if not bool(torch.isfinite(call.scores).all()):
            bad = int((~torch.isfinite(call.scores)).sum())
            values = {"bad": bad, "of": call.scores.numel()}
            yield Finding("O20", "stop", probe.first_not_finite() or "output", "scores", values)
            continue
        yield from _BY_NAME.get(call.name, _nothing)(call, probe)
    yield from _pairing(probe)
    yield from _which_class(probe)
    yield from _sign(probe)


# ---- classes


def _cross_entropy(call: LossCall, probe: Probe) -> Iterator[Finding]:
    scores, targets = call.scores.detach(), call.targets
    classes = scores.shape[1] if scores.dim() > 1 else scores.shape[0]
    if scores.dim() < 2:
        return
    if classes == 1:
        yield Finding("M05", "stop", "output", "one_unit", {"shape": list(scores.shape)})
        return
    yield from _class_numbers(call, classes, probe)
    floor = math.log(1 + (classes - 1) / math.e)
    if are_probabilities(scores, 1):
        yield Finding("M01", "stop", "output", "probabilities", {"floor": floor})
    elif len(scores) > 1 and are_probabilities(scores, 0):
        yield Finding("M08", "stop", "output", "columns", {"shape": list(scores.shape)})
    else:
        yield from _bounded(call, classes)
    y = probe.y
    if (
        isinstance(y, Tensor)
        and y.is_floating_point()
        and not targets.is_floating_point()
        and y.numel() == targets.numel()
    ):
        lost = float((y.reshape(-1) != targets.reshape(-1).to(y)).float().mean())
        # targets that the loss makes itself (a number for each sample) have nothing to do with these
        if lost > 0 and bool((y.reshape(-1).trunc() == targets.reshape(-1).to(y)).all()):
            yield Finding("M06", "stop", "loss", "fractions", {"share": lost})
    if targets.is_floating_point() and targets.shape == scores.shape:
        sums = targets.sum(1)
        if bool((sums > 1 + _EXACT).any()) and bool(((targets == 0) | (targets == 1)).all()):
            share = float((sums > 1 + _EXACT).float().mean())
            yield Finding("M06", "stop", "loss", "several_labels", {"share": share})


def _bounded(call: LossCall, classes: int) -> Iterator[Finding]:
    """An activation after the last layer keeps raw scores in a range: the loss has a floor that no training passes."""
    if call.made_by == "Sigmoid" and bool(((call.scores >= 0) & (call.scores <= 1)).all()):
        width, name = 1.0, "sigmoid"
    elif call.made_by == "Tanh":
        width, name = 2.0, "tanh"
    elif call.made_by in ("Relu", "Threshold"):
        zero = float((call.scores == 0).float().mean())
        if zero > 0.2:
            yield Finding("M09", "warn", "output", "rectified", {"zero": zero})
        return
    else:
        return
    floor = math.log(1 + (classes - 1) * math.exp(-width))
    yield Finding("M09", "warn", "output", "bounded", {"activation": name, "floor": floor})


def _class_numbers(call: LossCall, classes: int, probe: Probe) -> Iterator[Finding]:
    if not call.targets.is_floating_point() and call.targets.numel():
        ignored = call.options.get("ignore_index", -100)
        valid = call.targets[call.targets != ignored]
        low, high = (int(valid.min()), int(valid.max())) if valid.numel() else (0, 0)
        if low < 0 or high >= classes:
            yield Finding("D11", "stop", "labels", "outside", {"low": low, "high": high, "classes": classes})
    if probe.classes is not None and classes != probe.classes and probe.classes > 1:
        level: Level = "stop" if classes < probe.classes else "note"
        yield Finding("M07", level, "output", "width", {"outputs": classes, "classes": probe.classes})


def are_probabilities(scores: Tensor, dim: int) -> bool:
    """None negative, none above 1, and sums of 1 along ``dim``, of which there is more than one."""
    if scores.shape[dim] < 2 or float(scores.min()) < 0 or float(scores.max()) > 1 + _EXACT:
        return False
    return bool(((scores.sum(dim) - 1).abs() < _EXACT).all())


def _nll(call: LossCall, _probe: Probe) -> Iterator[Finding]:
    scores = call.scores.detach()
    if are_probabilities(scores, min(1, scores.dim() - 1)):
        yield Finding("M03", "stop", "output", "probabilities", {"loss": float(call.value.detach().mean())})
    elif not bool(((scores.exp().sum(min(1, scores.dim() - 1)) - 1).abs() < 0.01).all()):
        value = float(call.value.detach().mean())
        yield Finding("M02", "stop", "output", "not_log_probabilities", {"loss": value})


def _log_of_probabilities(call: LossCall, _probe: Probe) -> Iterator[Finding]:
    scores = call.scores.detach()
    if float(scores.min()) < 0 or float(scores.max()) > 1 + _EXACT:
        yield Finding("M02", "stop", "output", "logarithm", {"low": float(scores.min()), "high": float(scores.max())})


def _divergence(call: LossCall, _probe: Probe) -> Iterator[Finding]:
    scores = call.scores.detach()
    if scores.dim() < 1 or not scores.numel():
        return
    if are_probabilities(scores, -1):
        yield Finding("M03", "stop", "output", "divergence", {"loss": float(call.value.detach().mean())})
    elif float(scores.max()) > _EXACT:
        yield Finding("M02", "stop", "output", "not_log_probabilities", {"loss": float(call.value.detach().mean())})


# ---- one or several yes-or-no answers


def _binary_with_logits(call: LossCall, _probe: Probe) -> Iterator[Finding]:
    scores, targets = call.scores.detach(), call.targets
    yield from _between(targets)
    inside = bool(((scores >= 0) & (scores <= 1)).all())
    if inside and call.made_by in ("Sigmoid", "Softmax"):
        share = float(targets.float().mean())
        floor = math.log1p(math.exp(-1.0)) * share + math.log(2.0) * (1 - share)
        yield Finding("M04", "stop", "output", "sigmoid_twice", {"floor": floor, "share": share})
    elif inside and scores.numel() >= 16 and float(scores.std()) > 0 and not call.made_by:
        yield Finding("M04", "warn", "output", "between", {"low": float(scores.min()), "high": float(scores.max())})
    elif call.made_by in ("Relu", "Threshold") and bool((targets == 0).any()):
        # a score that can't be negative can't say "no" with more than one half
        yield Finding("M09", "warn", "output", "rectified", {"zero": float((scores == 0).float().mean())})


def _binary(call: LossCall, _probe: Probe) -> Iterator[Finding]:
    yield from _between(call.targets)
    if call.made_by in ("Softmax",) and call.scores.shape[-1] == 1:
        yield Finding("M05", "stop", "output", "one_unit", {"shape": list(call.scores.shape)})


def _between(targets: Tensor) -> Iterator[Finding]:
    if targets.numel() and (float(targets.min()) < 0 or float(targets.max()) > 1):
        values = {"low": float(targets.min()), "high": float(targets.max())}
        yield Finding("D11", "stop", "labels", "not_binary", values)


# ---- numbers

_RANGES = {
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, math.inf),
    "Softplus": (0.0, math.inf),
}


def _numbers(call: LossCall, probe: Probe) -> Iterator[Finding]:
    scores, targets = call.scores.detach(), call.targets.detach()
    if scores.shape != targets.shape:
        shapes = {"scores": list(scores.shape), "targets": list(targets.shape)}
        yield Finding("D12", "stop", "loss", "broadcast", shapes)
        return
    if call.made_by == "Softmax" and scores.dim() > 1 and scores.shape[-1] == 1:
        yield Finding("M05", "stop", "output", "one_unit", {"shape": list(scores.shape)})
        return
    if (span := _RANGES.get(call.made_by)) is not None:
        low, high = span
        outside = float(((targets < low - 1e-6) | (targets > high + 1e-6)).float().mean())
        if outside > 0.02:
            values: dict[str, Any] = {"activation": call.made_by.lower(), "low": low, "high": high, "share": outside}
            yield Finding("M09", "stop", "output", "out_of_reach", values)
    y = probe.y
    if isinstance(y, Tensor) and not y.is_floating_point() and y.dim() == 1 and len(y.unique()) > 1:
        yield from _class_numbers_as_numbers(call, y)
    elif probe.classes is not None and probe.classes > 1:
        yield Finding("M06", "warn", "loss", "numbers_for_classes", {"loss": call.name, "classes": probe.classes})


def _class_numbers_as_numbers(call: LossCall, y: Tensor) -> Iterator[Finding]:
    """Whole numbers from 0 without gaps are handed to a loss of distances, as they are or as one-hot rows."""
    names, targets = y.unique(), call.targets.detach()
    few = len(names) <= 20 and int(names[0]) == 0 and int(names[-1]) == len(names) - 1
    if targets.numel() == y.numel() and few and bool((targets.reshape(-1) == y.reshape(-1)).all()):
        yield Finding("M06", "warn", "loss", "numbers_for_classes", {"loss": call.name, "classes": len(names)})
    elif targets.dim() == 2 and len(targets) == len(y) and bool((targets.argmax(1) == y).all()):
        # of probabilities it is the score of Brier, and proper
        level: Level = "note" if are_probabilities(call.scores.detach(), 1) else "warn"
        values = {"loss": call.name, "classes": targets.shape[1]}
        yield Finding("M06", level, "loss", "numbers_for_classes", values)


def _pairing(probe: Probe) -> Iterator[Finding]:
    """Targets that may be shuffled without changing the loss are compared with every answer, not with their own."""
    y, output = probe.y, probe.output
    if not isinstance(y, Tensor) or not isinstance(output, Tensor) or y.dim() == 0 or len(y) < 4:
        return
    if any(call.scores.shape != call.targets.shape and call.name in _OF_NUMBERS for call in probe.calls):
        return  # said already, with the shapes
    if len(output) != len(y) or bool((y == y[:1]).all()):
        return
    trial = _other_answers(output.detach(), y)
    with torch.no_grad():
        torch.manual_seed(0)
        straight = mean_of(probe.loss(trial, y))
        torch.manual_seed(0)
        shuffled = mean_of(probe.loss(trial, y.roll(1, 0)))
        torch.manual_seed(0)
        # a loss that does not look at the targets at all (a critic's, an entropy) is no mistake of pairing
        ignored = mean_of(probe.loss(trial, y.roll(1, 0) * 0 if y.is_floating_point() else y * 0))
    same = abs(float(straight - shuffled)) <= 1e-6 * max(abs(float(straight)), 1e-6)
    if same and abs(float(straight - ignored)) > 1e-4 * max(abs(float(straight)), 1e-6):
        values = {"scores": list(output.shape), "targets": list(y.shape)}
        yield Finding("D12", "stop", "loss", "any_order", values)


def _other_answers(output: Tensor, y: Tensor) -> Tensor:
    """Made-up answers of the same form, far apart: probabilities, their logarithms, shares, or numbers of the targets'
    size, beside which a difference is seen."""
    draw = torch.Generator().manual_seed(1)
    numbers = torch.randn(output.shape, generator=draw).to(output)
    last = output.dim() - 1
    if y.is_floating_point() and (float(y.min()) < 0 or float(y.max()) > 1):
        low, high = float(y.min()), float(y.max())
        return low + (high - low) * torch.rand(output.shape, generator=draw).to(output)
    if last > 0 and are_probabilities(output, last):
        return numbers.softmax(last)
    if last > 0 and output.shape[last] > 1 and float(output.logsumexp(last).abs().max()) < _EXACT:
        return numbers.log_softmax(last)
    if float(output.min()) >= 0 and float(output.max()) <= 1:
        return torch.rand(output.shape, generator=draw).to(output) * 0.98 + 0.01
    return numbers


def _which_class(probe: Probe) -> Iterator[Finding]:
    """A loss of class numbers must notice which score belongs to which class: its classes can't be exchanged."""
    y, output = probe.y, probe.output
    if not isinstance(y, Tensor) or not isinstance(output, Tensor) or y.is_floating_point() or output.dim() != 2:
        return
    n, classes = output.shape
    if y.numel() != n or n < 4 or classes < 2 or int(y.max()) >= classes or int(y.min()) == int(y.max()):
        return
    # probabilities that differ from class to class, whatever the model says today
    trial = torch.softmax(torch.randn(n, classes, generator=torch.Generator().manual_seed(1)), 1).to(output)
    with torch.no_grad():
        whole = float(mean_of(probe.loss(trial, y)))
        turned = float(mean_of(probe.loss(trial.roll(1, 1), y)))
        other = float(mean_of(probe.loss(trial, y.roll(1, 0))))
        scale = 1e-5 * max(abs(whole), 1e-3)
        if abs(whole - turned) > scale or abs(whole - other) <= scale:
            return
        few = slice(0, 8)
        part = float(mean_of(probe.loss(trial[few], y[few])))
        alone = [float(mean_of(probe.loss(trial[i : i + 1], y[i : i + 1]))) for i in range(len(trial[few]))]
    # a loss of distances between samples may exchange its columns too; but it is no mean over samples
    if abs(sum(alone) / len(alone) - part) <= 10 * scale or abs(sum(alone) - part) <= 10 * scale:
        values = {"targets": list(y.shape), "scores": list(output.shape)}
        yield Finding("D12", "stop", "labels", "any_class", values)


def _sign(probe: Probe) -> Iterator[Finding]:
    """A loss that falls where the known loss inside it rises is maximised."""
    if len(probe.calls) != 1 or not probe.calls[0].value.requires_grad or not probe.value.requires_grad:
        return
    call = probe.calls[0]
    if call.value.dim() != 0:
        return
    slope = torch.autograd.grad(probe.value, call.value, retain_graph=True, allow_unused=True)[0]
    if slope is not None and float(slope) < 0:
        yield Finding("O17", "stop", "loss", "negative", {"loss": call.name, "factor": float(slope)})


def _nothing(_call: LossCall, _probe: Probe) -> Iterator[Finding]:
    yield from ()


_OF_NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_BY_NAME = {
    "cross_entropy": _cross_entropy,
    "nll_loss": _nll,
    "log_of_probabilities": _log_of_probabilities,
    "kl_div": _divergence,
    "binary_cross_entropy_with_logits": _binary_with_logits,
    "binary_cross_entropy": _binary,
    **dict.fromkeys(_OF_NUMBERS, _numbers),
}
