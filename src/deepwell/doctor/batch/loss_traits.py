"""What the checks of the data must know of model and loss: each answer under the name by which it is asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from deepwell.doctor.batch.identify import mean_of
from deepwell.doctor.batch.probe import Probe

_UNEQUAL = 1.5


def looks_at_targets(probe: Probe) -> dict[str, bool]:
    """``looks``: whether other targets give another loss; a loss that can't be asked is taken to look.

    A metric's or a critic's loss is often given targets of all ones that it does nothing with.
    """
    y = probe.y
    if not isinstance(y, Tensor) or not y.numel():
        return {"looks": True}
    others = [torch.zeros_like(y), y.roll(1, 0)] if y.dim() else [torch.zeros_like(y)]
    others.append(1 - y if y.is_floating_point() else (y == y.min()).to(y.dtype))
    with torch.no_grad():
        torch.manual_seed(0)
        here = float(mean_of(probe.loss(probe.output, y)))
        for other in others:
            torch.manual_seed(0)
            try:
                there = float(mean_of(probe.loss(probe.output, other)))
            # zeros may be no targets of this loss: then it does look
            except Exception:
                return {"looks": True}
            if abs(there - here) > 1e-7 * max(abs(here), 1e-7):
                return {"looks": True}
    return {"looks": False}


def weighs_classes(probe: Probe) -> dict[str, bool]:
    """``weighs``: whether samples of one class pull harder than those of another at scores that favour none."""
    given = ("weight", "pos_weight")
    if any(call.options.get(name) is not None for call in probe.calls for name in given):
        return {"weighs": True}
    y, output = probe.y, probe.output
    if not isinstance(y, Tensor) or not isinstance(output, Tensor) or output.dim() != 2 or len(y) != len(output):
        return {"weighs": False}
    names = y if y.dim() == 1 else y.argmax(1) if y.shape[1] > 1 else y[:, 0]
    scores = output.detach()
    between = float(scores.min()) >= 0 and float(scores.max()) <= 1
    level = torch.full_like(scores, 0.5 if between else 0.0).requires_grad_()
    with torch.enable_grad():
        pulls = torch.autograd.grad(mean_of(probe.loss(level, y)), level)[0].norm(dim=1)
    means = [float(pulls[names == name].mean()) for name in names.unique()]
    return {"weighs": len(means) > 1 and min(means) > 0 and max(means) > _UNEQUAL * min(means)}


def loss_and_outputs(probe: Probe) -> dict[str, Any]:
    """``loss``: its name in PyTorch, where there is one alone; ``outputs``: classes that it can tell apart."""
    if len(probe.calls) != 1:
        return {}
    call = probe.calls[0]
    classes = call.name in ("cross_entropy", "nll_loss") and call.scores.dim() == 2 and call.targets.dim() == 1
    found: dict[str, Any] = {"outputs": call.scores.shape[1]} if classes else {}
    # the loss's name says what the data's targets must be only where they are handed to it as they are
    same = isinstance(probe.y, Tensor) and call.targets.shape == probe.y.shape and call.targets.dtype == probe.y.dtype
    return found | ({"loss": call.name} if same else {})


def rows_of_the_table(probe: Probe) -> dict[str, int]:
    """``rows``: of the embedding that looks up the inputs as they are."""
    first = probe.first
    if first.is_floating_point():
        return {}
    found: list[int] = []
    tables = [m for m in probe.model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))]

    def look(module: Any, inputs: Any, _output: Any) -> None:
        if isinstance(inputs[0], Tensor) and inputs[0].data_ptr() == first.data_ptr():
            found.append(module.num_embeddings)

    hooks = [m.register_forward_hook(look) for m in tables]
    try:
        probe.forward()
    finally:
        for hook in hooks:
            hook.remove()
    return {"rows": min(found)} if found else {}


def normalises_inside(probe: Probe) -> dict[str, bool]:
    """``normalises``: whether the first layer that is called brings the inputs to one scale itself."""
    called: list[nn.Module] = []
    leaves = [m for m in probe.model.modules() if not any(m.children())]
    hooks = [m.register_forward_hook(lambda m, _i, _o: called.append(m)) for m in leaves]
    try:
        probe.forward()
    finally:
        for hook in hooks:
            hook.remove()
    first = next((m for m in called if not isinstance(m, (nn.Flatten, nn.Identity, nn.Unflatten))), None)
    return {"normalises": isinstance(first, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm))}
