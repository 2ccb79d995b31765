"""How layers are joined: depth without effect, activations in a row, one layer used as several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.doctor.batch.probe import Probe, answer, tensors
from deepwell.findings import Finding

_WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)
_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Tanh,
    nn.Softplus, nn.Softmax, nn.LogSoftmax, nn.Softsign, nn.Hardtanh, nn.CELU, nn.LogSigmoid,
)  # fmt: skip
_SQUASHING = (nn.Sigmoid, nn.Tanh, nn.Softmax)


def look_at_structure(probe: Probe) -> Iterator[Finding]:
    """Findings on the order in which layers are called, and on what is registered twice."""
    order = _calls(probe)
    yield from _in_a_row(order)
    affine = list(_affine(order, probe))
    yield from affine or _no_activation(order, probe)
    yield from _between_layers(order)
    yield from _same_object(probe.model)
    yield from _shrunk(order, probe)
    yield from _dropout(order, probe)


def _calls(probe: Probe) -> list[tuple[str, nn.Module, Tensor | None, Tensor | None]]:
    """Leaf modules in the order of their calls: name, module, first input, first output."""
    seen: list[tuple[str, nn.Module, Tensor | None, Tensor | None]] = []
    hooks = []
    for name, module in probe.model.named_modules():
        if any(module.children()):
            continue

        def look(module: nn.Module, inputs: Any, output: Any, name: str = name) -> None:
            seen.append((name, module, next(tensors(inputs), None), next(tensors(output), None)))

        hooks.append(module.register_forward_hook(look))
    try:
        probe.forward()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _in_a_row(order: list[tuple[str, nn.Module, Tensor | None, Tensor | None]]) -> Iterator[Finding]:
    """Two activations on one path: the second is given what the first gave, as the same tensor."""
    made_by = {id(output): (name, module) for name, module, _, output in order if isinstance(module, _ACTIVATIONS)}
    for name, module, given, _ in order:
        if not isinstance(module, _ACTIVATIONS) or id(given) not in made_by:
            continue
        before, earlier = made_by[id(given)]
        if before == name:
            continue
        # a second rectifier changes nothing; what squashes twice, or cuts what was squashed, weakens the gradient
        harms = isinstance(earlier, _SQUASHING) or isinstance(module, _SQUASHING)
        values = {"first": type(earlier).__name__, "second": type(module).__name__, "before": before}
        yield Finding("M11", "warn" if harms and not isinstance(module, nn.LogSoftmax) else "note", name, "row", values)


def _affine(order: list[tuple[str, nn.Module, Tensor | None, Tensor | None]], probe: Probe) -> Iterator[Finding]:
    """Several layers of weights that together are one affine map: f(a) + f(b) = f(a + b) + f(0) everywhere."""
    layers = [(n, m) for n, m, _, _ in order if isinstance(m, _WEIGHTED)]
    x = probe.x
    if len(layers) < 2 or not isinstance(x, Tensor) or not x.is_floating_point() or len(x) < 2:
        return
    shuffled = x.flip(0)
    if bool((x == shuffled).all()):
        return
    zero = torch.zeros_like(x)
    a, b, both, none = (probe.forward(t) for t in (x, shuffled, x + shuffled, zero))
    scale = float((a - none).abs().max())
    if scale == 0 or a.dim() < 2:
        return
    off = float((a + b - both - none).abs().max()) / scale
    bottleneck = any(_narrow(m) for _, m in layers[:-1])
    rising = float((probe.forward(x * 3) - none - 3 * (a - none)).abs().max()) / scale
    if off < 1e-4 and rising < 1e-3:
        # a narrow layer between two others is a factorisation: linear on purpose
        yield Finding("M10", "note" if bottleneck else "warn", layers[0][0], "affine", {"layers": len(layers)})


_LINEAR = frozenset(
    [
        "AccumulateGrad",
        "Addmm",
        "Mm",
        "Bmm",
        "T",
        "Transpose",
        "View",
        "Reshape",
        "UnsafeView",
        "Permute",
        "Squeeze",
        "Unsqueeze",
        "Expand",
        "Clone",
        "Alias",
        "Convolution",
        "MkldnnConvolution",
        "ThnnConv2D",
        "MaxPool2DWithIndices",
        "MaxPool1DWithIndices",
        "AvgPool2D",
        "AdaptiveAvgPool2D",
        "Mean",
        "Add",
        "Sub",
        "Mul",
        "NativeBatchNorm",
        "CudnnBatchNorm",
        "NativeDropout",
        "ToCopy",
        "Slice",
        "Select",
        "Linear",
        "Flatten",
        "Cat",
        "Pad",
        "ConstantPadNd",
        "Embedding",
        "Copy",
        "Squeeze1",
        "Max",
        "Amax",
        "Indexing",
        "Index",
        "MaxPool2D",
        "Contiguous",
        "AsStrided",
    ]
)


_OF_WEIGHTS = frozenset(("Addmm", "Mm", "Linear", "Convolution", "MkldnnConvolution", "ThnnConv2D"))


def _no_activation(order: list[tuple[str, nn.Module, Tensor | None, Tensor | None]], probe: Probe) -> Iterator[Finding]:
    """Convolutions or layers with nothing but pooling between them: no operation of the graph bends a signal."""
    layers = [(n, m) for n, m, _, _ in order if isinstance(m, _WEIGHTED)]
    if len(layers) < 3 or any(_narrow(m) for _, m in layers[:-1]) or probe.scores.grad_fn is None:
        return
    seen: set[Any] = set()
    weighted = 0
    waiting = [probe.scores.grad_fn]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        name = type(node).__name__.rstrip("0123456789").removesuffix("Backward").lstrip("_")
        if name not in _LINEAR:
            return
        weighted += name in _OF_WEIGHTS
        waiting += [parent for parent, _ in node.next_functions if parent is not None]
    # what is frozen or cut off leaves no trace in the graph: then it is not known what lies there
    if weighted >= len(layers):
        yield Finding("M10", "warn", layers[0][0], "none", {"layers": len(layers)})


_ELEMENTWISE = (*_ACTIVATIONS, nn.modules.dropout._DropoutNd, nn.Flatten, nn.Identity, nn.modules.batchnorm._NormBase)


def _between_layers(order: list[tuple[str, nn.Module, Tensor | None, Tensor | None]]) -> Iterator[Finding]:
    """What lies between one layer of weights and the next: a softmax, or a single number that all must pass."""
    sources: dict[int, tuple[str, bool, bool]] = {}
    keep: list[Tensor | None] = []  # an id means something only while its tensor lives
    for name, module, given, output in order:
        keep += [given, output]
        before, narrow, squashed = sources.get(id(given), ("", False, False))
        if isinstance(module, nn.Linear) and before:
            if squashed:
                yield Finding("M11", "warn", before, "hidden_softmax", {"next": name})
            if narrow and module.out_features > 0:
                yield Finding("M31", "warn", before, "one_number", {"next": name})
        if isinstance(module, nn.Linear):
            sources[id(output)] = (name, module.out_features == 1, False)
        elif isinstance(module, _ELEMENTWISE) and before:
            sources[id(output)] = (before, narrow, squashed or isinstance(module, nn.Softmax))


def _narrow(module: nn.Module) -> bool:
    weight = module.weight
    if not isinstance(module, nn.Linear) or not isinstance(weight, Tensor):
        return False
    return weight.shape[0] < min(16, weight[0].numel())


def _same_object(model: nn.Module) -> Iterator[Finding]:
    """``[layer] * n``: one layer under several names of a container."""
    for name, module in model.named_modules():
        if not isinstance(module, (nn.Sequential, nn.ModuleList)):
            continue
        held = [m for m in module if m is not None and any(True for _ in m.parameters())]
        repeated = len(held) - len({id(m) for m in held})
        if repeated:
            most = max(sum(other is m for other in held) for m in held)
            level: Any = "warn" if most >= 3 or len({id(m) for m in held}) == 1 else "note"
            yield Finding(
                "M25", level, name or "model", "repeated", {"listed": len(held), "there": len(held) - repeated}
            )


def _shrunk(order: list[tuple[str, nn.Module, Tensor | None, Tensor | None]], probe: Probe) -> Iterator[Finding]:
    """Small pictures cut down to almost nothing by the first layers."""
    x = probe.first
    if x.dim() != 4 or not x.is_floating_point():
        return
    convolutions = [(n, m, o) for n, m, _, o in order if isinstance(m, nn.Conv2d) and o is not None and o.dim() == 4]
    size = min(x.shape[2:])
    if len(convolutions) < 4 or size > 64 or size < 16:
        return
    second = [given for _, m, given, _ in order if isinstance(m, nn.Conv2d) and given is not None][1]
    if min(second.shape[2:]) * 4 <= size and len(convolutions) < 6:
        yield Finding("M16", "warn", convolutions[0][0], "stem", {"size": size, "left": min(second.shape[2:])})
    if len(convolutions) < 6:
        return
    middle = convolutions[len(convolutions) // 3]
    left = min(middle[2].shape[2:])
    if left < 4 and size >= 16:
        values = {"size": size, "left": left, "layer": len(convolutions) // 3 + 1, "of": len(convolutions)}
        yield Finding("M16", "warn", convolutions[0][0], "strides", values)


def _dropout(order: list[tuple[str, nn.Module, Tensor | None, Tensor | None]], probe: Probe) -> Iterator[Finding]:
    dropouts = [
        (i, n, m) for i, (n, m, _, _) in enumerate(order) if isinstance(m, nn.modules.dropout._DropoutNd) and m.p
    ]
    for index, name, module in dropouts:
        output = order[index][3]
        if any(output is not None and call.scores.data_ptr() == output.data_ptr() for call in probe.calls) or (
            index == len(order) - 1 and probe.scores.shape == (output.shape if output is not None else None)
        ):
            yield Finding("M30", "warn", name, "output", {"p": module.p})
        elif module.p > 0.5:
            yield Finding("M30", "warn" if module.p >= 0.8 else "note", name, "high", {"p": module.p})
    if not dropouts and not probe.model.training:
        yield from _always_on(probe)


def _always_on(probe: Probe) -> Iterator[Finding]:
    """``F.dropout(x)`` without ``training=self.training`` drops in evaluation too."""
    from torch.overrides import TorchFunctionMode

    class Drops(TorchFunctionMode):
        count = 0

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.nn.functional.dropout:
                given = dict(zip(("input", "p", "training"), args, strict=False)) | (kwargs or {})
                self.count += bool(given.get("training", True) and given.get("p", 0.5))
            return func(*args, **(kwargs or {}))

    with Drops() as drops, torch.no_grad():
        answer(probe.model, probe.x)
    if drops.count:
        yield Finding("E01", "warn", "model", "always_drops", {"count": drops.count})
