"""Catches the model's answer and its gradient, from which the loss can be read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from deepwell.doctor.training.hooks import Hook
from deepwell.doctor.training.judges.answers import Reading, read

_LARGEST = 1 << 17


class ReadBack:
    """A tensor hook on one answer of the model, between two calls of ``arm`` and ``take``."""

    def __init__(self) -> None:
        self._hooks: list[Any] = []
        self._scores: Tensor | None = None
        self._gradient: Tensor | None = None
        self._handle: Any = None

    def arm(self, models: Sequence[nn.Module]) -> None:
        """Catch the next answers of these; the last one with a gradient counts."""
        self.drop()
        self._hooks = [model.register_forward_hook(Hook(self._answered)) for model in models]

    def _answered(self, _module: nn.Module, _inputs: object, output: object) -> None:
        if not isinstance(output, Tensor) or not output.requires_grad or output.numel() > _LARGEST:
            return
        if not output.is_floating_point() or output.dim() not in (1, 2):
            return
        self._detach()
        self._scores, self._gradient = output.detach(), None
        self._handle = output.register_hook(self._felt)

    def _felt(self, gradient: Tensor) -> None:
        self._gradient = gradient.detach()

    def _detach(self) -> None:
        if self._handle is not None:
            self._handle.remove()
        self._handle = None

    def drop(self) -> None:
        """Let go of everything."""
        self._detach()
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._scores, self._gradient = [], None, None

    def take(self, loss: float) -> tuple[Reading | None, int, int] | None:
        """What was caught: the reading, the batch's size, the width of the answer; None where nothing was."""
        scores, gradient = self._scores, self._gradient
        self.drop()
        if scores is None or gradient is None:
            return None
        values, pulls = scores.float().cpu().numpy(), gradient.float().cpu().numpy()
        width = values.shape[1] if values.ndim == 2 else 0
        with np.errstate(all="ignore"):
            return read(values, pulls, loss), len(values), width
