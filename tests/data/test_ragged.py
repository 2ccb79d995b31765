"""Rows of different lengths, and their batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deepwell.data.batches import by_length, epoch_batches
from deepwell.data.ragged import Ragged


def rows(count: int = 50, width: int = 0) -> tuple[Ragged, list[np.ndarray]]:
    draw = np.random.default_rng(0)
    shape = (width,) if width else ()
    made = [draw.integers(1, 99, (int(draw.integers(0, 9)), *shape)) for _ in range(count)]
    return Ragged.of(made, width=width), made


@pytest.mark.parametrize("width", [0, 3])
def test_a_batch_is_its_rows_filled_at_the_end(width: int) -> None:
    ragged, made = rows(width=width)
    assert len(ragged) == 50
    chosen = torch.tensor([7, 0, 7, 49, 3])
    x = ragged.gather(chosen)
    longest = max(1, max(len(made[i]) for i in chosen.tolist()))
    assert x.shape[:2] == (5, longest)
    for row, number in zip(x, chosen.tolist(), strict=True):
        length = len(made[number])
        assert np.array_equal(row[:length], made[number])
        assert bool((row[length:] == 0).all())
    assert torch.equal(x, ragged[chosen])


def test_rows_of_nothing() -> None:
    empty = Ragged.of([[], []], fill=-1)
    assert empty.gather(torch.tensor([1, 0])).tolist() == [[-1], [-1]]
    assert len(Ragged.of([])) == 0
    assert Ragged.of([[1]]).gather(torch.arange(0)).shape == (0, 1)
    with pytest.raises(ValueError, match="offsets"):
        Ragged(np.arange(3), np.array([0, 2]))


def test_equal_rows_have_equal_digests() -> None:
    found = Ragged.of([[1, 2], [3], [1, 2], [], [0]]).digests()
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 4


def lengths_like_texts(count: int) -> torch.Tensor:
    """Lengths with a long tail, as texts have: the mean is about 100."""
    drawn = torch.from_numpy(np.random.default_rng(1).lognormal(4.3, 0.8, count)).long()
    return drawn.clamp(1, 1000)


@pytest.mark.parametrize("size", [1, 7, 32])
def test_bucketing_holds_everything_once_and_pads_little(size: int) -> None:
    lengths = lengths_like_texts(5_003)
    numbers = torch.arange(5_003) * 2
    found = epoch_batches(numbers, size, seed=3, epoch=2, lengths=lengths)
    assert torch.equal(torch.cat(found).sort()[0], numbers)
    assert {len(batch) for batch in found} <= {size, size + 1, 5_003 % size}
    computed = sum(len(batch) * int(lengths[batch // 2].max()) for batch in found)
    assert computed <= 1.1 * int(lengths.sum())
    at_random = epoch_batches(numbers, size, seed=3, epoch=2)
    if size == 32:
        assert sum(len(b) * int(lengths[b // 2].max()) for b in at_random) > 1.8 * int(lengths.sum())


def test_bucketing_depends_on_seed_and_epoch_alone() -> None:
    lengths, numbers = lengths_like_texts(400), torch.arange(400)

    def go(seed: int, epoch: int) -> list[list[int]]:
        found = epoch_batches(numbers, 8, seed=seed, epoch=epoch, lengths=lengths)
        return [batch.tolist() for batch in found]

    first = go(0, 1)
    torch.rand(5)
    assert first == go(0, 1)
    assert first != go(0, 2)
    assert first != go(1, 1)
    assert sorted(map(sorted, first)) != sorted(map(sorted, go(0, 2))), "no two epochs have the same batches"
    # the batches are shuffled: short texts do not come first
    means = torch.tensor([lengths[torch.tensor(batch)].double().mean() for batch in first])
    assert abs(float(torch.corrcoef(torch.stack([means, torch.arange(len(means)).double()]))[0, 1])) < 0.5


def test_answers_are_made_longest_first() -> None:
    lengths = torch.tensor([3, 9, 1, 9])
    assert torch.cat(by_length(torch.arange(4), 2, lengths)).tolist() == [1, 3, 0, 2]
    assert torch.cat(by_length(torch.arange(4), 3, None)).tolist() == [0, 1, 2, 3]
