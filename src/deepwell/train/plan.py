"""The numbers of a training, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepwell.train.fault import Fault


@dataclass(frozen=True)
class Plan:
    """The numbers of a training.

    Attributes:
        epochs: passes over the training samples.
        batch_size: samples a step.
        accumulate: parts in which a batch is computed; the result is that of the whole batch.
        seed: of the batches' order and of every draw in a step.
        learning_rate: the highest; the schedule scales it.
        monitor: the value by which the best epoch is known; ``loss`` in its name means smaller is better.
        checkpoint_steps: save after this many steps; None: by the clock alone.
        checkpoint_seconds: save after this many seconds.
        workers: threads that prepare batches ahead; 0 prepares them between steps.
    """

    epochs: int
    batch_size: int
    accumulate: int = 1
    seed: int = 0
    learning_rate: float = 1e-3
    monitor: str = "val_accuracy"
    checkpoint_steps: int | None = None
    checkpoint_seconds: float = 30.0
    workers: int = 0

    @property
    def maximise(self) -> bool:
        """Whether a higher value of ``monitor`` is better."""
        return "loss" not in self.monitor


class TrainingError(Exception):
    """A training that can't go on; ``fault`` says where it went wrong."""

    def __init__(self, words: str, fault: Fault | None = None, samples: Sequence[int] = ()) -> None:
        super().__init__(words)
        self.fault = fault
        self.samples = tuple(samples)


@dataclass
class Outcome:
    """What a training gives back."""

    history: list[dict[str, float]]
    best_epoch: int
    stopped: str = ""
    interrupted: bool = False
