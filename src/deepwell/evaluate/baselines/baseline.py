"""What is known of one baseline, once measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepwell.evaluate.baselines.paired import Difference
from deepwell.evaluate.measured import Measured


@dataclass(frozen=True)
class Baseline:
    """A simple model, measured on the part that the deep one is measured on.

    Attributes:
        name: such as ``k nearest neighbours``.
        score: ``metric`` with its 95 % interval.
        metric: ``accuracy``, or ``f1`` of labels or spans.
        seconds: to choose how many samples to learn from, to learn and to answer.
        samples: training samples that it learnt from: the first so many of ``sampling.nested``.
        of: training samples that there are.
        tried: how that number was chosen: (samples, seconds to learn, seconds to answer) of each trial.
        features: what it sees of a sample.
        parameters: the scikit-learn class with what is not its default.
        note: what limits the figure, or "".
        answers: of each sample measured on, in order: a class number, the numbers of its labels, or tags' numbers.
        against: how much better the deep model is; None where there is none.
    """

    name: str
    score: Measured
    metric: str
    seconds: float
    samples: int
    of: int
    tried: list[tuple[int, float, float]]
    features: str
    parameters: str
    note: str
    answers: list[Any]
    against: Difference | None = None

    def __str__(self) -> str:
        learnt = f"{self.samples:,}" if self.samples == self.of else f"{self.samples:,} of {self.of:,}"
        ends = self.score.interval
        interval = f"{ends[0]:.4f} to {ends[1]:.4f}" if ends else "too few samples for an interval"
        score = f"{self.metric} {self.score.value:.4f} ({interval})"
        deep = "" if self.against is None else f"; the deep model is {self.against}"
        note = f" [{self.note}]" if self.note else ""
        return f"{self.name}: {score}, learnt from {learnt} in {self.seconds:.1f} s{deep}{note}"

    def to_json(self, *, answers: bool = False) -> dict[str, Any]:
        """Plain values; with the answers where asked for: they are as many as samples."""
        found: dict[str, Any] = {
            "name": self.name,
            "score": self.score.to_json(),
            "metric": self.metric,
            "seconds": round(self.seconds, 3),
            "samples": self.samples,
            "of": self.of,
            "tried": [list(trial) for trial in self.tried],
            "features": self.features,
            "parameters": self.parameters,
            "note": self.note,
            "against": None if self.against is None else self.against.to_json(),
        }
        return {**found, "answers": self.answers} if answers else found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Baseline:
        """Undo ``to_json(answers=True)``, all but the comparison.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        low, high = value["score"]["interval"] or (math.nan, math.nan)
        score = Measured(float(value["score"]["value"]), float(low), float(high))
        return cls(
            name=str(value["name"]),
            score=score,
            metric=str(value["metric"]),
            seconds=float(value["seconds"]),
            samples=int(value["samples"]),
            of=int(value["of"]),
            tried=[(int(size), float(learning), float(answering)) for size, learning, answering in value["tried"]],
            features=str(value["features"]),
            parameters=str(value["parameters"]),
            note=str(value["note"]),
            answers=list(value["answers"]),
        )
