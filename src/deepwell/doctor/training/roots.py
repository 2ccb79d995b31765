"""Which modules are called, and which of their layers behave differently in training."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def roots(model: nn.Module) -> list[nn.Module]:
    """The modules whose forward a loop calls: the model, or the parts of a list or dict of models.

    >>> len(roots(nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])))
    2
    """
    if isinstance(model, (nn.ModuleList, nn.ModuleDict)):
        return [root for child in model.children() for root in roots(child)]
    return [model]


def noisy(model: nn.Module) -> list[tuple[str, nn.Module, nn.Module]]:
    """Dropout and batch normalisation: (name, layer, the module that holds it)."""
    modules = dict(model.named_modules())
    found = []
    for name, module in modules.items():
        drops = "Dropout" in type(module).__name__ and float(getattr(module, "p", 0) or 0) > 0
        if drops or is_batch_norm(module):
            found.append((name, module, modules.get(name.rpartition(".")[0], model)))
    return found


def is_batch_norm(module: nn.Module) -> bool:
    """Batch normalisation with running statistics."""
    return "BatchNorm" in type(module).__name__ and getattr(module, "running_mean", None) is not None


def asleep(layers: Sequence[tuple[str, nn.Module, nn.Module]]) -> list[str]:
    """Those in evaluation mode although what is around them is trained; frozen parts sleep with good reason."""
    return [
        name
        for name, module, holder in layers
        if not module.training
        and any(p.requires_grad for p in (module if is_batch_norm(module) else holder).parameters())
    ]


def frozen_statistics(layers: Sequence[tuple[str, nn.Module, nn.Module]]) -> list[str]:
    """Batch normalisations whose weights are frozen while their running statistics still move."""
    return [
        name
        for name, module, _ in layers
        if is_batch_norm(module) and module.training and not any(p.requires_grad for p in module.parameters())
        and any(True for _ in module.parameters())
    ]  # fmt: skip
