"""Gradients that explode, vanish, are missing, or are clipped at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator

from deepwell.doctor.training.judges.losses import Losses
from deepwell.doctor.training.judges.trend import in_a_row, median
from deepwell.doctor.training.sampling import Layer, Look
from deepwell.findings import Finding, Level

_KEPT = 40
_SHALLOW = 1e-3
"""The first layer's gradient beside the last one's (AutoTrainer, Zhang et al., ICSE 2021, has the same ratio)."""


class Gradients:
    """Judges the gradients of one optimiser's parameters, look by look."""

    def __init__(self) -> None:
        self.norms: list[float] = []
        self.clipped: list[bool] = []
        self.never: dict[str, int] = {}
        self.strikes: dict[str, int] = {}

    def judge(self, look: Look, losses: Losses) -> Iterator[Finding]:
        """What one look says, given those before it."""
        yield from self._finite(look)
        felt = [layer for layer in look.layers if layer.matrix and layer.gradient is not None]
        if len(felt) > 2:
            yield from self._vanishes(felt, losses)
            yield from self._explodes_by_depth(felt, losses)
        yield from self._explodes(look, felt, losses)
        yield from self._clipping(look, losses)
        yield from self._missing(look)

    def _finite(self, look: Look) -> Iterator[Finding]:
        for layer in look.layers:
            if not math.isfinite(layer.weight):
                yield Finding("O20", "stop", layer.name, "training_weights", {"step": look.step})
                return
        # the backward pass runs from the last layer to the first: the last bad one is where it began
        for layer in reversed(look.layers):
            if layer.gradient is not None and not math.isfinite(layer.gradient):
                yield Finding("O20", "stop", layer.name, "training_gradient", {"step": look.step})
                return

    def _vanishes(self, felt: list[Layer], losses: Losses) -> Iterator[Finding]:
        first, last = felt[0], felt[-1]
        low, high = first.gradient or 0.0, last.gradient or 0.0
        times = in_a_row(self.strikes, f"O09 {first.name}", 0 < low < _SHALLOW * high)
        if times < 3:
            return
        still = first.update is not None and first.update < 1e-5 * max(first.weight, 1e-12)
        level: Level = "warn" if still or (losses.stuck and losses.count >= 30) else "note"
        yield Finding("O09", level, first.name, "training_vanishes", {"first": low, "last": high})

    def _explodes_by_depth(self, felt: list[Layer], losses: Losses) -> Iterator[Finding]:
        first, last = felt[0], felt[-1]
        low, high = last.gradient or 0.0, first.gradient or 0.0
        times = in_a_row(self.strikes, f"O08 {first.name}", low > 0 and high > 1e3 * low)
        if times >= 3:
            level: Level = "warn" if losses.stuck and losses.count >= 30 else "note"
            yield Finding("O08", level, first.name, "training_grows_by_depth", {"first": high, "last": low})

    def _explodes(self, look: Look, felt: list[Layer], losses: Losses) -> Iterator[Finding]:
        norm = look.norm if look.raw_norm is None else look.raw_norm
        if not math.isfinite(norm):
            return
        usual = median(self.norms) if len(self.norms) >= 5 else math.inf
        times = in_a_row(self.strikes, "O08", norm > 10 * usual > 0)
        if times >= 2 and felt:
            worst = max(felt, key=lambda layer: layer.gradient or 0.0)
            higher = losses.known and losses.level > 1.5 * min(losses.lowest or losses.initial, losses.initial)
            level: Level = "warn" if times >= 3 and higher and look.raw_norm is None else "note"
            yield Finding("O08", level, worst.name, "training_explodes", {"norm": norm, "usual": usual})
        if times == 0:  # what explodes is not what is usual
            self.norms = [*self.norms[-_KEPT:], norm]

    def _clipping(self, look: Look, losses: Losses) -> Iterator[Finding]:
        if look.raw_norm is not None:
            self.clipped = [*self.clipped[-_KEPT:], look.raw_norm > look.norm * 1.001]
            if len(self.clipped) >= 20 and losses.count >= 150:
                share = sum(self.clipped) / len(self.clipped)
                values = {"share": share, "limit": look.norm, "norm": look.raw_norm}
                if share > 0.95:
                    level: Level = "warn" if losses.stuck else "note"
                    yield Finding("O12", level, "optimizer", "training_always", values)
                elif share == 0 and losses.count >= 1000:
                    yield Finding("O12", "note", "optimizer", "training_never", values)
            return
        # a loop that is not ours: its clipping is seen by norms that are all the same number
        recent = self.norms[-12:]
        same = len(recent) == 12 and recent[0] > 0 and max(recent) - min(recent) < 1e-3 * max(recent)
        if same:
            level = "warn" if losses.stuck and losses.count >= 100 else "note"
            values = {"limit": median(recent)}
            yield Finding("O12", level, "optimizer", "training_constant_norm", values)

    def _missing(self, look: Look) -> Iterator[Finding]:
        """Parameters in the optimiser that never get a gradient; those before the first that has one are cut off."""
        if all(layer.gradient is None for layer in look.layers):
            return
        for layer in look.layers:
            times = self.never.get(layer.name, 0)
            self.never[layer.name] = times + 1 if layer.gradient is None and times >= 0 else -1
        lost = [layer.name for layer in look.layers if self.never[layer.name] >= 3]
        if not lost:
            return
        felt = [layer.name for layer in look.layers if self.never[layer.name] < 0]
        order = [layer.name for layer in look.layers]
        upstream = bool(felt) and order.index(lost[-1]) < order.index(felt[0]) and len(felt) + len(lost) == len(order)
        values = {"count": len(lost), "all": len(order), "first": lost[0], "last": lost[-1]}
        yield Finding("M26" if upstream else "M24", "note", lost[0], "training_no_gradient", values)
