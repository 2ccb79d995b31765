"""What samples of each kind of input have, by which worse slices are looked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.shapes import PADDING, UNKNOWN

_PIECE = 512

Columns = dict[str, np.ndarray]


def attributes(input: Any, rows: Any, places: Tensor) -> Columns:
    """Columns of numbers, one value a sample; none for a kind of input that has no row in ``KINDS``.

    They are taken of encoded samples, so nothing is read or decoded again.

    Args:
        input: that encoded the rows.
        rows: encoded samples (``core.protocols.Rows``).
        places: which of them, int64 [n].

    >>> from types import SimpleNamespace as Some
    >>> from deepwell.data.ragged import Ragged
    >>> rows = Ragged.of([[5, 6, 7], [1]])
    >>> attributes(Some(kind="text", view="sequence"), rows, torch.tensor([0, 1]))["length"].tolist()
    [3.0, 1.0]
    """
    measure = KINDS.get(input.kind)
    if measure is None or not len(places):
        return {}
    pieces = [measure(input, rows.gather(some)) for some in places.split(_PIECE)]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _image(input: Any, x: Tensor) -> Columns:
    """Shades from 0 to 1 (where they are bytes) of encoded pictures [n, ...]."""
    shades = x.flatten(1).double() / (255 if x.dtype == torch.uint8 else 1)
    return {"brightness": shades.mean(1).numpy(), "contrast": shades.std(1, correction=0).numpy()}


def _text(input: Any, x: Tensor) -> Columns:
    """Of ids [n, length], or of n-grams and how often each occurs [n, k, 2], whose number of tokens is not known."""
    if x.dim() == 3:
        return {"different n-grams": (x[..., 0] != PADDING).sum(1).double().numpy()}
    return _of_ids(x)


def _tokens(input: Any, x: Tensor) -> Columns:
    """Of words' ids [n, length] or [n, length, 1 + width]."""
    return _of_ids(x if x.dim() == 2 else x[..., 0])


def _of_ids(ids: Tensor) -> Columns:
    length = (ids != PADDING).sum(1).double()
    return {
        "length": length.numpy(),
        "share of unknown words": ((ids == UNKNOWN).sum(1) / length.clamp(min=1)).numpy(),
    }


def _tree(input: Any, x: Tensor) -> Columns:
    """Of nodes [n, nodes, 4]: symbol, left and right child, height."""
    nodes = ((x[..., 0] != PADDING) | (x[..., 1] != 0)).sum(1).double()
    leaves = (x[..., 1] == 0) & (x[..., 0] != PADDING)
    unknown = (leaves & (x[..., 0] == UNKNOWN)).sum(1) / leaves.sum(1).clamp(min=1)
    return {
        "nodes": nodes.numpy(),
        "height": x[..., 3].amax(1).double().numpy(),
        "share of unknown words": unknown.numpy(),
    }


KINDS: dict[str, Callable[[Any, Tensor], Columns]] = {
    "image": _image,
    "text": _text,
    "tokens": _tokens,
    "tree": _tree,
}
