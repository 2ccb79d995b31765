"""The architecture for data of which the user said nothing more."""

from __future__ import annotations


def default(input_shape: tuple[int, int, int], samples: int) -> tuple[str, str]:
    """Choose by the size of the pictures and the number of training samples.

    Returns:
        (name, why).

    >>> default((1, 28, 28), 54_000)[0], default((3, 224, 224), 50_000)[0]
    ('compact', 'resnet18')
    """
    side = min(input_shape[1:])
    if side > 64 and samples >= 20_000:
        return "resnet18", f"{samples:,} pictures of {side} px can teach a deep network"
    if side < 4:
        return "mlp", f"pictures of {side} px have no room for convolutions"
    return "compact", f"pictures of {side} px, {samples:,} of them, need no deeper network"
