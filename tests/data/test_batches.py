"""The order of samples and their batches."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.data.batches import batches, order


def test_the_order_is_a_permutation_by_seed_and_epoch_alone() -> None:
    first = order(100, 1, 2)
    torch.rand(7), np.random.rand(3), random.random()
    torch.manual_seed(99)
    assert torch.equal(first, order(100, 1, 2))
    assert sorted(first.tolist()) == list(range(100))
    assert not torch.equal(first, order(100, 1, 3))
    assert not torch.equal(first, order(100, 2, 2))
    assert first.dtype == torch.int64


def test_the_order_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    order(1000, 0, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_every_place_is_reached_from_every_place() -> None:
    """Over many epochs a sample's place is uniform: its mean over 400 orders of 50 is 24.5 +- 0.72."""
    places = torch.stack([order(50, 0, epoch) for epoch in range(400)]).double().mean(0)
    assert (places - 24.5).abs().max() < 4.5 * 0.72


@pytest.mark.parametrize("count", [1, 2, 5, 8, 9, 16, 17, 31])
@pytest.mark.parametrize("size", [1, 2, 4, 8, 64])
def test_batches_hold_everything_once_and_none_is_a_lone_sample(count: int, size: int) -> None:
    rows = torch.arange(count) * 3
    found = list(batches(rows, size))
    assert torch.equal(torch.cat(found), rows)
    lengths = [len(batch) for batch in found]
    assert all(length == size for length in lengths[:-1])
    assert lengths[-1] <= size + 1
    if size > 1 and count > 1:
        assert min(lengths) > 1


def test_a_batch_of_nothing() -> None:
    assert list(batches(torch.arange(0), 4)) == []
    with pytest.raises(UserError, match="batch_size is 0"):
        list(batches(torch.arange(3), 0))
