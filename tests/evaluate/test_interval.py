"""Wilson's interval: known values, and that it holds what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deepwell.core.errors import UserError
from deepwell.evaluate import wilson


def test_known_values() -> None:
    """Newcombe 1998 (Statistics in Medicine 17:857-872), table I, method 3."""
    for right, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(right, count) == pytest.approx((low, high), abs=5e-5)


def test_the_ends_solve_the_score_equation() -> None:
    """Each end is the share p for which the observed one lies z standard errors of p away."""
    for right, count in ((1, 3), (50, 64), (980, 1000)):
        for end in wilson(right, count):
            assert abs(right / count - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / count), rel=1e-6)


def test_within_zero_and_one_and_around_the_share() -> None:
    for count in (1, 2, 7, 360, 10**7):
        for right in {0, 1, count // 3, count - 1, count}:
            low, high = wilson(right, count)
            assert 0 <= low <= right / count <= high <= 1
    assert wilson(0, 0) == (0.0, 1.0)


def test_coverage() -> None:
    """The mean over shares of the probability that the interval holds the share, computed and not sampled."""
    for count in (20, 100, 1000):
        bounds = np.array([wilson(k, count) for k in range(count + 1)])
        log_choose = np.array(
            [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(count + 1)]
        )
        covered = []
        for share in np.linspace(0.01, 0.99, 99):
            k = np.arange(count + 1)
            chance = np.exp(log_choose + k * np.log(share) + (count - k) * np.log1p(-share))
            covered.append(chance[(bounds[:, 0] <= share) & (share <= bounds[:, 1])].sum())
        assert np.mean(covered) == pytest.approx(0.95, abs=0.006)
        assert min(covered) > 0.83  # its known worst, for shares of 0.01 and small counts


def test_more_right_than_there_are() -> None:
    with pytest.raises(UserError, match="11 of 10"):
        wilson(11, 10)
