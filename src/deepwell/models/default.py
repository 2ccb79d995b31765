"""The architecture for data of which the user said nothing more."""

from __future__ import annotations


def default(input_shape: tuple[int, int, int], samples: int) -> tuple[str, str]:
    """Choose by the size of the pictures and the number of training samples.

    Returns:
        (name, why).

    >>> default((1, 8, 8), 1000)[0]
    'cnn'
    """
    side = min(input_shape[1:])
    if side <= 12:
        return "cnn", f"{side} px pictures need no deeper network"
    return "cnn-bn", f"{samples:,} samples of {side} px pictures"
