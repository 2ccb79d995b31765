"""What model or loss raised on the first batch, named as a fault of the catalogue."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.doctor.batch.outputs import look_at_outputs
from deepwell.doctor.batch.probe import Loss, answer, judged, tensors
from deepwell.findings import Finding


def by_model(error: Exception, model: nn.Module, x: Any) -> list[Finding]:
    """A batch that does not pass the model: the layer where it stops, and why."""
    where, layer, given = failing_layer(model, x)
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    first = next(tensors(x), None)
    values: dict[str, Any] = {"error": reason[:300], "shape": list(first.shape) if first is not None else []}
    if (
        isinstance(layer, nn.Embedding)
        and given is not None
        and given.numel()
        and int(given.max()) >= layer.num_embeddings
    ):
        rows = {"highest": int(given.max()), "rows": layer.num_embeddings}
        return [Finding("M33", "stop", where, "beyond", rows)]
    if _last_axis_is_channels(layer, given):
        return [Finding("D31", "stop", "samples", "last_axis", {"shape": values["shape"]})]
    if isinstance(layer, nn.RNNCellBase) and given is not None and given.dim() == 3:
        return [Finding("M17", "stop", where, "cell", {"layer": type(layer).__name__, "shape": list(given.shape)})]
    if isinstance(layer, nn.Linear) and given is not None and given.dim() > 1:
        wanted = {"given": given.shape[-1], "expected": layer.in_features, **values}
        return [Finding("M17", "stop", where, "features", wanted)]
    if "dtype" in reason or ("Float" in reason and "Long" in reason):
        return [Finding("D12", "stop", where, "type", values)]
    return [Finding("M17", "stop", where, "does_not_pass", values)]


def by_loss(error: Exception, output: Any, y: Any) -> list[Finding]:
    """A loss that refuses scores and targets."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    scores = next((t.detach() for t in tensors(output) if t.is_floating_point() and t.dim()), None)
    values: dict[str, Any] = {
        "error": reason[:300],
        "scores": list(scores.shape) if scores is not None else [],
        "targets": list(y.shape) if isinstance(y, Tensor) else [],
        "type": str(y.dtype).removeprefix("torch.") if isinstance(y, Tensor) else type(y).__name__,
    }
    if re.search(r"between 0 and 1|outside|\[0, ?1\]", reason) and scores is not None:
        if float(scores.min()) < 0 or float(scores.max()) > 1:
            span = {"low": float(scores.min()), "high": float(scores.max())}
            return [Finding("M02", "stop", "output", "logarithm", span)]
        if isinstance(y, Tensor):
            return [Finding("D11", "stop", "labels", "not_binary", {"low": float(y.min()), "high": float(y.max())})]
    classes = scores.shape[1] if scores is not None and scores.dim() > 1 else 0
    names = isinstance(y, Tensor) and not y.is_floating_point() and y.dim() == 1 and bool(y.numel())
    beyond = names and classes > 0 and not 0 <= int(y.min()) <= int(y.max()) < classes
    if isinstance(y, Tensor) and (beyond or re.search(r"is out of bounds|index out of|out of range", reason)):
        return [
            Finding("D11", "stop", "labels", "outside", {"low": int(y.min()), "high": int(y.max()), "classes": classes})
        ]
    if scores is not None and isinstance(y, Tensor) and len(scores) != len(y):
        return [Finding("M19", "stop", "model", "answers", {"samples": len(y), "answers": len(scores)})]
    if scores is not None and isinstance(y, Tensor) and not y.is_floating_point() and scores.dim() > 1:
        if y.shape == scores.shape:
            return [Finding("D12", "stop", "labels", "one_hot", values)]
        if y.dim() == 2 and y.shape[1] == 1:
            return [Finding("D12", "stop", "labels", "column", values)]
    return [Finding("D12", "stop", "loss", "refused", values)]


def loss_alone(model: nn.Module, loss: Loss, y: Any, classes: int | None) -> list[Finding]:
    """What is wrong between targets and loss, where the model gives no scores: judged on scores that are made up."""
    if not isinstance(y, Tensor) or not y.numel() or y.dim() == 0:
        return []
    whole = not y.is_floating_point()
    width = classes or (int(y.max()) + 1 if whole else y.shape[-1] if y.dim() > 1 else 1)
    shape = (len(y), max(2, width)) if whole else tuple(y.shape)
    scores = torch.softmax(torch.randn(shape, generator=torch.Generator().manual_seed(0)), -1).requires_grad_()
    try:
        probe = judged(model, loss, scores, y, scores, classes)
    # whatever the loss raises is the finding
    except Exception as error:
        return by_loss(error, scores, y)
    return [f for f in look_at_outputs(probe) if f.code in ("D11", "D12", "M06", "O17")]


def _last_axis_is_channels(layer: nn.Module | None, given: Tensor | None) -> bool:
    if not isinstance(layer, nn.Conv2d) or given is None or given.dim() != 4:
        return False
    return given.shape[1] != layer.in_channels and given.shape[-1] == layer.in_channels


def failing_layer(model: nn.Module, x: Any) -> tuple[str, nn.Module | None, Tensor | None]:
    """The innermost layer that was entered and never left: its name, itself, and what it was given."""
    entered: list[tuple[str, nn.Module, Tensor | None]] = []
    hooks = []
    for name, module in model.named_modules():

        def enter(module: nn.Module, inputs: Any, name: str = name) -> None:
            entered.append((name, module, next(tensors(inputs), None)))

        def leave(_m: nn.Module, _i: Any, _o: Any) -> None:
            entered.pop()

        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with torch.no_grad():
            answer(model, x)
    # it fails: that is why it is run again
    except Exception:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return (entered[-1][0] or "model", *entered[-1][1:]) if entered else ("model", None, None)
