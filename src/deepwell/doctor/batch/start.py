"""Where a training begins: the first loss against what guessing gives, signals through the layers (M13 to M15)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from deepwell.doctor.batch.probe import Probe
from deepwell.findings import Finding

_WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)


def look_at_start(probe: Probe) -> Iterator[Finding]:
    """The first loss and the first gradients of a model whose losses are known."""
    far = False
    for call in probe.calls:
        if call.name in ("cross_entropy",) and call.scores.dim() > 1 and call.scores.shape[1] > 1:
            classes = call.scores.shape[1]
            value = float(call.value.detach().mean())
            if call.options.get("reduction", "mean") != "mean":
                continue
            if math.isfinite(value) and value > 3 * math.log(classes) + 1:
                far = True
                yield from _far(probe, value, math.log(classes))
    yield from _scales(probe)
    yield from _signal(probe, far)


def _far(probe: Probe, value: float, guess: float) -> Iterator[Finding]:
    """A first loss far above guessing is one signal; scores far wider than any need to be are the other."""
    width = float(probe.scores.detach().std())
    yield Finding("M14", "warn" if width > 10 else "note", "model", "first_loss", {"loss": value, "guess": guess})


def _scales(probe: Probe) -> Iterator[Finding]:
    """Weights far from every usual beginning: the deviation times the root of the fan-in is 0.6 for PyTorch's own, 1
    for Glorot's and LeCun's, 1.4 for He's; trained weights stay within a few times of that."""
    layers = [(n, m.weight.detach()) for n, m in probe.model.named_modules() if isinstance(m, _WEIGHTED)]
    sizes = {n: float(w.std()) * math.sqrt(w[0].numel()) for n, w in layers if w.dim() > 1 and w.numel() > 8}
    sizes = {n: size for n, size in sizes.items() if size > 0 and math.isfinite(size)}
    if not sizes:
        return
    small = [n for n, size in sizes.items() if size < 0.03]
    large = [n for n, size in sizes.items() if size > 5]
    most = max(sizes, key=lambda n: sizes[n])
    if len(small) >= 2 and 2 * len(small) >= len(sizes):
        yield Finding(
            "M13", "warn", small[0], "small", {"size": sizes[small[0]], "count": len(small), "of": len(sizes)}
        )
    elif (len(large) >= 2 and 2 * len(large) >= len(sizes)) or sizes[most] > 15:
        yield Finding(
            "M13", "warn", most, "large", {"size": sizes[most], "count": max(1, len(large)), "of": len(sizes)}
        )


def _signal(probe: Probe, far: bool) -> Iterator[Finding]:
    """Weights whose first layer gets a millionth of the last layer's gradient, or a signal that dies or explodes."""
    named = [
        (n, m.weight)
        for n, m in probe.model.named_modules()
        if isinstance(m, _WEIGHTED) and m.weight.requires_grad and m.weight.dim() > 1
    ]
    if len(named) < 3 or not probe.value.requires_grad:
        return
    if any(not bool(p.detach().any()) for _, p in named):
        return  # a layer that begins at zero lets no gradient through it in the first step, by design
    gradients = torch.autograd.grad(probe.value, [p for _, p in named], allow_unused=True, retain_graph=True)
    sizes = [
        (n, _rms(g) / max(_rms(p.detach()), 1e-12)) for (n, p), g in zip(named, gradients, strict=True) if g is not None
    ]
    if len(sizes) < 3 or not all(math.isfinite(size) for _, size in sizes):
        return
    (first, low), (last, high) = sizes[0], sizes[-1]
    if high > 0 and low < 1e-4 * high:
        values = {"first": low, "last": high, "layer": last}
        yield Finding("O09", "warn" if low < 1e-6 * high else "note", first, "at_start", values)
    elif high > 0 and low > 1e4 * high and far:
        yield Finding("M13", "warn", first, "explodes", {"first": low, "last": high})


def _rms(value: Tensor) -> float:
    return float(value.norm()) / math.sqrt(max(1, value.numel()))
