"""What happens to a gradient between two steps: whether it is cleared, and whether it is clipped too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from deepwell.doctor.training.judges.trend import in_a_row
from deepwell.findings import Finding


class Between:
    """Follows one small parameter from the end of a step to the beginning of the next.

    The gradient that autograd hands over is seen before it is added to what is there. If the optimiser is given the
    old gradient plus the new one, the old one was not cleared: exact, and no mistake for gradient accumulation, whose
    parts are all new.
    """

    def __init__(self) -> None:
        self.strikes: dict[str, int] = {}
        self._parameter: Tensor | None = None
        self._kept: Tensor | None = None
        self._old: Tensor | None = None
        self._new: list[Tensor] = []
        self._handle: Any = None

    def arm(self, parameters: Sequence[Tensor]) -> None:
        """After a step: begin to follow."""
        self.drop()
        fit = [
            p for p in parameters
            if p.requires_grad and p.numel() >= 4 and p.grad is not None and p.grad.layout is torch.strided
        ]  # fmt: skip
        if not fit:
            return
        self._parameter = min(fit, key=lambda p: p.numel())
        self._kept = self._parameter.grad
        self._old = self._kept.detach().clone() if self._kept is not None else None
        self._handle = self._parameter.register_hook(self._felt)

    def _felt(self, gradient: Tensor) -> None:
        self._new.append(gradient.detach().clone())

    def drop(self) -> None:
        """Stop following; leaves no hook."""
        if self._handle is not None:
            self._handle.remove()
        self._handle = self._parameter = self._kept = self._old = None
        self._new = []

    def judge(self) -> Iterator[Finding]:
        """Before the next step: what became of the gradient."""
        parameter, kept, old, new = self._parameter, self._kept, self._old, list(self._new)
        self.drop()
        if parameter is None or parameter.grad is None or old is None or not new:
            return
        given, fresh = parameter.grad.detach(), torch.stack(new).sum(0)
        if not bool(torch.isfinite(given).all()):
            return
        added = _alike(given, old + fresh) and not _alike(given, fresh, 1e-5)
        if in_a_row(self.strikes, "O03", added) >= 2:
            share = float(old.norm() / (old + fresh).norm().clamp(min=1e-30))
            yield Finding("O03", "stop", "loop", "training_kept", {"share": share})
        late = kept is not None and kept is not parameter.grad and _shrunk(kept.detach(), old)
        if in_a_row(self.strikes, "O12", late) >= 2:
            yield Finding("O12", "warn", "optimizer", "training_late", {})


def _alike(a: Tensor, b: Tensor, tolerance: float = 1e-9) -> bool:
    """The same direction: clipping may have scaled the gradient since. 1 - cosine is below ``tolerance``."""
    a, b = a.flatten().double(), b.flatten().double()
    size = float(a.norm() * b.norm())
    return size > 0 and 1 - float(a @ b) / size < tolerance


def _shrunk(now: Tensor, then: Tensor) -> bool:
    """All elements were multiplied by one number between 0 and 1 since."""
    power = float(then.flatten() @ then.flatten())
    if power == 0:
        return False
    factor = float(now.flatten() @ then.flatten()) / power
    return 0 < factor < 0.999 and bool(torch.allclose(now, factor * then, rtol=1e-4, atol=1e-12))
