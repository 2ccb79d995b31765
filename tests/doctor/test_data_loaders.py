"""Data sets and loaders: what only shows when they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.data_sets import Items, cut, levels, pictures, table, tensors
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from deepwell.core.errors import UserError
from deepwell.doctor.data import examine_data

FIRST, SECOND = cut(pictures(300), 240)


def by_class(pair: Any) -> TensorDataset:
    x, y = tensors(pair)
    order = torch.argsort(y)
    return TensorDataset(x[order], y[order])


def test_not_shuffled() -> None:
    data = by_class(table())
    assert levels(DataLoader(data, batch_size=32))["D22"] == "warn"
    assert "D22" not in levels(DataLoader(data, batch_size=32, shuffle=True))
    mixed = TensorDataset(*tensors(table()))
    assert levels(DataLoader(mixed, batch_size=32))["D22"] == "note"
    x, _ = tensors(table())
    values = torch.sort(x[:, 0]).values
    assert levels(DataLoader(TensorDataset(x, values), batch_size=32), loss="mse_loss")["D22"] == "warn"


def test_not_shuffled_and_read_item_by_item() -> None:
    x, y = pictures(2400, side=8)
    order = np.argsort(y, kind="stable")
    assert levels(DataLoader(Items((x[order], y[order])), batch_size=32))["D22"] == "warn"  # type: ignore[arg-type]


def test_a_loader_s_generator_is_as_before() -> None:
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(by_class(table()), batch_size=32, shuffle=True, generator=generator)
    before = generator.get_state()
    levels(loader)
    assert torch.equal(before, generator.get_state())


def test_one_sample_left_over() -> None:
    data = TensorDataset(*tensors(table(1025)))
    assert levels(DataLoader(data, batch_size=32, shuffle=True), has_batch_norm=True)["D36"] == "warn"
    assert "D36" not in levels(DataLoader(data, batch_size=32, shuffle=True))
    assert "D36" not in levels(DataLoader(data, batch_size=32, shuffle=True, drop_last=True), has_batch_norm=True)
    assert levels(table(1025), has_batch_norm=True, batch_size=32)["D36"] == "note"


def test_augmentation_on_the_validation_part() -> None:
    changing = Items(SECOND, lambda x: x + 0.1 * torch.randn(x.shape))
    assert levels(Items(FIRST), changing)["D25"] == "warn"
    assert "D25" not in levels(changing, Items(SECOND))


class RandomShift:
    """A transform that says it is random and is not."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x.roll(1, -1)


class OwnDraws:
    """A transform that draws from a generator of its own."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x + float(self.random.normal())


def test_dead_and_repeated_augmentation() -> None:
    assert levels(Items(FIRST, RandomShift()))["D26"] == "note"
    own = Items(FIRST, OwnDraws())
    assert levels(DataLoader(own, batch_size=8, shuffle=True, num_workers=2))["D26"] == "warn"
    assert "D26" not in levels(DataLoader(own, batch_size=8, shuffle=True))
    noisy = Items(FIRST, lambda x: x + float(np.random.normal()))
    fixed = DataLoader(noisy, batch_size=8, shuffle=True, num_workers=2, worker_init_fn=np.random.seed)
    assert levels(fixed)["D26"] == "warn"

    def fresh(_worker: int) -> None:
        np.random.seed(torch.initial_seed() % 2**32)

    good = DataLoader(noisy, batch_size=8, shuffle=True, num_workers=2, worker_init_fn=fresh)
    assert "D26" not in levels(good)


def test_generators_of_a_data_set_are_as_before() -> None:
    own = OwnDraws()
    before = repr(own.random.bit_generator.state)
    x = Items(FIRST, own)
    levels((FIRST[0], FIRST[1]), x)
    # items that are read as samples do move it on; reading twice to compare does not
    again = np.random.default_rng(0)
    for _ in range(len(x)):
        again.normal()
    assert before != repr(own.random.bit_generator.state) == repr(again.bit_generator.state)


def test_maps_of_classes() -> None:
    one, two = Items(FIRST), Items(SECOND)
    one.class_to_idx, two.class_to_idx = {"cat": 0, "dog": 1}, {"cat": 1, "dog": 0}  # type: ignore[attr-defined]
    assert levels(one, two)["D13"] == "stop"


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        x, y = tensors(FIRST)
        yield from zip(x, y, strict=True)


class Named(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 200

    def __getitem__(self, number: int) -> dict[str, Any]:
        x, y = FIRST
        return {"image": torch.tensor(x[number] + (np.nan if number == 5 else 0)), "label": int(y[number])}


def test_forms_of_data() -> None:
    assert "D05" in levels(Named())
    assert levels(DataLoader(Stream(), batch_size=16)).get("D05") is None
    assert levels(Subset(Items(FIRST), range(100))).get("D05") is None
    unreadable = examine_data(Broken())
    assert [f.code for f in unreadable] == ["C01"]


class Broken(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, number: int) -> Any:
        raise OSError(f"item {number} is gone")


def test_what_can_be_no_data() -> None:
    with pytest.raises(UserError, match="train is 'digits'"):
        examine_data("digits")
    x, y = FIRST
    assert levels((x, y[:-1]))["D33"] == "stop"
