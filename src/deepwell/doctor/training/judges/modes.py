"""Evaluation in training mode, training in evaluation mode, and frozen layers that move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deepwell.doctor.training.judges.trend import in_a_row
from deepwell.findings import Finding, Level


class Modes:
    """Judges the modes in which a loop calls its model.

    Forward passes without gradients in training mode are no fault by themselves: a generator that makes samples for
    its critic, statistics of batch normalisation that are measured anew. They are evaluation where validation values
    are reported next, or where several come in a row again and again and none is ever made in evaluation mode.
    """

    def __init__(self) -> None:
        self.in_training = 0
        self.gaps = 0
        self.evaluated = 0
        self.trained = False
        self.strikes: dict[str, int] = {}

    def looked(self, *, training: bool) -> None:
        """A forward pass without gradients, of a model with dropout or batch normalisation."""
        if training:
            self.in_training += 1
        else:
            self.evaluated += 1

    def stepped(self) -> Iterator[Finding]:
        """The optimiser made a step: what came before it was one gap between two steps."""
        if self.in_training >= 2 and not self.evaluated:
            self.gaps += 1
            level: Level = "warn" if self.gaps >= 2 else "note"
            yield Finding("E01", level, "loop", "training_mode", {"passes": self.in_training})
        self.in_training = 0

    def reported(self, names: Sequence[str]) -> Iterator[Finding]:
        """Validation values were reported."""
        if self.in_training and not self.evaluated:
            yield Finding("E01", "warn", "loop", "training_mode", {"passes": self.in_training})
        self.in_training = 0

    def step_mode(self, *, training: bool, asleep: Sequence[str]) -> Iterator[Finding]:
        """A step was looked at.

        Args:
            training: of the whole model.
            asleep: layers of dropout and batch normalisation in evaluation mode whose surroundings are trained.
        """
        bad = not training and bool(asleep)
        times = in_a_row(self.strikes, "E02", bad)
        if times >= 2:
            values = {"count": len(asleep), "first": asleep[0]}
            yield Finding("E02", "warn" if self.trained else "note", "loop", "training_asleep", values)
        self.trained = self.trained or training

    def frozen(self, statistics: Sequence[str], weights: Sequence[str]) -> Iterator[Finding]:
        """Layers without trainable parameters that changed all the same.

        Args:
            statistics: batch normalisations in training mode.
            weights: parameters that changed between the beginning and the end of an optimiser's step.
        """
        if statistics and in_a_row(self.strikes, "M28", True) >= 2:
            values = {"count": len(statistics)}
            yield Finding("M28", "note", statistics[0], "training_statistics", values)
        if in_a_row(self.strikes, "M28 weights", bool(weights)) >= 2:
            yield Finding("M28", "warn", weights[0], "training_weights", {"count": len(weights)})
