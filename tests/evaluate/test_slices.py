"""Worse slices: a planted one is found, noise is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy import stats

from deepwell.core.errors import UserError
from deepwell.data.ragged import Ragged
from deepwell.data.store import ArrayStore
from deepwell.evaluate.attributes import attributes
from deepwell.evaluate.slices import _fisher, _rank_sum, holm, worst_slices


class Kind:
    """An input, as far as its attributes are concerned."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def test_a_planted_slice_is_found_and_is_the_first() -> None:
    rng = np.random.default_rng(0)
    brightness, camera = rng.random(2000), rng.choice(["a", "b", "c"], 2000)
    wrong = rng.random(2000) < np.where(brightness < 0.2, 0.5, 0.05)
    found = worst_slices(wrong, {"brightness": brightness, "camera": camera})
    assert [s.attribute for s in found] == ["brightness"]
    first = found[0]
    assert first.low is not None and first.high is not None and first.high == pytest.approx(0.2, abs=0.02)
    assert first.interval[0] < 0.5 < first.interval[1] and first.rest == pytest.approx(0.05, abs=0.02)
    assert first.p < 1e-6
    assert "brightness" in str(first) and "of 400 samples" in str(first)
    assert json.loads(json.dumps(first.to_json()))["samples"] == 400


def test_noise_is_no_slice() -> None:
    """50 evaluations of slices that mean nothing: about 3 may find one."""
    rng = np.random.default_rng(0)
    names = rng.choice(list("abcdefgh"), (50, 400))
    found = 0
    for row in names:
        wrong = rng.random(400) < 0.3
        found += bool(worst_slices(wrong, {"name": row, "x": rng.normal(size=400), "y": rng.normal(size=400)}))
    assert found <= 7


def test_losses_are_ranked() -> None:
    rng = np.random.default_rng(0)
    losses, group = rng.exponential(1.0, 600), np.repeat(["new", "old"], [100, 500])
    losses[0] = 1e6  # one huge loss makes no slice
    assert worst_slices(losses, {"group": group}) == ()
    losses[:100] *= 2
    (found,) = worst_slices(losses, {"group": group})
    assert found.value == "new"


def test_the_tests_against_scipy() -> None:
    rng = np.random.default_rng(0)
    wrong, chosen = rng.random(300) < 0.2, rng.random(300) < 0.3
    table = [[(wrong & chosen).sum(), (~wrong & chosen).sum()], [(wrong & ~chosen).sum(), (~wrong & ~chosen).sum()]]
    assert _fisher(wrong.astype(float), chosen) == pytest.approx(stats.fisher_exact(table, "greater")[1], rel=1e-9)
    losses = np.round(rng.exponential(1.0, 300), 1)  # with ties
    wanted = stats.mannwhitneyu(
        losses[chosen], losses[~chosen], alternative="greater", method="asymptotic", use_continuity=False
    ).pvalue
    assert _rank_sum(losses, chosen) == pytest.approx(wanted, rel=1e-9)


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([0.2, 0.01]) == pytest.approx([0.2, 0.02])


def test_odd_columns() -> None:
    wrong = np.arange(100) % 2 == 0
    numbers = np.where(np.arange(100) < 50, np.nan, 1.0)
    assert (
        worst_slices(wrong, {"constant": np.ones(100), "nan": numbers, "each its own": [str(i) for i in range(100)]})
        == ()
    )
    assert worst_slices(np.zeros(100, bool), {"x": np.arange(100)}) == ()
    whole = worst_slices(np.arange(100) < 30, {"length": np.repeat([1, 2, 3], [30, 40, 30])})
    assert [(s.low, s.high) for s in whole] == [(1.0, 1.0)]
    with pytest.raises(UserError, match=r"'x' has 3 values.*one a sample, 100"):
        worst_slices(wrong, {"x": [1, 2, 3]})


def test_attributes_of_each_kind() -> None:
    pictures = ArrayStore(np.stack([np.zeros((1, 4, 4), np.uint8), np.full((1, 4, 4), 255, np.uint8)]))
    found = attributes(Kind("image"), pictures, torch.tensor([1, 0]))
    assert found["brightness"].tolist() == [1.0, 0.0] and found["contrast"].tolist() == [0.0, 0.0]
    words = Ragged.of([[[5, 9], [1, 9]], [[4, 9]]], width=2)
    found = attributes(Kind("tokens"), words, torch.arange(2))
    assert found["length"].tolist() == [2, 1] and found["share of unknown words"].tolist() == [0.5, 0.0]
    counts = Ragged.of([[[5, 2], [7, 1]], [[4, 1]]], width=2)
    assert attributes(Kind("text"), counts, torch.arange(2))["different n-grams"].tolist() == [2, 1]
    trees = Ragged.of([[[5, 0, 0, 0], [1, 0, 0, 0], [0, 1, 2, 1]], [[5, 0, 0, 0]]], width=4)
    found = attributes(Kind("tree"), trees, torch.arange(2))
    assert found["nodes"].tolist() == [3, 1] and found["height"].tolist() == [1, 0]
    assert found["share of unknown words"].tolist() == [0.5, 0.0]
    assert attributes(Kind("smell"), trees, torch.arange(2)) == {}
