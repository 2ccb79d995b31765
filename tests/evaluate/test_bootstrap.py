"""Intervals of means and of macro-F1: against formulas, and where they are not given."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from deepwell.evaluate.bootstrap import carriers, mean_interval
from deepwell.evaluate.macro import macro_f1_interval
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


def test_skewed_losses_get_a_longer_upper_arm() -> None:
    values = np.random.default_rng(0).exponential(1.0, 100)
    low, high = mean_interval(values)
    assert high - values.mean() > 1.2 * (values.mean() - low)


def test_a_mean_that_few_values_carry_has_no_interval() -> None:
    values = np.zeros(500)
    values[:5] = 3.0
    assert carriers(values) == 5
    assert all(map(math.isnan, mean_interval(values)))
    assert all(map(math.isnan, mean_interval(np.zeros(500))))
    assert mean_interval(np.full(50, 0.25)) == (0.25, 0.25)


def test_seeded() -> None:
    values = np.random.default_rng(0).random(50)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_macro_f1_of_many_samples_against_resampling_them() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 2000)
    p = np.where(rng.random(2000) < 0.7, y, rng.integers(0, 4, 2000))
    by_hand = [macro_f1(confusion(p[i], y[i], 4)) for i in rng.integers(0, 2000, (1000, 2000))]
    low, high = np.percentile(by_hand, [2.5, 97.5])
    assert macro_f1_interval(confusion(p, y, 4)) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_macro_f1_without_a_mistake_is_not_certain() -> None:
    low, high = macro_f1_interval(np.diag([20, 20, 20]))
    assert 0.9 < low < 0.98 and high == 1


def test_macro_f1_of_too_few_samples_has_no_interval() -> None:
    assert all(map(math.isnan, macro_f1_interval(np.diag([4, 4]))))
    assert not math.isnan(macro_f1_interval(np.diag([5, 5]))[0])
    assert macro_f1_interval(np.diag([20, 20, 0])) == macro_f1_interval(np.diag([20, 20]))


def test_ten_thousand_samples_take_under_a_second_of_processor_time() -> None:
    begin = time.process_time()
    mean_interval(np.random.default_rng(0).random(10_000))
    assert time.process_time() - begin < 1.0
