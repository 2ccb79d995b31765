"""The learning rate over the steps: a schedule that ends early, never moves, or is stepped at the wrong time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deepwell.doctor.training.judges.losses import Losses
from deepwell.findings import Finding

_BY_BATCH = ("OneCycleLR", "CyclicLR")


class Rates:
    """Judges the highest learning rate of each step."""

    def __init__(self) -> None:
        self.steps = 0
        self.epochs = 0
        self.top = 0.0
        self.tiny_since = 0

    def add(self, rate: float) -> None:
        """Take the rate of one step."""
        self.steps += 1
        if rate > self.top:
            self.top = rate
        if rate >= 0.01 * self.top:
            self.tiny_since = 0
        elif not self.tiny_since:
            self.tiny_since = self.steps

    def judge(self, losses: Losses) -> Iterator[Finding]:
        """Below a hundredth of the top before 80 % of the steps made so far."""
        since = self.tiny_since
        if not since or self.steps - since < 20 or since > 0.8 * self.steps:
            return
        sure = since < 0.5 * self.steps and losses.known and losses.fell < 0.5
        values = {"since": since, "steps": self.steps, "top": self.top}
        yield Finding("O05", "warn" if sure else "note", "optimizer", "training_tiny", values)

    def scheduler(self, facts: Mapping[str, Any]) -> Iterator[Finding]:
        """What a scheduler's own counters say.

        Args:
            facts: ``kind`` (the class's name), ``calls`` (of its ``step``) and ``period`` (``T_max``, or 0).
        """
        kind, calls = str(facts["kind"]), int(facts["calls"])
        values = {"kind": kind, "calls": calls, "steps": self.steps, "epochs": self.epochs}
        if kind in _BY_BATCH:
            if self.steps >= 50 and calls * 20 < self.steps:
                yield Finding("O05", "warn", "scheduler", "training_by_epoch", values)
        elif self.epochs >= 2 and self.steps >= 2 and calls == 0:
            yield Finding("O05", "warn", "scheduler", "training_never", values)
        period = int(facts["period"])
        if kind == "CosineAnnealingLR" and period and calls > 1.2 * period + 1:
            yield Finding("O05", "warn", "scheduler", "training_past_period", values | {"period": period})
