"""A user's own torch Dataset, read sample by sample, each with random numbers of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    default_collate,
)

from deepwell.core.errors import UserError
from deepwell.data.item import as_array, read_item, stack
from deepwell.data.source import Source
from deepwell.data.workers import Workers


class DatasetRows(Sequence[Any]):
    """Rows of a map-style Dataset. Implements ``core.protocols.Rows``.

    A Dataset may augment as it reads. Every sample is read with Python's, NumPy's and PyTorch's generators
    seeded by (seed, epoch, sample), and they are put back afterwards: the same run reads the same pictures,
    whatever the number of workers, and no two epochs do.

    Args:
        dataset: gives (x, label) by number.
        seed: of the samples' random numbers.
        workers: processes that read; 0 reads here. A call from another thread than the one that made this
            object is always read by a process, because the generators are the whole process's.
    """

    def __init__(self, dataset: Dataset[Any], *, seed: int = 0, workers: int = 0) -> None:
        self.dataset = dataset
        self.seed = seed
        self.workers = workers
        self._home = threading.get_ident()
        self._pool = Workers(dataset, workers, seed=seed)

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, row: Any) -> Any:
        """The raw x of one sample, or of a slice of them."""
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not 0 <= int(row) < len(self):  # ends a plain ``for``: not every dataset raises this itself
            raise IndexError(row)
        return self.item(int(row), epoch=0)[0]

    def item(self, row: int, *, epoch: int) -> tuple[Any, Any]:
        """(x, label) of one sample in one epoch."""
        return read_item(self.dataset, row, seed=self.seed, epoch=epoch)

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        """int64 [k] -> [k, height, width, channels], or [k, height, width] for grey.

        Raises:
            UserError: an item that is no picture, or pictures of different shapes.
        """
        numbers = rows.tolist()
        if threading.get_ident() != self._home or (self.workers and len(numbers) > 1):
            found = self._pool.read(numbers, epoch=epoch)
        else:
            found = stack([as_array(self.item(row, epoch=epoch)[0], row) for row in numbers], numbers)
        return torch.from_numpy(found)

    def close(self) -> None:
        """End the processes, where there are any."""
        self._pool.close()


def _known_labels(dataset: Any) -> Any:
    """The labels that a dataset holds as a list of its own, or None."""
    if isinstance(dataset, Subset):
        inner = _known_labels(dataset.dataset)
        return None if inner is None else [inner[int(i)] for i in dataset.indices]
    if getattr(dataset, "target_transform", None) is not None:
        return None  # it changes labels as they are read: only the items tell
    return _listed(dataset)


def _listed(dataset: Any) -> Any:
    for name in ("targets", "labels"):
        found: Any = getattr(dataset, name, None)
        if hasattr(found, "__len__") and not isinstance(found, (str, Mapping)) and len(found) == len(dataset):
            return found.tolist() if isinstance(found, (Tensor, np.ndarray)) else list(found)
    tensors = getattr(dataset, "tensors", None)
    if isinstance(tensors, (tuple, list)) and len(tensors) > 1 and len(tensors[1]) == len(dataset):
        return tensors[1].numpy()
    return None


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, (Tensor, np.generic)) and np.size(label) == 1 else label


def _labels(rows: DatasetRows) -> tuple[Sequence[Any], str]:
    """Labels, and what to say of them. A list of labels is believed where it agrees with the items looked at."""
    known = _known_labels(rows.dataset)
    if known is not None:
        looked_at = sorted({0, len(rows) // 2, len(rows) - 1})
        if all(np.array_equal(np.asarray(known[i]), np.asarray(rows.item(i, epoch=0)[1])) for i in looked_at):
            return known, ""
    labels = [_plain(rows.item(row, epoch=0)[1]) for row in range(len(rows))]
    return labels, "the labels were found by reading every sample once; a `targets` attribute would save that"


def from_dataset(given: Dataset[Any] | DataLoader[Any], *, workers: int = 0) -> Source:
    """A map-style Dataset, or the one in a DataLoader. The order of samples is deepwell's own.

    Args:
        given: a Dataset of (x, label) pairs or mappings, or a DataLoader over one that goes through its samples
            in order or shuffled; of a loader, ``num_workers`` is taken too.
        workers: processes that read samples; 0: those of the loader, if it is one.

    Raises:
        UserError: an iterable dataset, no samples, or a loader whose sampler does more than shuffle.

    >>> from torch.utils.data import TensorDataset
    >>> source = from_dataset(TensorDataset(torch.zeros(4, 1, 8, 8), torch.tensor([0, 1, 0, 1])))
    >>> source.found
    '4 samples of a TensorDataset, read as they are needed'
    """
    notes: list[str] = []
    dataset: Any = given
    if isinstance(given, DataLoader):
        dataset, workers = given.dataset, workers or given.num_workers
        if not isinstance(dataset, IterableDataset):
            notes += _of_loader(given)
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise UserError(
            f"{type(dataset).__name__} can only be gone through from its beginning",
            expected="a dataset with a length and samples by number: only so can a stopped run go on exactly",
            fix="collect its samples into arrays, or write them as files",
        )
    if not len(dataset):
        raise UserError(f"{type(dataset).__name__} has no samples", fix="check how it is made")
    rows = DatasetRows(dataset, workers=workers)
    labels, note = _labels(rows)
    notes += [note] if note else []
    found = f"{len(rows):,} samples of a {type(dataset).__name__}, read as they are needed"
    return Source("dataset", "image", rows, labels, None, "", found, tuple(notes))


def _of_loader(loader: DataLoader[Any]) -> list[str]:
    """What is to be said of a loader; an error where it would train on other samples than its dataset's."""
    sampler, batch_sampler = loader.sampler, loader.batch_sampler
    dataset: Any = loader.dataset
    odd = None
    if not isinstance(sampler, (RandomSampler, SequentialSampler)):
        odd = type(sampler).__name__
    elif isinstance(sampler, RandomSampler) and (sampler.replacement or sampler.num_samples != len(dataset)):
        odd = "RandomSampler with replacement"
    elif batch_sampler is not None and type(batch_sampler) is not BatchSampler:
        odd = type(batch_sampler).__name__
    if odd is not None:
        raise UserError(
            f"the DataLoader draws by a {odd}",
            expected="a loader that goes through its samples in order or shuffled",
            fix="give the dataset itself; for rare classes use class_weights='balanced'",
        )
    notes = ["of the DataLoader its dataset is taken; order and batches are a function of seed and epoch"]
    if loader.collate_fn is not default_collate and loader.batch_size is not None:
        notes.append("the DataLoader's own collate_fn is not used: items are stacked as they are")
    return notes
