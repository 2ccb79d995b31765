"""The few shapes by which the layers meet. A class that has these methods fits; nothing is inherited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch


@runtime_checkable
class Rows(Protocol):
    """Encoded samples, read by row number. In memory, on disk or made as they are asked for."""

    def __len__(self) -> int: ...

    def gather(self, rows: torch.Tensor, *, epoch: int = 0) -> torch.Tensor:
        """The rows asked for, int64 [n] -> [n, ...]; ``epoch`` matters only to rows that augment themselves."""
        ...


@runtime_checkable
class Input(Protocol):
    """One kind of data on its way in.

    What must be known of the training part is learnt in one of two orders. A picture's bytes need nothing to be
    read, so pictures are encoded, split, and then their mean and deviation are learnt (``learns_first`` is False).
    A word's number needs the vocabulary, so texts are split, their vocabulary is learnt, and then they are encoded.

    An input that knows of faults of its own kind of data also has ``findings(rows, split) -> list[Finding]``: of the
    encoded rows and the parts (``train``, ``validation``, ``test``: arrays of row numbers), after ``learn``. It is
    optional: what is said of every kind, copies and labels and drift, is said without it.
    """

    kind: str
    learns_first: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """What a model is built for: (channels, height, width), or one of ``core.shapes``."""
        ...

    def survey(self, raw: Sequence[Any]) -> None:
        """Settle what must be known before encoding and is no statistic of values (size, channels)."""
        ...

    def encode(self, raw: Sequence[Any]) -> tuple[np.ndarray | Rows, list[tuple[int, str]]]:
        """Raw samples to one compact array [n, ...] or to rows; and (position, why) of each that can't be read."""
        ...

    def learn(self, rows: Any, train: torch.Tensor) -> None:
        """Learn what must be learnt from the training rows alone: encoded rows, or raw ones if ``learns_first``."""
        ...

    def prepare(
        self, x: torch.Tensor, *, ids: torch.Tensor | None = None, seed: int = 0, epoch: int = 0
    ) -> torch.Tensor:
        """Encoded batch to what the model sees. With ``ids`` (training) it is augmented first."""
        ...

    def mask(self, x: torch.Tensor) -> torch.Tensor | None:
        """Which positions of a prepared batch are real, bool [n, length]; None where all samples have one size."""
        ...

    def state(self) -> dict[str, Any]:
        """All that ``from_state`` needs, as plain JSON values."""
        ...


@runtime_checkable
class Output(Protocol):
    """One kind of answer.

    Attributes:
        per_position: whether there is an answer for every position of a sample, or one for the whole of it.
        hits_are_cheap: whether the highest scores are the answers, so that they can be counted while training.
    """

    kind: str
    per_position: bool
    hits_are_cheap: bool

    def learn(self, targets: Sequence[Any], train: np.ndarray) -> None:
        """Learn the answers' names from the training rows."""
        ...

    def encode(self, targets: Sequence[Any]) -> Any:
        """Raw targets to what gives those of some rows by ``[rows]``: a tensor, or ragged rows."""
        ...

    def head(self, features: int) -> torch.nn.Module:
        """The layer that maps a representation to scores."""
        ...

    def loss(
        self, scores: torch.Tensor, targets: torch.Tensor, *, head: torch.nn.Module | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(sum, count) of the loss: the caller divides, once. ``head``: for a loss with parameters of its own."""
        ...

    def decode(
        self, scores: torch.Tensor, *, mask: torch.Tensor | None = None, head: torch.nn.Module | None = None
    ) -> Any:
        """Scores to answers in the form that ``tally`` and ``answers`` take; of several batches they are joined."""
        ...

    def tally(self, decoded: Any, targets: torch.Tensor) -> torch.Tensor:
        """Counts of right and wrong that add up over batches, float64 [k]."""
        ...

    def measured(self, tally: torch.Tensor) -> dict[str, float]:
        """What summed counts say: ``accuracy``, and what else the output is judged by."""
        ...

    def state(self) -> dict[str, Any]:
        """All that ``from_state`` needs, as plain JSON values."""
        ...
