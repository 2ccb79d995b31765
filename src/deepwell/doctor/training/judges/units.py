"""Units that are dead or saturated, and normalisation whose running statistics are not the data's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from deepwell.doctor.training.judges.losses import Losses
from deepwell.doctor.training.judges.trend import in_a_row
from deepwell.findings import Finding, Level


class Activation(NamedTuple):
    """What one rectifier, sigmoid or tanh gave in one forward pass."""

    name: str
    kind: str
    """``relu``, ``sigmoid`` or ``tanh``."""
    alive: Sequence[bool]
    """For each unit (channel) of a rectifier, whether it was above 0 anywhere; empty for the others."""
    saturated: float
    """Share of a sigmoid's or tanh's values within a fortieth of its range from an end."""
    last: bool
    """Whether no layer with weights came after it: its answer may well be certain."""


class Norm(NamedTuple):
    """A batch normalisation in training mode: its running statistics beside the batch's, by channel."""

    name: str
    shift: float
    """Median over channels of |running mean - batch mean| / batch standard deviation."""
    scale: float
    """Median over channels of |ln(running variance / batch variance)|."""


class Units:
    """Judges units look by look; a unit is dead that was never alive in the last looks."""

    def __init__(self) -> None:
        self.alive: dict[str, list[list[bool]]] = {}
        self.strikes: dict[str, int] = {}

    def judge(self, found: Sequence[Activation], losses: Losses, *, looks: int = 3) -> Iterator[Finding]:
        """What one forward pass says.

        Args:
            found: its activations.
            losses: so far.
            looks: passes in which a unit must have been silent.
        """
        for one in found:
            if one.kind == "relu":
                yield from self._dead(one, losses, looks)
            elif not one.last:
                times = in_a_row(self.strikes, f"O11 {one.name}", one.saturated > 0.5)
                if times >= looks:
                    level: Level = "warn" if losses.stuck and losses.count >= 30 else "note"
                    values = {"share": one.saturated, "kind": one.kind}
                    yield Finding("O11", level, one.name, "training_saturated", values)

    def _dead(self, one: Activation, losses: Losses, looks: int) -> Iterator[Finding]:
        past = self.alive.get(one.name, [])
        if past and len(past[0]) != len(one.alive):
            past = []
        past = [*past, list(one.alive)][-4:]
        self.alive[one.name] = past
        if len(past) < looks:
            return
        share = 1.0 - float(np.any(np.array(past), axis=0).mean())
        if share > 0.5:
            sure = share == 1.0 or (share > 0.7 and losses.stuck and losses.count >= 30)
            values = {"share": share, "units": len(one.alive)}
            yield Finding("O10", "warn" if sure else "note", one.name, "training_dead", values)

    def norms(self, found: Sequence[Norm], *, worse: float | None) -> Iterator[Finding]:
        """What the normalisations say; ``worse`` is validation loss over training loss, None where unknown."""
        for one in found:
            off = one.shift > 1.0 or one.scale > math.log(4.0)
            if in_a_row(self.strikes, f"E03 {one.name}", off) >= 3:
                level: Level = "warn" if worse is not None and worse > 2 else "note"
                values = {"shift": one.shift, "scale": math.exp(one.scale)}
                yield Finding("E03", level, one.name, "training_statistics", values)
