"""One item of a torch Dataset: read with random numbers of its own, and as an array."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.seeds import mix

_ITEM = 17
"""Sets the stream of items apart from every other use of the same seed."""

_X_NAMES = ("image", "img", "pixel_values", "picture", "x", "input", "inputs")
_Y_NAMES = ("label", "labels", "target", "targets", "class", "y")


def read_item(dataset: Any, row: int, *, seed: int, epoch: int) -> tuple[Any, Any]:
    """(x, label) of one sample in one epoch.

    Python's, NumPy's and PyTorch's generators are seeded by (seed, epoch, row) while the dataset reads, and put
    back afterwards: what a dataset draws for a sample depends on nothing else. The generators belong to the
    whole process, so no other thread may draw meanwhile; ``data.workers`` reads in processes of their own.

    Raises:
        UserError: the item is no pair and no mapping with a picture and a label.
    """
    try:
        with _seeded(mix(_ITEM, seed, epoch, row)):
            item = dataset[row]
    except Exception as error:
        error.add_note(f"while reading sample {row} of {type(dataset).__name__}")
        raise
    if isinstance(item, Mapping):
        item = _pair(item)
    if not isinstance(item, (tuple, list)) or len(item) < 2:
        raise UserError(
            f"sample {row} of {type(dataset).__name__} is a {type(item).__name__}"
            + (f" of {len(item)}" if isinstance(item, (tuple, list)) else ""),
            expected="a pair (x, label)",
            fix="let __getitem__ return (x, label)",
        )
    return item[0], item[1]


def _pair(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """Picture and label of a mapping, by their usual names; else its first two values."""
    x = next((item[name] for name in _X_NAMES if name in item), None)
    y = next((item[name] for name in _Y_NAMES if name in item), None)
    return (x, y) if x is not None and y is not None else tuple(item.values())


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    python, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)


def as_array(x: Any, row: int) -> np.ndarray:
    """A picture as [height, width] or [height, width, channels].

    A tensor has its channels first, as torchvision's have; a PIL picture or an array has them last.

    Raises:
        UserError: another number of dimensions, or no numbers.
    """
    if isinstance(x, Tensor):
        array = (x.float() if x.dtype == torch.bfloat16 else x).detach().cpu().numpy()
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    else:
        if hasattr(x, "convert") and getattr(x, "mode", "L") not in ("L", "RGB"):
            x = x.convert("RGB")  # the numbers of a palette picture are no shades
        array = np.asarray(x)
    if array.dtype == object or array.dtype.kind not in "buif" or array.ndim not in (2, 3):
        raise UserError(
            f"sample {row} is a {type(x).__name__} of shape {list(array.shape)}",
            expected="one picture: a tensor [channels, height, width], an array [height, width, channels] or a PIL one",
        )
    return array


def stack(arrays: list[np.ndarray], rows: list[int]) -> np.ndarray:
    """Pictures of one shape, [k, ...].

    Raises:
        UserError: their shapes differ; names two samples.
    """
    for array, row in zip(arrays, rows, strict=True):
        if array.shape != arrays[0].shape:
            raise UserError(
                f"sample {rows[0]} has the shape {list(arrays[0].shape)} and sample {row} {list(array.shape)}",
                expected="pictures of one size and one number of channels from a dataset",
                fix="resize and convert them in the dataset's transform, or give deepwell the files themselves",
            )
    return np.stack(arrays)
