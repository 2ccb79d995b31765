"""Resampled intervals: against resampling by hand, and their coverage."""

from __future__ import annotations

import time

import numpy as np
import pytest

from deepwell.evaluate.bootstrap import macro_f1_interval, mean_interval
from deepwell.metrics import confusion, macro_f1


def test_mean_against_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    half = 1.96 * values.std() / 20
    low, high = mean_interval(values)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_two_ways_to_a_mean_s_interval_agree() -> None:
    values = np.random.default_rng(0).exponential(1.0, 20_001)
    few, many = mean_interval(values[:-1]), mean_interval(values)
    assert few == pytest.approx(many, abs=2e-3)


def test_macro_f1_against_resampling_the_samples() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 250)
    p = np.where(rng.random(250) < 0.7, y, rng.integers(0, 4, 250))
    by_hand = [macro_f1(confusion(p[i], y[i], 4)) for i in rng.integers(0, 250, (3000, 250))]
    found = macro_f1_interval(confusion(p, y, 4))
    assert found == pytest.approx(tuple(np.percentile(by_hand, [2.5, 97.5])), abs=0.01)


def test_a_resample_is_measured_as_the_whole_is() -> None:
    """All weight in one cell leaves one resample: the matrix itself, with its empty classes left out."""
    assert macro_f1_interval(np.array([[0, 9, 0], [0, 0, 0], [0, 0, 0]])) == (0.0, 0.0)
    assert macro_f1_interval(np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]])) == (1.0, 1.0)


def test_coverage_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for i in range(200):
        low, high = mean_interval(rng.exponential(1.0, 100), seed=i)
        held += low <= 1.0 <= high
    assert 0.89 <= held / 200 <= 0.98  # 0.95 but for the skewness of the exponential and 200 trials


def test_seeded() -> None:
    values, matrix = np.random.default_rng(0).random(50), np.array([[8, 2], [3, 7]])
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1) != mean_interval(values, seed=2)
    assert macro_f1_interval(matrix, seed=1) == macro_f1_interval(matrix, seed=1) != macro_f1_interval(matrix, seed=5)


def test_ten_thousand_samples_take_under_a_second_of_processor_time() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 10, 10_000), rng.integers(0, 10, 10_000)
    begin = time.process_time()
    macro_f1_interval(confusion(p, y, 10))
    mean_interval(rng.random(10_000))
    assert time.process_time() - begin < 1.0
