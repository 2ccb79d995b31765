"""Which layer of a network is the first whose numbers an export does not give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deepwell.export.judge import unpadded
from deepwell.export.routes import Shipped, Trained


def finder(trained: Trained, shipped: Shipped, tolerance: float) -> Callable[[Sequence[Any]], str]:
    """A function from raw samples to the name of the first layer that differs for them, or ""."""

    def first(raw: Sequence[Any]) -> str:
        encoded = trained.encoded(raw)
        real = trained.real(encoded)
        both = (trained.layers(encoded.numpy()), shipped.layers(raw))
        ours, theirs = ({name: unpadded(array, real) for name, array in found.items()} for found in both)
        return first_apart(ours, theirs, tolerance)

    return first


def first_apart(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], tolerance: float) -> str:
    """The first of ``ours``, in their order, that differs; layers of another shape were fused, and tell nothing.

    >>> one, other = np.zeros(2), np.ones(2)
    >>> first_apart({"a": one, "b": one, "c": one}, {"a": one, "b": other, "c": other}, 1e-4)
    'b'
    """
    for name, own in ours.items():
        other = theirs.get(name)
        if other is None or other.shape != own.shape:
            continue
        limit = tolerance * max(1.0, float(np.abs(own).max(initial=0.0)))
        if not np.abs(own - other).max(initial=0.0) <= limit:  # also where it is no number
            return name
    return ""
