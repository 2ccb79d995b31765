"""Torch datasets: the same pictures by seed, epoch and sample, whoever reads them."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from deepwell.core.errors import UserError
from deepwell.core.protocols import Rows
from deepwell.data.dataset_rows import DatasetRows, from_dataset
from deepwell.data.item import as_array


class Noisy(Dataset[Any]):
    """Draws from all three generators, as live augmentation does."""

    def __init__(self, count: int = 12) -> None:
        self.count = count
        self.reads = 0
        self.inner = lambda: 0  # can't be pickled

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        self.reads += 1
        noise = torch.rand(3, 4, 5) + random.random() + float(np.random.rand())
        return noise + row, row % 3


ROWS = torch.tensor([7, 0, 3, 3, 11])


def test_the_same_rows_by_seed_epoch_and_number_alone() -> None:
    rows = DatasetRows(Noisy(), seed=1)
    assert isinstance(rows, Rows)
    first = rows.gather(ROWS, epoch=2)
    torch.rand(5), random.random(), np.random.rand()
    assert first.shape == (5, 4, 5, 3)
    assert torch.equal(first, rows.gather(ROWS, epoch=2))
    assert torch.equal(first[0], rows.gather(torch.tensor([1, 7]), epoch=2)[1])
    assert torch.equal(first[2], first[3])
    assert not torch.equal(first, rows.gather(ROWS, epoch=3))
    assert not torch.equal(first, DatasetRows(Noisy(), seed=2).gather(ROWS, epoch=2))


def test_the_generators_are_put_back() -> None:
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    expected = torch.rand(1), random.random(), np.random.rand()
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    DatasetRows(Noisy()).gather(ROWS)
    assert (torch.rand(1), random.random(), np.random.rand()) == expected


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_reads_the_same_bytes(workers: int) -> None:
    here, there = DatasetRows(Noisy(), seed=4), DatasetRows(Noisy(), seed=4, workers=workers)
    try:
        for epoch in (0, 1):
            assert torch.equal(here.gather(ROWS, epoch=epoch), there.gather(ROWS, epoch=epoch))
        assert there.dataset.reads == 0  # type: ignore[attr-defined]
    finally:
        there.close()


def test_reading_ahead_in_a_thread_does_not_touch_the_training_s_draws() -> None:
    rows = DatasetRows(Noisy(), seed=4)
    expected = rows.gather(ROWS, epoch=1)
    torch.manual_seed(9)
    draws = torch.rand(3)
    found: list[torch.Tensor] = []
    reader = threading.Thread(target=lambda: found.extend(rows.gather(ROWS, epoch=1) for _ in range(100)))
    reader.start()
    try:
        while reader.is_alive():
            torch.manual_seed(9)
            time.sleep(0)  # a step lets other threads run between its seed and its draws
            assert torch.equal(torch.rand(3), draws)
        assert len(found) == 100
        assert all(torch.equal(batch, expected) for batch in found)
    finally:
        reader.join()
        rows.close()


class Odd(Dataset[Any]):
    """What is not as it should be, one kind a sample."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, row: int) -> Any:
        if row == 0:
            return torch.zeros(1, 4, 4), 0
        if row == 1:
            return torch.zeros(1, 5, 4), 0
        if row == 2:
            return "a word", 0
        if row == 3:
            return torch.zeros(4)
        if row == 4:
            return (torch.zeros(1, 4, 4),)
        if row == 5:
            raise FileNotFoundError("picture 5")
        if row == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(2, 2, 2, 2), 0


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([0, 1], r"sample 0 has the shape \[4, 4, 1\] and sample 1 \[5, 4, 1\].*transform"),
        ([0, 2], r"sample 2 is a str"),
        ([0, 3], r"sample 3 of Odd is a Tensor.*a pair \(x, label\)"),
        ([0, 4], r"sample 4 of Odd is a tuple of 1"),
        ([0, 7], r"sample 7 is a Tensor of shape \[2, 2, 2, 2\]"),
    ],
)
def test_items_that_are_no_pictures(workers: int, numbers: list[int], words: str) -> None:
    rows = DatasetRows(Odd(), workers=workers)
    try:
        with pytest.raises(UserError, match=words):
            rows.gather(torch.tensor(numbers))
    finally:
        rows.close()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_dataset_says_its_sample(workers: int) -> None:
    rows = DatasetRows(Odd(), workers=workers)
    try:
        with pytest.raises(FileNotFoundError, match="picture 5") as caught:
            rows.gather(torch.tensor([0, 5]))
        assert "while reading sample 5 of Odd" in caught.value.__notes__
    finally:
        rows.close()


def test_a_process_that_is_killed_is_named_and_replaced() -> None:
    rows = DatasetRows(Odd(), workers=1)
    try:
        with pytest.raises(UserError, match=r"ended from outside.*fewer workers"):
            rows.gather(torch.tensor([0, 6]))
        assert rows.gather(torch.tensor([0, 0])).shape == (2, 4, 4, 1)
    finally:
        rows.close()


def test_items_of_every_kind() -> None:
    shades = np.arange(20, dtype=np.uint8).reshape(4, 5)
    colour = np.stack([shades] * 3, axis=-1)
    assert as_array(torch.from_numpy(shades), 0).shape == (4, 5)
    assert as_array(torch.from_numpy(colour).permute(2, 0, 1), 0).tolist() == colour.tolist()
    assert as_array(torch.zeros(1, 2, 2, dtype=torch.bfloat16), 0).dtype == np.float32
    assert as_array(colour, 0).tolist() == colour.tolist()
    assert as_array(Image.fromarray(shades), 0).tolist() == shades.tolist()
    palette = Image.fromarray(colour * 9).convert("P")
    assert as_array(palette, 0).tolist() == np.asarray(palette.convert("RGB")).tolist()


class Mapped(Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"id": f"s{row}", "label": row % 2, "image": np.full((3, 3), row, np.uint8)}


def test_mappings_by_name() -> None:
    source = from_dataset(Mapped())
    assert list(source.y) == [0, 1, 0, 1]
    assert source.x.gather(torch.tensor([2])).unique().tolist() == [2]
    assert "reading every sample once" in source.notes[0]


def test_labels_that_the_dataset_holds_are_not_read_one_by_one() -> None:
    dataset: Any = Noisy(50)
    dataset.targets = [row % 3 for row in range(50)]
    source = from_dataset(dataset)
    assert list(source.y) == dataset.targets
    assert dataset.reads == 3
    assert source.notes == ()
    part = from_dataset(Subset(dataset, [5, 1, 8]))
    assert list(part.y) == [2, 1, 2]
    tensors = from_dataset(TensorDataset(torch.zeros(4, 1, 2, 2), torch.tensor([3, 1, 2, 3])))
    assert list(tensors.y) == [3, 1, 2, 3]


def test_labels_that_disagree_with_the_items_are_not_believed() -> None:
    dataset: Any = Noisy(50)
    dataset.targets = [9] * 50
    assert list(from_dataset(dataset).y) == [row % 3 for row in range(50)]
    dataset.targets = [row % 3 for row in range(50)]
    dataset.target_transform = lambda label: label
    dataset.reads = 0
    from_dataset(dataset)
    assert dataset.reads == 50


def test_a_loader_gives_its_dataset_and_workers() -> None:
    dataset = Noisy()
    for shuffle in (False, True):
        source = from_dataset(DataLoader(dataset, batch_size=4, shuffle=shuffle, num_workers=2))
        assert source.x.dataset is dataset
        assert source.x.workers == 2
        assert "order and batches" in source.notes[0]
    source = from_dataset(DataLoader(dataset, collate_fn=lambda items: items))
    assert any("collate_fn is not used" in note for note in source.notes)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield torch.zeros(1, 2, 2), 0


class Own(BatchSampler):
    pass


_twelve = Noisy(12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Stream(), r"Stream can only be gone through from its beginning"),
        (DataLoader(Stream()), r"Stream can only be gone through"),
        (iter([1]), r"iterator can only be gone through"),
        (
            DataLoader(_twelve, sampler=WeightedRandomSampler([1.0] * 12, 12)),
            r"draws by a WeightedRandomSampler.*class",
        ),
        (DataLoader(_twelve, sampler=SubsetRandomSampler([1, 2])), r"draws by a SubsetRandomSampler"),
        (DataLoader(_twelve, sampler=RandomSampler(_twelve, replacement=True)), r"RandomSampler with replacement"),
        (DataLoader(_twelve, sampler=RandomSampler(_twelve, num_samples=5)), r"RandomSampler"),
        (DataLoader(_twelve, batch_sampler=Own(RandomSampler(_twelve), 3, False)), r"draws by a Own"),
        (Noisy(0), r"Noisy has no samples"),
    ],
)
def test_what_is_refused(given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        from_dataset(given)


def test_rows_are_gone_through_like_a_list() -> None:
    rows = DatasetRows(Noisy(5))
    assert len(list(rows)) == 5
    assert [x.shape for x in rows[1:3]] == [torch.Size([3, 4, 5])] * 2
