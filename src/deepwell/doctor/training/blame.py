"""Where a step that is not finite went wrong: the first layer, and the samples of its batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.doctor.untouched import untouched
from deepwell.findings import Finding


def blame(
    model: nn.Module, inputs: tuple[Sequence[Any], Mapping[str, Any]] | None, facts: Mapping[str, Any]
) -> Finding:
    """Make the forward pass of a batch again and name the first layer that is not finite; changes nothing.

    Looked at in this order: the inputs, the weights, each layer's output, the gradients from the last layer to the
    first. If all of these are finite it is the loss itself.

    Args:
        model: in the mode in which the batch was seen.
        inputs: (args, kwargs) of its forward pass; None where they are not known.
        facts: ``loss`` and ``step``, for the words.

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> with torch.no_grad():
    ...     _ = model[0].bias.fill_(float("inf"))
    >>> blame(model, ((torch.ones(3, 2),), {}), {"loss": float("nan"), "step": 7}).where
    '0.bias'
    """
    args, options = inputs if inputs is not None else ((), {})
    for value in (*args, *options.values()):
        if rows := _bad_rows(value):
            return Finding("O20", "stop", "samples", "training_inputs", {**facts, **_shown(rows)})
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter.detach()).all()):
            return Finding("O20", "stop", name, "training_broken_weights", dict(facts))
    if inputs is not None:
        with untouched(model), torch.no_grad():
            found = _first_layer(model, args, options)
        if found is not None:
            name, kind, rows = found
            return Finding("O20", "stop", name, "training_output", {**facts, "kind": kind, **_shown(rows)})
    bad = [name for name, p in model.named_parameters() if p.grad is not None and not _fine(p.grad)]
    good = [name for name, p in model.named_parameters() if p.grad is not None and _fine(p.grad)]
    if bad and good:
        return Finding("O20", "stop", bad[-1], "training_backward", dict(facts))
    return Finding("O20", "stop", "loss", "training_loss", dict(facts))


def _fine(value: Tensor) -> bool:
    return bool(torch.isfinite(value.detach() if value.layout is torch.strided else value.coalesce().values()).all())


def _first_layer(
    model: nn.Module, args: Sequence[Any], options: Mapping[str, Any]
) -> tuple[str, str, tuple[int, ...]] | None:
    first: list[tuple[str, str, tuple[int, ...]]] = []
    hooks = []
    for name, module in model.named_modules():
        if any(module.children()):
            continue

        def look(module: nn.Module, _inputs: object, output: object, name: str = name) -> None:
            if first:
                return
            for value in _tensors(output):
                if rows := _bad_rows(value):
                    first.append((name or "model", type(module).__name__, rows))
                    return

        hooks.append(module.register_forward_hook(look))
    try:
        whole = model(*args, **options)
    finally:
        for hook in hooks:
            hook.remove()
    if not first:
        for value in _tensors(whole):
            if rows := _bad_rows(value):
                return "output", type(model).__name__, rows
    return first[0] if first else None


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)


def _bad_rows(value: object) -> tuple[int, ...]:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.layout is not torch.strided:
        return ()
    fine = torch.isfinite(value.detach())
    if value.dim() == 0:
        return () if bool(fine) else (0,)
    return tuple(torch.nonzero(~fine.reshape(len(value), -1).all(1)).flatten().tolist())


def _shown(rows: tuple[int, ...]) -> dict[str, Any]:
    return {"count": len(rows), "rows": ", ".join(map(str, rows[:8])) + (", ..." if len(rows) > 8 else "")}
