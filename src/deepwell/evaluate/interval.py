"""Intervals of shares, in closed form. ``benchmarks/interval_coverage.py`` measures how often each holds the truth."""

from __future__ import annotations

import math

import numpy as np

from deepwell.core.errors import UserError

Z95 = 1.959963984540054  # two standard deviations but for a little: 95 % of a normal lie within


def wilson(right: int, count: int, *, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share (1927, doi:10.1080/01621459.1927.10502953); 95 % unless ``z`` says otherwise.

    It holds near 0 and 1 and for few samples, where share +- z * standard error does not: 10 right of 10 is
    [0.72, 1], not [1, 1].

    Args:
        right: right answers, 0 to ``count``.
        count: all answers; 0 gives [0, 1].
        z: quantile of the normal distribution.

    Raises:
        UserError: ``right`` is no number from 0 to ``count``.

    >>> [round(v, 4) for v in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    if not 0 <= right <= count:
        raise UserError(f"{right} of {count} are right", expected="from 0 to all", fix="give right before count")
    low, high = shares(np.array([right]), np.array([count]), z=z)[0].tolist()
    return low, high


def shares(right: np.ndarray, count: np.ndarray, *, z: float | np.ndarray = Z95) -> np.ndarray:
    """Wilson's interval of each of several shares, float [..., 2]; [0, 1] where ``count`` is 0.

    Args:
        right, count: [...]; they may be fractions, as an effective number of samples is.
        z: quantile, one for all or one each.

    >>> shares(np.array([10, 0]), np.array([10, 0])).round(3).tolist()
    [[0.722, 1.0], [0.0, 1.0]]
    """
    n = np.maximum(count, 1e-12).astype(float)
    share = right / n
    middle = share + z * z / (2 * n)
    half = z * np.sqrt(np.maximum(share * (1 - share), 0) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # rounding must not put the share itself outside
    low = np.maximum(0, np.minimum(share, (middle - half) / scale))
    high = np.minimum(1, np.maximum(share, (middle + half) / scale))
    return np.where((count > 0)[..., None], np.stack([low, high], -1), [0.0, 1.0])


def f1_of_jaccard(share: np.ndarray) -> np.ndarray:
    """F1 of the share of right ones among all that were answered or should have been: 2 J / (1 + J).

    F1 is 2 right / (2 right + wrong) and J is right / (right + wrong): each is a function of the other that only
    grows. So an interval of J, which is a plain share, is one of F1 when its ends are mapped.
    """
    return 2 * share / (1 + share)


def f1_shares(right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """The interval of the F1 of each class, float [classes, 2].

    Given how many samples were answered or should have been answered with a class, the number of right ones among
    them is binomial; Wilson's interval of that share becomes the one of F1. Resampling would give [1, 1] to ten right
    answers of ten.

    Args:
        right: right answers of each class.
        wrong: answers of the class that are wrong, and samples of the class that were answered otherwise.

    >>> f1_shares(np.array([10]), np.array([0])).round(3).tolist()
    [[0.839, 1.0]]
    """
    return f1_of_jaccard(shares(right, right + wrong))


def student(z: float, freedom: np.ndarray) -> np.ndarray:
    """The quantile of Student's t that belongs to the normal quantile z (Cornish and Fisher's expansion).

    >>> student(Z95, np.array([10.0])).round(2).tolist()
    [2.23]
    """
    df = np.maximum(freedom, 2.0)
    return z + (z**3 + z) / (4 * df) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * df**2)


def normal_tail(z: float) -> float:
    """The probability that a normal value lies further from 0 than z, on either side."""
    return math.erfc(abs(z) / math.sqrt(2))
