"""Intervals of uncertainty."""

from __future__ import annotations

import math

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
    if count == 0:
        return 0.0, 1.0
    share = right / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    # rounding must not put the share itself outside
    return max(0.0, min(share, (middle - half) / scale)), min(1.0, max(share, (middle + half) / scale))
