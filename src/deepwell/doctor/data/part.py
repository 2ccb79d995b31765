"""One part of the data as the checks see it, whatever it came as: arrays, tensors, a data set, a loader."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from deepwell.core.errors import UserError
from deepwell.doctor.data.kinds import kind_of_samples

_DRAW = 977
"""Sets these draws apart from a user's own by the same seed."""
_MOST = 2_000
_BYTES = 64 << 20
"""Of a data set that must be read item by item: so many items, and so many bytes of them at most."""


@dataclass(frozen=True, eq=False)
class Part:
    """Samples and answers of one part.

    Attributes:
        name: ``train``, ``validation`` or ``test``.
        x: see ``kinds.Samples``.
        y: an array, a list, or None.
        kind: of the samples, see ``kinds``.
        rows: where these samples are in what the user gave; None: all of it, in order.
        total: how many samples the user has.
        tensors: they came as PyTorch tensors, as a model takes them: NumPy arrays may still be changed on the way.
        loader: the DataLoader, where one was given.
        dataset: the data set that is read by number, where there is one.
    """

    name: str
    x: Any
    y: Any
    kind: str
    total: int
    rows: np.ndarray | None = None
    tensors: bool = False
    loader: Any = None
    dataset: Any = None
    digests: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    def row(self, place: int) -> int:
        """The user's number of a sample."""
        return int(place if self.rows is None else self.rows[place])

    def sample(self, most: int, seed: int = 0) -> np.ndarray:
        """Places of at most so many samples, sorted, int64: all, or a draw that depends on the seed alone."""
        if len(self) <= most:
            return np.arange(len(self))
        return np.sort(np.random.default_rng([_DRAW, seed]).choice(len(self), most, replace=False))


def read(name: str, given: Any, *, seed: int = 0, seconds: float = 0.5) -> Part:
    """What a user gives for one part.

    Args:
        name: of the part.
        given: ``(x, y)``, a DataLoader, a data set with ``__getitem__`` and ``__len__``, or an iterable of batches.
        seed: of the draw of items where a data set is large.
        seconds: after which no more items are read.

    Raises:
        UserError: something else.
    """
    if isinstance(given, (tuple, list)) and len(given) == 2 and not isinstance(given[0], str):
        x, y = plain(given[0]), plain(given[1])
        return Part(name, x, y, kind_of_samples(x), len(x), tensors=isinstance(given[0], torch.Tensor))
    if isinstance(given, torch.utils.data.DataLoader):
        made = _of_dataset(name, given.dataset, seed, seconds) or _of_batches(name, given, seconds)
        return Part(name, made.x, made.y, made.kind, made.total, made.rows, True, given, made.dataset, {})
    made_or_none = _of_dataset(name, given, seed, seconds)
    if made_or_none is not None:
        return made_or_none
    if hasattr(given, "__iter__"):
        return _of_batches(name, given, seconds)
    raise UserError(
        f"{name} is of type {type(given).__name__}",
        expected="(x, y), a data set with __getitem__ and __len__, or a DataLoader",
    )


def plain(values: Any) -> Any:
    """Tensors, frames and lists of numbers as arrays; lists of texts, of words and trees as lists of strings."""
    if values is None:
        return None
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray):
        return values.tolist() if values.dtype.kind in "OU" and values.ndim == 1 else values
    rows = list(values)
    if rows and hasattr(rows[0], "children") and hasattr(rows[0], "words"):
        return _linear(rows)
    if not rows or isinstance(rows[0], (str, list, tuple, set, frozenset)):
        numbers = rows and isinstance(rows[0], (list, tuple)) and rows[0] and isinstance(rows[0][0], (int, float))
        return _stacked(rows) if numbers else rows
    if isinstance(rows[0], torch.Tensor):
        return _stacked([row.detach().cpu().numpy() for row in rows])
    return _stacked(rows)


def _linear(trees: list[Any]) -> list[list[str]]:
    """Trees as lists of words and marks; inner labels are left out where they are the answers (leaves have one too)."""
    pairs = [(label, word) for tree in trees[:500] for label, word in zip(tree.labels, tree.words, strict=True)]
    operators = sum(word is not None and label != word for label, word in pairs) < 0.5 * len(pairs)
    return [
        [
            word if word is not None else f"({label if operators else ''}{len(children)}"
            for label, word, children in zip(tree.labels, tree.words, tree.children, strict=True)
        ]
        for tree in trees
    ]


def _stacked(rows: list[Any]) -> Any:
    try:
        return np.asarray([np.asarray(row) for row in rows])
    except ValueError:  # of different shapes
        return rows


def _of_dataset(name: str, dataset: Any, seed: int, seconds: float) -> Part | None:
    """Whole where its tensors lie open, else a draw of items; None for one that can't be read by number."""
    if isinstance(dataset, torch.utils.data.TensorDataset) and len(dataset.tensors):
        x, y = plain(dataset.tensors[0]), plain(dataset.tensors[-1]) if len(dataset.tensors) > 1 else None
        return Part(name, x, y, kind_of_samples(x), len(x), tensors=True, dataset=dataset)
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        return None
    if isinstance(dataset, torch.utils.data.IterableDataset):
        return None
    total = len(dataset)
    order = np.random.default_rng([_DRAW, seed]).permutation(total)[:_MOST]
    begun, taken, xs, ys, size = time.perf_counter(), [], [], [], 0
    with same_random_state():
        for number in order.tolist():
            x, y = item(dataset, number)
            xs.append(x)
            ys.append(y)
            taken.append(number)
            size += getattr(x, "nbytes", 0)
            if size > _BYTES or time.perf_counter() - begun > seconds:
                break
    rows = np.array(taken, dtype=np.int64)
    sort = np.argsort(rows)
    xs, ys = [xs[i] for i in sort], [ys[i] for i in sort]
    samples, answers = plain(xs), None if any(y is None for y in ys) else plain(ys)
    whole = len(rows) == total
    return Part(
        name, samples, answers, kind_of_samples(samples), total, None if whole else rows[sort], True, None, dataset
    )


def item(dataset: Any, number: int) -> tuple[Any, Any]:
    """One sample and its answer, as arrays or plain values; the answer is None where there is none."""
    found = dataset[number]
    if isinstance(found, dict):
        x = next((found[k] for k in ("x", "image", "input_ids", "pixel_values", "text", "input") if k in found), None)
        y = next((found[k] for k in ("y", "label", "labels", "target") if k in found), None)
    elif isinstance(found, (tuple, list)) and len(found) >= 2:
        x, y = found[0], found[1]
    else:
        x, y = found, None
    return _value(x), _value(y)


def _value(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if hasattr(value, "tobytes") and hasattr(value, "mode"):  # a PIL picture
        return np.asarray(value)
    return value


def _of_batches(name: str, batches: Any, seconds: float) -> Part:
    """The first batches of what can only be walked through."""
    begun, xs, ys, size = time.perf_counter(), [], [], 0
    with same_random_state():
        for batch in batches:
            x, y = (batch[0], batch[1]) if isinstance(batch, (tuple, list)) and len(batch) > 1 else (batch, None)
            xs.append(plain(x))
            ys.append(plain(y))
            size += getattr(xs[-1], "nbytes", 0)
            if sum(map(len, xs)) >= _MOST or size > _BYTES or time.perf_counter() - begun > seconds:
                break
    samples = _joined(xs)
    answers = None if any(y is None for y in ys) else _joined(ys)
    return Part(name, samples, answers, kind_of_samples(samples), len(samples), tensors=True)


def _joined(batches: list[Any]) -> Any:
    arrays = batches and all(isinstance(batch, np.ndarray) for batch in batches)
    if arrays and len({batch.shape[1:] for batch in batches}) == 1:
        return np.concatenate(batches)
    return [row for batch in batches for row in batch]


@contextmanager
def same_random_state() -> Iterator[None]:
    """Reading samples may draw random numbers: PyTorch's, NumPy's and Python's are put back afterwards."""
    import random

    python, numpy, pytorch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(pytorch)
