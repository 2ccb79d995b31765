"""A user's own torch Dataset, read sample by sample, each with random numbers of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler

from deepwell.core.errors import UserError
from deepwell.core.seeds import mix
from deepwell.data.source import Source

_ITEM = 17


class DatasetRows(Sequence[Any]):
    """Rows of a map-style Dataset. Implements ``core.protocols.Rows``.

    A Dataset may augment as it reads. Every sample is read with Python's, NumPy's and PyTorch's generators
    seeded by (seed, epoch, sample), and they are put back afterwards: the same run reads the same pictures,
    and no two epochs do.

    Args:
        dataset: gives (x, label) by number.
        seed: of the samples' random numbers.
    """

    def __init__(self, dataset: Dataset[Any], *, seed: int = 0) -> None:
        self.dataset = dataset
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, row: Any) -> Any:
        """The raw x of one sample, or of a slice of them."""
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        return self.item(int(row), epoch=0)[0]

    def item(self, row: int, *, epoch: int) -> tuple[Any, Any]:
        """(x, label) of one sample in one epoch."""
        with _seeded(mix(_ITEM, self.seed, epoch, row)):
            item = self.dataset[row]
        if isinstance(item, Mapping):
            item = tuple(item.values())
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            raise UserError(
                f"sample {row} of {type(self.dataset).__name__} is a {type(item).__name__}",
                expected="a pair (x, label)",
            )
        return item[0], item[1]

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        """int64 [k] -> [k, height, width, channels], or [k, height, width] for grey."""
        return torch.from_numpy(np.stack([_as_array(self.item(row, epoch=epoch)[0], row) for row in rows.tolist()]))


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


def _as_array(x: Any, row: int) -> np.ndarray:
    """A tensor has its channels first, as torchvision's have; a picture or an array has them last."""
    if isinstance(x, Tensor):
        array = x.detach().cpu().numpy()
        return array.transpose(1, 2, 0) if array.ndim == 3 else array
    array = np.asarray(x)
    if array.dtype == object or array.ndim not in (2, 3):
        raise UserError(f"sample {row} is a {type(x).__name__} of shape {list(array.shape)}", expected="one picture")
    return array


def _labels(rows: DatasetRows) -> tuple[Sequence[Any], str]:
    dataset: Any = rows.dataset
    for name in ("targets", "labels"):
        found = getattr(dataset, name, None)
        if found is not None and hasattr(found, "__len__") and len(found) == len(rows):
            return (found.tolist() if isinstance(found, (Tensor, np.ndarray)) else list(found)), ""
    tensors = getattr(dataset, "tensors", None)
    if tensors is not None and len(tensors) > 1:
        return tensors[1].numpy(), ""
    labels = [rows.item(row, epoch=0)[1] for row in range(len(rows))]
    plain = [label.item() if isinstance(label, Tensor) and label.numel() == 1 else label for label in labels]
    return plain, "the labels were found by reading every sample once; a `targets` attribute would save that"


def from_dataset(given: Dataset[Any] | DataLoader[Any]) -> Source:
    """A map-style Dataset, or the one in a DataLoader. The order of samples is deepwell's own.

    Raises:
        UserError: an iterable dataset, or a loader whose sampler does more than shuffle.
    """
    notes: list[str] = []
    dataset: Any = given
    if isinstance(given, DataLoader):
        dataset = given.dataset
        sampler = given.sampler
        if not isinstance(dataset, IterableDataset) and not isinstance(sampler, (RandomSampler, SequentialSampler)):
            raise UserError(
                f"the DataLoader draws by a {type(sampler).__name__}",
                expected="a loader that goes through its samples in order or shuffled",
                fix="give the dataset itself; for rare classes use class_weights='balanced'",
            )
        notes.append("of the DataLoader its dataset is taken; order and batches are a function of seed and epoch")
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise UserError(
            f"{type(dataset).__name__} can only be gone through from its beginning",
            expected="a dataset with a length and samples by number: only so can a stopped run go on exactly",
            fix="collect its samples into arrays, or write them as files",
        )
    rows = DatasetRows(dataset)
    if not len(rows):
        raise UserError(f"{type(dataset).__name__} has no samples")
    labels, note = _labels(rows)
    notes += [note] if note else []
    found = f"{len(rows):,} samples of a {type(dataset).__name__}, read as they are needed"
    return Source("dataset", "image", rows, labels, None, "", found, tuple(notes))
