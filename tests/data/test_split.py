"""The split: shares, labels in every part, equal samples on one side, nothing lost, and the same each time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from deepwell.core.errors import UserError
from deepwell.data.split import Split, make


def _sides(split: Split) -> dict[int, str]:
    return {int(r): part for part in ("train", "validation", "test", "dropped") for r in getattr(split, part)}


def test_every_sample_is_on_one_side_and_shares_are_kept_in_every_class() -> None:
    labels = ["a"] * 400 + ["b"] * 100
    split = make(labels, None, validation=0.1, test=0.2)
    assert sorted(_sides(split)) == list(range(500))
    assert sum(map(len, (split.train, split.validation, split.test))) == 500
    for part, share in (("validation", 0.1), ("test", 0.2)):
        rows = getattr(split, part)
        assert (rows < 400).sum() == 400 * share
        assert (rows >= 400).sum() == 100 * share


def test_it_is_never_a_cut_of_the_tail() -> None:
    split = make([0] * 1000, None, validation=0.1)
    # 100 of 1,000 drawn at random have their middle near 500: the standard error of the mean is 27
    assert 380 < split.validation.mean() < 620
    assert split.validation.max() - split.validation.min() > 500


def test_the_seed_alone_decides() -> None:
    labels = list(np.arange(200) % 5)
    first, again, other = (make(labels, None, seed=seed) for seed in (3, 3, 4))
    assert (first.validation == again.validation).all()
    assert not np.array_equal(first.validation, other.validation)


def test_equal_samples_stay_together() -> None:
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 60, 300).astype("S16")
    split = make(list(rng.integers(0, 3, 300)), digests, validation=0.2, test=0.2)
    sides = _sides(split)
    for digest in np.unique(digests):
        assert len({sides[row] for row in np.flatnonzero(digests == digest).tolist()}) == 1
    assert split.made["equal_samples"] == 300 - len(np.unique(digests))


def test_one_picture_many_times_does_not_become_the_whole_part() -> None:
    digests = np.array([b"same"] * 100 + [f"{i}".encode() for i in range(100)])
    for seed in range(10):
        split = make(["a"] * 200, digests, validation=0.1, seed=seed)
        assert len(split.validation) == 20
        assert (split.validation >= 100).all()


def test_pairs_of_equal_samples_fill_a_share_of_one() -> None:
    digests = np.repeat(np.arange(5), 2).astype("S16")
    assert len(make(["a"] * 10, digests, validation=0.1).validation) == 2


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 1), (3, 1)])
def test_a_rare_class_is_measured_where_it_can_be(count: int, expected: int) -> None:
    split = make(["common"] * 50 + ["rare"] * count, None, validation=0.1)
    assert (split.validation >= 50).sum() == expected
    assert (split.train >= 50).sum() == count - expected


def test_with_two_samples_validation_goes_before_test() -> None:
    split = make(["common"] * 50 + ["rare"] * 2, None, validation=0.1, test=0.1)
    assert (split.validation >= 50).sum() == 1
    assert (split.test >= 50).sum() == 0


def test_one_hot_and_soft_labels_are_drawn_by_their_largest() -> None:
    hot = np.eye(4, dtype=np.float32)[np.arange(80) % 4]
    soft = hot * 0.7 + np.random.default_rng(0).random((80, 4)).astype(np.float32) * 0.1
    kinds: list[Any] = [hot, list(hot), soft]
    for labels in kinds:
        split = make(labels, None, validation=0.25)
        assert np.bincount(split.validation % 4).tolist() == [5, 5, 5, 5]


def test_given_parts_are_kept_and_what_is_tested_on_leaves_the_training() -> None:
    digests = np.array([b"0", b"1", b"2", b"3", b"1", b"5", b"5", b"7"])
    parts = ["train"] * 4 + ["test"] * 2 + ["validation"] * 2
    split = make([0, 1] * 4, digests, parts=parts)
    assert split.test.tolist() == [4, 5]
    assert split.train.tolist() == [0, 2, 3]  # row 1 equals row 4 of the test
    assert split.validation.tolist() == [7]  # row 6 equals row 5 of the test
    assert split.dropped.tolist() == [1, 6]
    assert split.to_json()["counts"]["dropped"] == 2


def test_a_missing_validation_part_is_drawn_from_the_training_part() -> None:
    parts = ["train"] * 80 + ["test"] * 20
    split = make([0, 1] * 50, None, parts=parts, validation=0.1, test=0.5)
    assert split.test.tolist() == list(range(80, 100))
    assert len(split.validation) == 8
    assert split.validation.max() < 80


def test_it_is_written_down_and_read_back() -> None:
    split = make([0, 1] * 20, np.arange(40).astype("S16"), validation=0.2, test=0.1, seed=5)
    again = Split.from_json(json.loads(json.dumps(split.to_json())))
    for part in ("train", "validation", "test", "dropped"):
        assert np.array_equal(getattr(split, part), getattr(again, part))
        assert getattr(again, part).dtype == np.int64
    assert again.made == split.made
    assert again.made["seed"] == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"validation": -0.1}, "the validation share is -0.1"),
        ({"validation": 1.0}, "the validation share is 1.0"),
        ({"test": float("nan")}, "the test share is nan"),
        ({"validation": 0.5, "test": 0.5}, "take 1 of the samples"),
    ],
)
def test_impossible_shares(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make([0, 1] * 10, None, **options)


def test_nothing_to_train_on() -> None:
    with pytest.raises(UserError, match="there is 1 sample"):
        make([0], None)
    copies = np.array([b"a", b"b", b"a", b"b"])
    with pytest.raises(UserError, match="every training sample is also in"):
        make([0, 1, 0, 1], copies, parts=["train", "train", "test", "test"])
    with pytest.raises(UserError, match="no sample is left to train on"):
        make([0, 1], None, parts=["test", "test"])


def test_lengths_that_differ_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="another number"):
        make([0, 1], np.array([b"a"]))
