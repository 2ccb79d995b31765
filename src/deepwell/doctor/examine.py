"""What one batch tells of a model and its loss, before a step is spent."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from deepwell.doctor.finding import Finding

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def examine(model: nn.Module, loss: Loss, batch: tuple[Tensor, Tensor], *, classes: int | None = None) -> list[Finding]:
    """Try a model on one batch; everything is as before afterwards: weights, buffers, mode, random state.

    Args:
        model: any module, called as ``model(x)``.
        loss: ``(scores, targets) -> (sum, count)`` of raw scores.
        batch: (x [n, ...], targets [n]), n at least 2.
        classes: number of classes, for a classification by exclusive classes.

    >>> from deepwell.losses import cross_entropy
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    >>> found = examine(model, cross_entropy, (torch.randn(8, 4), torch.arange(8) % 3), classes=3)
    >>> [f.code for f in found if f.level == "stop"]
    ['M01']
    """
    x, y = batch
    with _untouched(model):
        try:
            model.eval()
            with torch.no_grad():
                scores = model(x)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            where = _failing_layer(model, x)
            reason = str(error).splitlines()[0]
            evidence = f"inputs of shape {list(x.shape)} do not pass: {reason}"
            advice = "mend the sizes of this layer, or give pictures of the size that it expects (--size)"
            return [Finding("M17", "stop", where, evidence, advice)]
        if not isinstance(scores, Tensor):
            evidence = f"the model answers with {type(scores).__name__}"
            return [Finding("M07", "stop", "output", evidence, "let forward return one tensor of scores")]
        findings = [*_output(scores, y, classes)]
        if any(f.level == "stop" for f in findings):
            return findings
        findings += _reaction(model, x, scores)
        findings += _gradients(model, loss, x, y, classes)
        return findings


def _output(scores: Tensor, y: Tensor, classes: int | None) -> list[Finding]:
    if not bool(torch.isfinite(scores).all()):
        evidence = f"{int((~torch.isfinite(scores)).sum())} of {scores.numel()} scores are NaN or infinite"
        return [Finding("O20", "stop", "output", evidence, "look for a division by zero or a logarithm of zero")]
    if len(scores) != len(y):
        evidence = f"{len(y)} samples went in, {len(scores)} answers came out"
        advice = "reshape with x.flatten(1), which keeps the batch, not with view(-1, n), which cuts it elsewhere"
        return [Finding("M19", "stop", "output", evidence, advice)]
    if classes is None:
        return []
    if scores.dim() != 2 or scores.shape[1] != classes:
        evidence = f"the scores have shape {list(scores.shape)} for {classes} classes"
        return [Finding("M07", "stop", "output", evidence, f"let the last layer have {classes} outputs")]
    probabilities = bool((scores >= 0).all()) and bool(
        torch.allclose(scores.sum(1), torch.ones(len(scores)).to(scores))
    )
    if probabilities and classes > 1:
        floor = math.log(1 + (classes - 1) / math.e)
        evidence = f"the scores are probabilities already; with cross-entropy the loss can't fall below {floor:.4f}"
        return [Finding("M01", "stop", "output", evidence, "remove the softmax at the end: return raw scores")]
    return []


def _reaction(model: nn.Module, x: Tensor, scores: Tensor) -> list[Finding]:
    findings = []
    with torch.no_grad():
        scale = float(scores.abs().max())
        # change all samples but the first and look at the first, then the first alone and look at all others
        rest, first = x.clone(), x.clone()
        # of two samples the other can't be swapped; ids and trees have no negative: it becomes the first one
        swapped = rest[1:].flip(0) if len(x) > 2 else (-rest[1:] if x.is_floating_point() else rest[:1])
        rest[1:] = swapped
        first[0] = x[-1]
        moved = [(model(rest)[:1] - scores[:1]).abs().max(), (model(first)[1:] - scores[1:]).abs().max()]
        change = max(float(value) for value in moved)
        if change > 1e-3 * max(scale, 1e-3):
            evidence = f"a sample's scores change by {change:.2g} when only others of its batch are changed"
            advice = "a view or reshape mixes samples: keep the first dimension, as x.flatten(1) does"
            findings.append(Finding("M19", "stop", "model", evidence, advice))
        if bool((x != x[:1]).any()) and _spread(scores) <= 1e-6 * max(scale, 1e-6):
            # running statistics that have seen nothing may shrink every signal: judge with the batch's own (this
            # changes the buffers, so it comes last; they are put back with everything else)
            norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
            for norm in norms:
                norm.train()
            again = model(x)
            for norm in norms:
                norm.eval()
            if _spread(again) <= 1e-6 * max(float(again.abs().max()), 1e-6):
                evidence = f"different inputs give the same scores (they differ by {_spread(again):.1e})"
                advice = "look for weights that are zero, a layer that is never called, units that are all dead"
                findings.append(Finding("M18", "stop", "model", evidence, advice))
    return findings


def _spread(scores: Tensor) -> float:
    return float((scores - scores[:1]).abs().max())


def _gradients(model: nn.Module, loss: Loss, x: Tensor, y: Tensor, classes: int | None) -> list[Finding]:
    findings = []
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not named:
        return [Finding("M27", "stop", "model", "no parameter can be trained", "set requires_grad on some of them")]
    model.train()
    with torch.enable_grad():
        total, count = loss(model(x), y)
        value = float(total.detach() / count)
        gradients = torch.autograd.grad(total / count, [p for _, p in named], allow_unused=True)
    unused = [name for (name, _), gradient in zip(named, gradients, strict=True) if gradient is None]
    if len(unused) == len(named):
        evidence = "no parameter has a gradient: the graph is cut"
        return [Finding("M26", "stop", "model", evidence, "look for detach(), .data, numpy() or no_grad in forward")]
    if unused:
        evidence = f"{len(unused)} of {len(named)} parameters have no gradient, the first: {unused[0]}"
        findings.append(Finding("M24", "warn", "model", evidence, "use these layers in forward, or delete them"))
    for (name, parameter), gradient in zip(named, gradients, strict=True):
        if gradient is not None and not bool(torch.isfinite(gradient).all()):
            findings.append(
                Finding("O20", "stop", name, "its gradient is NaN or infinite", "look at this layer's formula")
            )
        if gradient is not None and _equal_units(parameter, gradient):
            evidence = f"all {parameter.numel()} weights are {float(parameter.detach().flatten()[0]):g}"
            advice = "units that begin equal stay equal: initialise at random (--initialisation he-normal)"
            findings.append(Finding("M12", "warn", name, evidence, advice))
    if classes is not None and classes > 1 and math.isfinite(value) and value > 3 * math.log(classes) + 1:
        evidence = f"the loss begins at {value:.3g}; guessing among {classes} classes gives {math.log(classes):.3g}"
        advice = "normalise the inputs, or scale the last layer's weights down"
        findings.append(Finding("M14", "warn", "model", evidence, advice))
    return findings


def _equal_units(parameter: Tensor, gradient: Tensor) -> bool:
    """Weights that are all the same and are all pulled the same way. A table of zeros with gradients of its own, such
    as a field's transitions or a last layer that begins at zero, is none."""
    if parameter.dim() < 2 or parameter.numel() < 2 or float(parameter.detach().std()) != 0.0:
        return False
    rows = gradient.flatten(1)
    return bool((rows - rows[:1]).abs().max() <= 1e-5 * rows.abs().max())


def _failing_layer(model: nn.Module, x: Tensor) -> str:
    """The innermost layer that was entered and never left."""
    entered: list[str] = []
    hooks = []
    for name, module in model.named_modules():

        def enter(_m: nn.Module, _i: object, name: str = name) -> None:
            entered.append(name)

        def leave(_m: nn.Module, _i: object, _o: object, name: str = name) -> None:
            entered.remove(name)

        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with torch.no_grad():
            model(x)
    except (RuntimeError, ValueError, IndexError, TypeError):
        pass
    finally:
        for hook in hooks:
            hook.remove()
    name = entered[-1] if entered else ""
    return f"layer '{name}'" if name else "model"


@contextlib.contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, mode in modes:
            module.training = mode
