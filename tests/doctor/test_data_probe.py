"""The cheap model behind several checks, against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest

from deepwell.doctor.data.drift import auc
from deepwell.doctor.data.features import shrink
from deepwell.doctor.data.probe import out_of_fold, solve


@pytest.mark.parametrize("features", [20, 90])
def test_out_of_fold_is_ridge_regression_without_the_fold(features: int) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(60, features)).astype(np.float32)
    y = random.normal(size=(60, 3)).astype(np.float32)
    found = out_of_fold(x, y, 0.1, seed=4)
    fold = np.random.default_rng([8, 4]).permutation(60) % 4
    for i in range(4):
        weights = solve(x[fold != i], y[fold != i], 0.1)
        np.testing.assert_allclose(found[fold == i], x[fold == i] @ weights, atol=1e-3)


def test_auc_counts_pairs() -> None:
    random = np.random.default_rng(1)
    scores, positive = random.integers(0, 9, 50).astype(float), random.random(50) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs))


def test_shrinking_keeps_the_mean() -> None:
    x = np.random.default_rng(2).random((3, 28, 20))
    for size in ((8, 8), (12, 12), (28, 20), (5, 7)):
        made = shrink(x, *size)
        assert made.shape == (3, *size)
        np.testing.assert_allclose(made.mean((1, 2)), x.mean((1, 2)), rtol=1e-5)
