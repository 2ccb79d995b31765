"""Max-pooling and activation in the cheaper order."""

from __future__ import annotations

from torch import nn

from deepwell.nn.activation import MONOTONE, activation


def pooled(name: str, size: int = 2, *, stride: int | None = None) -> list[nn.Module]:
    """Activation and max-pooling, as layers for a ``Sequential``.

    An activation that never falls commutes with the maximum, value for value; pooling first leaves it a
    quarter of the work. The others (gelu, silu, ...) keep the usual order.

    >>> pooled("relu")[0]
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """
    pool = nn.MaxPool2d(size, stride)
    return [pool, activation(name)] if name in MONOTONE else [activation(name), pool]
