"""Encoded samples of several requests as one, and which of them go through the model together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepwell.data.ragged import Ragged
from deepwell.data.store import ArrayStore

_POSITIONS = 65_536
"""Of a batch, padding counted: a long sentence is not multiplied by the number of short ones beside it."""


def joined(encoded: Sequence[Any]) -> Any:
    """What ``input.encode`` gave for each request, one after another, as rows to gather from.

    >>> joined([np.zeros((2, 4)), np.zeros((1, 4))]).gather(__import__("torch").arange(3)).shape
    torch.Size([3, 4])
    """
    if isinstance(encoded[0], np.ndarray):
        return ArrayStore(encoded[0] if len(encoded) == 1 else np.concatenate(encoded))
    if len(encoded) == 1:
        return encoded[0]
    lengths = np.concatenate([rows.lengths.numpy() for rows in encoded])
    flat = np.concatenate([rows.flat.numpy() for rows in encoded])
    return Ragged(flat, np.concatenate([[0], np.cumsum(lengths)]), fill=encoded[0].fill)


def groups(lengths: Sequence[int] | None, count: int, *, most: int) -> list[list[int]]:
    """Which rows to compute together, every row in one group: of about one length, and not too much at a time.

    Args:
        lengths: of each row; None where all are alike.
        count: rows.
        most: rows of a group.

    >>> groups(None, 5, most=2)
    [[0, 1], [2, 3], [4]]
    >>> groups([9, 1000, 8], 3, most=32)
    [[2, 0], [1]]
    """
    if lengths is None:
        return [list(range(start, min(start + most, count))) for start in range(0, count, most)]
    found: list[list[int]] = []
    for place in sorted(range(count), key=lengths.__getitem__):
        length = lengths[place]
        group = found[-1] if found else []
        if (
            group
            and len(group) < most
            and length * (len(group) + 1) <= _POSITIONS
            and length <= 4 * lengths[group[0]] + 64
        ):
            group.append(place)
        else:
            found.append([place])
    return found
