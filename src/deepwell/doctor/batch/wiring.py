"""What depends on what: answers on inputs, on other samples, on the future; loss on parameters (M18 to M28)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from deepwell.doctor.batch.identify import mean_of
from deepwell.doctor.batch.probe import Probe, answer, replaced, tensors
from deepwell.findings import Finding, Level

_NORMS = nn.modules.batchnorm._BatchNorm


def look_at_samples(probe: Probe) -> Iterator[Finding]:
    """Whether each answer depends on its own sample, and on no other (Karpathy's "chart dependencies")."""
    n = len(probe.first)
    if n < 2 or any(len(t) != n for t in tensors(probe.x)):
        return
    scores = probe.forward()
    if len(scores) != n:
        if any(len(call.scores) != len(call.targets) for call in probe.calls if call.targets.dim()):
            yield Finding("M19", "stop", "model", "answers", {"samples": n, "answers": len(scores)})
        return
    if float((probe.forward() - scores).abs().max()) > 0:
        return  # it answers differently each time, whatever is asked
    scale = max(float(scores.abs().max()), 1e-3)
    # one answer for each pair of samples is what a contrastive loss is made of
    pairs = scores.dim() == 2 and scores.shape[1] == n
    if not pairs and (change := _change_by_others(probe, scores)) > 1e-3 * scale:
        yield Finding("M19", "stop", "model", "others", {"change": change})
    if any(bool((t != t[:1]).any()) for t in tensors(probe.x)) and _spread(scores) <= 1e-6 * scale:
        yield from _blind(probe)


def _change_by_others(probe: Probe, scores: Tensor) -> float:
    """How much a sample's scores move when all others are changed: the first's, and those of all but the first."""

    def others(t: Tensor) -> Tensor:
        t = t.clone()
        # of two samples the other can't be swapped; ids and trees have no negative: it becomes the first one
        t[1:] = t[1:].flip(0) if len(t) > 2 else (-t[1:] if t.is_floating_point() else t[:1])
        return t

    def first(t: Tensor) -> Tensor:
        t = t.clone()
        t[0] = t[-1]
        return t

    a = (probe.forward(replaced(probe.x, others))[:1] - scores[:1]).abs().max()
    b = (probe.forward(replaced(probe.x, first))[1:] - scores[1:]).abs().max()
    return max(float(a), float(b))


def _spread(scores: Tensor) -> float:
    return float((scores - scores[:1]).abs().max())


def _blind(probe: Probe) -> Iterator[Finding]:
    """Equal answers to different inputs: a fault, unless a few steps end it (a last layer may begin at zero)."""
    spread = _spread(probe.forward())
    for norm in (m for m in probe.model.modules() if isinstance(m, _NORMS)):
        # running statistics that have seen nothing may shrink every signal: judge with the batch's own
        norm.train()
    seeing = probe.forward()
    probe.model.eval()
    if _spread(seeing) > 1e-6 * max(float(seeing.abs().max()), 1e-6):
        return
    copied = probe.copied()
    if copied is None:
        yield Finding("M18", "warn", "model", "same", {"spread": spread})
        return
    model, loss = copied
    model.train()
    rate = torch.tensor(0.1)
    parameters = [p for p in model.parameters() if p.requires_grad]
    with torch.enable_grad():
        for _ in range(4):
            value = mean_of(loss(answer(model, probe.x), probe.y))
            if not value.requires_grad:
                break
            gradients = torch.autograd.grad(value, parameters, allow_unused=True)
            size = torch.stack([g.norm() for g in gradients if g is not None]).norm().clamp_min(1e-12)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    if gradient is not None:
                        parameter.sub_(rate * gradient / size)
        with torch.no_grad():
            after = next(tensors(answer(model, probe.x)))
    if _spread(after) <= 1e-6 * max(float(after.abs().max()), 1e-6):
        yield Finding("M18", "stop", "model", "same", {"spread": spread})


def look_at_the_future(probe: Probe) -> Iterator[Finding]:
    """A model that predicts the next symbol must not see it: targets that are the inputs moved by one tell the task."""
    x, y = probe.first, probe.y
    if not isinstance(y, Tensor) or x.dim() < 2 or y.shape[:2] != x.shape[:2] or x.shape[1] < 3 or x.dim() != y.dim():
        return
    if not bool((y[:, :-1] == x[:, 1:].to(y.dtype)).float().mean() > 0.95):
        return
    scores = probe.forward()
    if scores.dim() < 2 or x.shape[1] not in scores.shape[1:]:
        return
    axis = 1 if scores.shape[1] == x.shape[1] else scores.dim() - 1
    half = x.shape[1] // 2

    def later(t: Tensor) -> Tensor:
        if t.shape[:2] != x.shape[:2]:
            return t
        t = t.clone()
        t[:, half:] = t[:, half:].flip(0) if len(t) > 1 else t[:, half:].flip(1)
        return t

    moved = (probe.forward(replaced(probe.x, later)) - scores).narrow(axis, 0, half)
    change = float(moved.abs().max())
    if change > 1e-4 * max(float(scores.abs().max()), 1e-3):
        yield Finding("M20", "stop", "model", "future", {"change": change, "position": half})


def look_at_padding(probe: Probe) -> Iterator[Finding]:
    """Padding more must not change an answer; padding must not be counted as a target."""
    pads = [m.padding_idx for m in probe.model.modules() if isinstance(m, nn.Embedding) and m.padding_idx is not None]
    x = probe.first
    if not pads or x.is_floating_point() or x.dim() != 2:
        return
    pad = pads[0]
    share = float((x == pad).float().mean())
    for call in probe.calls:
        if call.name in ("cross_entropy", "nll_loss") and not call.targets.is_floating_point():
            padded = call.targets.numel() and float((call.targets == pad).float().mean())
            per_position = call.targets.numel() == x.numel()
            if per_position and padded > 0.05 and share > 0.05 and call.options.get("ignore_index", -100) != pad:
                yield Finding("M22", "warn", "loss", "counted", {"share": padded, "pad": pad})
    if isinstance(probe.x, Tensor) and isinstance(probe.output, Tensor) and probe.output.dim() == 2:
        scores = probe.forward()
        longer = torch.cat([x, torch.full((len(x), 4), pad).to(x)], 1)
        try:
            change = float((probe.forward(longer) - scores).abs().max())
        except (RuntimeError, ValueError, IndexError):
            return  # the length is fixed: every sample is padded alike
        if change > 1e-3 * max(float(scores.abs().max()), 1e-3):
            level: Level = "warn" if share > 0.05 and change > 0.05 * float(scores.std().clamp_min(1e-6)) else "note"
            yield Finding("M21", level, "model", "longer", {"change": change, "share": share})


def look_at_gradients(probe: Probe, learning: set[int] | None) -> Iterator[Finding]:
    """Whether the loss reaches every parameter that is to learn, ``learning``: identities of those that change."""
    named = [(name, p) for name, p in probe.model.named_parameters() if p.requires_grad]
    if not named:
        yield Finding("M27", "stop", "model", "all_frozen", {})
        return
    yield from _frozen_as_made(probe.model)
    if not probe.value.requires_grad:
        yield Finding("M26", "stop", "model", "no_graph", {"of": len(named)})
        return
    if not bool(torch.isfinite(probe.scores.detach()).all()):
        return  # said already, with the layer
    if not bool(torch.isfinite(probe.value.detach())):
        yield Finding("O20", "stop", "loss", "first_loss", {"loss": float(probe.value.detach())})
        return
    gradients = torch.autograd.grad(probe.value, [p for _, p in named], allow_unused=True, retain_graph=True)
    unused = [(name, p) for (name, p), g in zip(named, gradients, strict=True) if g is None]
    if len(unused) == len(named):
        # a loss that the optimiser's own parameters are no part of: another network's turn
        yield Finding("M26", "stop", "model", "none", {"of": len(named)})
        return
    if unused:
        yield from _unused(probe, unused, len(named), learning)
    yield from _hidden(probe, learning)
    for (name, parameter), gradient in zip(named, gradients, strict=True):
        if gradient is None:
            continue
        if not bool(torch.isfinite(gradient).all()):
            yield Finding("O20", "stop", name, "gradient", {})
        if _equal_units(parameter, gradient):
            value = float(parameter.detach().flatten()[0])
            yield Finding("M12", "warn", name, "equal", {"count": parameter.numel(), "value": value})


def _frozen_as_made(model: nn.Module) -> Iterator[Finding]:
    """Layers that are frozen, hold most of the weights, and still have the uniform weights that PyTorch gave them."""
    layers = [
        m for m in model.modules() if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd)) and m.weight.numel() >= 64
    ]
    frozen = [m for m in layers if not m.weight.requires_grad]
    share = sum(m.weight.numel() for m in frozen) / max(1, sum(m.weight.numel() for m in layers))
    if not frozen or share < 0.5:
        return
    for layer in frozen:
        weight = layer.weight.detach()
        bound = 1 / math.sqrt(weight[0].numel())
        spread = float(weight.std()) / (bound / math.sqrt(3))
        if not 0.9 < float(weight.abs().max()) / bound <= 1.0001 or not 0.9 < spread < 1.1:
            return
    yield Finding("M27", "warn", "model", "frozen_as_made", {"count": len(frozen), "share": share})


def _unused(
    probe: Probe, unused: Sequence[tuple[str, Tensor]], of: int, learning: set[int] | None
) -> Iterator[Finding]:
    called: set[str] = set()
    hooks = [
        m.register_forward_hook(lambda _m, _i, _o, name=n: called.add(name)) for n, m in probe.model.named_modules()
    ]
    try:
        probe.forward()
    finally:
        for hook in hooks:
            hook.remove()
    meant = [(n, p) for n, p in unused if learning is not None and id(p) in learning]
    level: Level = "warn" if meant else "note"
    names = [n for n, _ in (meant or unused)]
    cut = [n for n in names if n.rpartition(".")[0] in called]
    if cut:
        yield Finding("M26", level, cut[0], "cut", {"count": len(cut), "of": of})
    elif names:
        yield Finding("M24", level, names[0], "unused", {"count": len(names), "of": of})


def _hidden(probe: Probe, learning: set[int] | None) -> Iterator[Finding]:
    """Layers in a plain list or dict are used but are no parameters of the model: nothing trains or saves them."""
    known = {id(p) for p in probe.model.parameters()}
    for name, module in probe.model.named_modules():
        for attribute, value in vars(module).items():
            held = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
            if attribute.startswith("_"):
                continue
            lost = [p for m in held if isinstance(m, nn.Module) for p in m.parameters() if id(p) not in known]
            lost += [p for p in held if isinstance(p, nn.Parameter) and id(p) not in known]
            lost = [p for p in lost if p.requires_grad and (learning is None or id(p) not in learning)]
            if not lost:
                continue
            gradients = torch.autograd.grad(probe.value, lost, allow_unused=True, retain_graph=True)
            if any(g is not None for g in gradients):
                place = f"{name}.{attribute}" if name else attribute
                yield Finding("M24", "warn", place, "hidden", {"count": len(lost), "kind": type(value).__name__})


def _equal_units(parameter: Tensor, gradient: Tensor) -> bool:
    """Weights that are all the same and are all pulled the same way. A table of zeros with gradients of its own, such
    as a field's transitions or a last layer that begins at zero, is none."""
    values = parameter.detach()
    if parameter.dim() < 2 or parameter.numel() < 2 or float(values.min()) != float(values.max()):
        return False
    rows = gradient.flatten(1)
    # units of this layer that are alike show as equal rows, those of the layer before as equal columns
    same = [t for t in (rows, rows.t()) if len(t) > 1 and float((t - t[:1]).abs().max()) <= 1e-5 * float(t.abs().max())]
    return bool(same) or float(rows.abs().max()) < 1e-7
