"""Encoded samples of different lengths: one flat array and where each begins."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


class Ragged:
    """Rows of different lengths. Implements ``core.protocols.Rows``; a batch is padded to its longest row.

    Args:
        flat: the rows one after another, int [total] or, where a position holds several numbers, [total, width].
        offsets: where each row begins and the last one ends, int64 [n + 1].
        fill: what short rows are filled with, at their end.

    >>> rows = Ragged.of([[5, 6, 7], [8]])
    >>> rows.gather(torch.tensor([1, 0])).tolist(), rows.lengths.tolist()
    ([[8, 0, 0], [5, 6, 7]], [3, 1])
    """

    def __init__(self, flat: np.ndarray, offsets: np.ndarray, *, fill: int = 0) -> None:
        self.flat = torch.from_numpy(np.ascontiguousarray(flat))
        self.offsets = torch.from_numpy(np.asarray(offsets, dtype=np.int64))
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.flat) or bool((self.offsets.diff() < 0).any()):
            raise ValueError(f"offsets do not cut {len(self.flat)} numbers into rows")
        self.fill = fill
        self.lengths = self.offsets.diff()

    @classmethod
    def of(cls, rows: Iterable[np.ndarray | list[int]], *, width: int = 0, fill: int = 0) -> Ragged:
        """Join rows that are given one by one; ``width`` numbers a position, 0 for one."""
        shape = (-1, width) if width else (-1,)
        parts = [np.asarray(row, dtype=np.int32).reshape(shape) for row in rows]
        flat = np.concatenate(parts) if parts else np.zeros((0, width) if width else 0, np.int32)
        return cls(flat, np.cumsum([0, *map(len, parts)]), fill=fill)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        """int64 [k] -> int64 [k, longest] or [k, longest, width]; at least one position long."""
        lengths = self.lengths[rows]
        longest = max(1, int(lengths.max())) if len(rows) else 1
        if not len(self.flat):
            return torch.full((len(rows), longest, *self.flat.shape[1:]), self.fill, dtype=torch.int64)
        places = torch.arange(longest)
        inside = places < lengths[:, None]
        # beyond a row's end any place will do: what is read there is overwritten
        taken = self.flat[(self.offsets[rows][:, None] + places).clamp_(max=len(self.flat) - 1)].long()
        outside = ~inside
        return taken.masked_fill_(outside if taken.dim() == 2 else outside[..., None], self.fill)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """As ``gather``: so that rows can stand where a tensor of targets stands."""
        return self.gather(rows)

    def row(self, number: int) -> Tensor:
        """One row, as long as it is."""
        return self.flat[int(self.offsets[number]) : int(self.offsets[number + 1])]

    def digests(self) -> np.ndarray:
        """A 128-bit digest of each row's content, as bytes [n]; equal rows have equal digests."""
        flat, found = self.flat.numpy(), np.empty(len(self), dtype="S16")
        for number, (start, stop) in enumerate(zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True)):
            found[number] = hashlib.blake2b(flat[start:stop].tobytes(), digest_size=16).digest()
        return found
