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
    """One kind of data on its way in."""

    kind: str

    def survey(self, raw: Sequence[Any]) -> None:
        """Settle what must be known before encoding and is no statistic of values (size, channels)."""
        ...

    def encode(self, raw: Sequence[Any]) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """Raw samples to one compact array [n, ...]; and (position, why) of each that can't be read."""
        ...

    def learn(self, rows: Rows, train: torch.Tensor) -> None:
        """Learn what must be learnt, from the training rows alone."""
        ...

    def prepare(
        self, x: torch.Tensor, *, ids: torch.Tensor | None = None, seed: int = 0, epoch: int = 0
    ) -> torch.Tensor:
        """Encoded batch to what the model sees. With ``ids`` (training) it is augmented first."""
        ...

    def state(self) -> dict[str, Any]:
        """All that ``from_state`` needs, as plain JSON values."""
        ...


@runtime_checkable
class Output(Protocol):
    """One kind of answer."""

    kind: str

    def learn(self, targets: Sequence[Any], train: np.ndarray) -> None:
        """Learn the answers' names from the training rows."""
        ...

    def encode(self, targets: Sequence[Any]) -> torch.Tensor:
        """Raw targets to a tensor, one row a sample."""
        ...

    def head(self, features: int) -> torch.nn.Module:
        """The layer that maps a representation [batch, features] to scores."""
        ...

    def loss(self, scores: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(sum, count) of the loss: the caller divides, once."""
        ...

    def state(self) -> dict[str, Any]:
        """All that ``from_state`` needs, as plain JSON values."""
        ...
