"""What a loss makes of its targets, seen from outside: whether it looks at them, whether it weighs the classes."""

from __future__ import annotations

import torch
from torch import Tensor

from deepwell.doctor.batch.identify import mean_of
from deepwell.doctor.batch.probe import Probe

_UNEQUAL = 1.5


def looks_at_targets(probe: Probe) -> bool:
    """Whether other targets give another loss; a loss that can't be asked is taken to look.

    A metric's or a critic's loss is often given targets of all ones that it does nothing with.
    """
    y = probe.y
    if not isinstance(y, Tensor) or not y.numel():
        return True
    others = [torch.zeros_like(y), y.roll(1, 0)] if y.dim() else [torch.zeros_like(y)]
    if not y.is_floating_point():
        others.append((y == y.min()).to(y.dtype))
    else:
        others.append(1 - y)
    with torch.no_grad():
        torch.manual_seed(0)
        here = float(mean_of(probe.loss(probe.output, y)))
        for other in others:
            torch.manual_seed(0)
            try:
                there = float(mean_of(probe.loss(probe.output, other)))
            # zeros may be no targets of this loss: then it does look
            except Exception:
                return True
            if abs(there - here) > 1e-7 * max(abs(here), 1e-7):
                return True
    return False


def weighs_classes(probe: Probe) -> bool:
    """Whether samples of one class pull harder than those of another at scores that favour none."""
    if any(
        call.options.get("weight") is not None or call.options.get("pos_weight") is not None for call in probe.calls
    ):
        return True
    y, output = probe.y, probe.output
    if (
        not isinstance(y, Tensor)
        or not isinstance(output, Tensor)
        or output.dim() != 2
        or y.shape[:1] != output.shape[:1]
    ):
        return False
    names = y if y.dim() == 1 else y.argmax(1) if y.shape[1] > 1 else y[:, 0]
    with torch.enable_grad():
        level = torch.full_like(
            output, 0.5 if float(output.detach().min()) >= 0 and float(output.detach().max()) <= 1 else 0.0
        )
        level.requires_grad_()
        pulls = torch.autograd.grad(mean_of(probe.loss(level, y)), level)[0].norm(dim=1)
    means = [float(pulls[names == name].mean()) for name in names.unique()]
    return len(means) > 1 and min(means) > 0 and max(means) > _UNEQUAL * min(means)
