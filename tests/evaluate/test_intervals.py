"""Intervals in closed form: F1 by exact probabilities, shares of grouped things by their design effect."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deepwell.evaluate.interval import Z95, f1_shares, normal_tail, shares, student, wilson
from deepwell.evaluate.ratio import grouped


def test_many_shares_are_each_wilson_s() -> None:
    right, count = np.array([0, 3, 10, 999]), np.array([7, 9, 10, 1000])
    assert shares(right, count).tolist() == [list(wilson(r, c)) for r, c in zip(right, count, strict=True)]


def test_f1_holds_the_truth_in_95_of_100_computed_and_not_sampled() -> None:
    """The right ones among those that are answered or true are binomial: the mean coverage over shares is a sum."""
    count = 40
    bounds = f1_shares(np.arange(count + 1), count - np.arange(count + 1))
    logs = np.array(
        [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(count + 1)]
    )
    covered = []
    for share in np.linspace(0.02, 0.98, 97):
        k = np.arange(count + 1)
        chance = np.exp(logs + k * np.log(share) + (count - k) * np.log1p(-share))
        truth = 2 * share / (1 + share)
        covered.append(chance[(bounds[:, 0] <= truth) & (truth <= bounds[:, 1])].sum())
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)


def test_student_and_normal_against_tables() -> None:
    assert student(Z95, np.array([5.0, 10.0, 30.0, 1e9])) == pytest.approx([2.571, 2.228, 2.042, 1.960], abs=0.04)
    assert normal_tail(1.959964) == pytest.approx(0.05, abs=1e-6)


def test_groups_of_one_are_nearly_wilson_s() -> None:
    right = (np.arange(2000) % 5 > 0).astype(int)
    assert grouped(right, np.ones(2000, int)) == pytest.approx(wilson(1600, 2000), abs=1e-3)


def test_words_that_are_wrong_together_widen_the_interval() -> None:
    """Sentences of ten words, wholly right or wholly wrong: as sure as one word each."""
    whole = np.repeat([10, 0], [160, 40])
    assert grouped(whole, np.full(200, 10)) == pytest.approx(wilson(160, 200), abs=0.003)


def test_nothing_to_count_is_unknown_and_no_mistake_is_not_certain() -> None:
    found = grouped(np.array([[0, 3]] * 50), np.array([[0, 3]] * 50))
    assert found[0].tolist() == [0.0, 1.0]
    assert 0.95 < found[1, 0] < 1 and found[1, 1] == 1
