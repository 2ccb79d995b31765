"""Intervals of uncertainty."""

from __future__ import annotations

import math

_Z = 1.959963984540054


def wilson(right: int, count: int, *, z: float = _Z) -> tuple[float, float]:
    """Wilson's interval of a share (1927, doi:10.1080/01621459.1927.10502953); 95 % unless ``z`` says otherwise.

    >>> [round(v, 4) for v in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    if count == 0:
        return 0.0, 1.0
    share = right / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    # rounding must not put the share itself outside
    return max(0.0, min(share, (middle - half) / scale)), min(1.0, max(share, (middle + half) / scale))
