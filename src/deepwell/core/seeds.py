"""Random numbers that are a function of what they are for, never of what was drawn before.

Each number is made from (seed, epoch, sample, stream) by a mixing function, so that the same run
gives the same pictures whatever the number of workers, the batch size or the point of resumption.
The mixer is splitmix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_M1 = 0xBF58476D1CE4E5B9
_M2 = 0x94D049BB133111EB


def _splitmix(value: int) -> int:
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * _M1) & _MASK
    value = ((value ^ (value >> 27)) * _M2) & _MASK
    return value ^ (value >> 31)


def mix(*parts: int) -> int:
    """One 63-bit seed from several integers; every part matters and so does their order.

    >>> mix(0, 1) != mix(1, 0)
    True
    """
    state = 0
    for part in parts:
        state = _splitmix(state ^ (int(part) & _MASK))
    return state >> 1


def generator(*parts: int) -> torch.Generator:
    """A CPU generator that depends on ``parts`` alone."""
    import torch

    return torch.Generator().manual_seed(mix(*parts))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= (1 << 63) else value


def _shift(value: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical right shift of int64 (PyTorch's is arithmetic)."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def uniform(ids: torch.Tensor, *parts: int) -> torch.Tensor:
    """Uniform numbers in [0, 1), one for each id.

    Args:
        ids: sample numbers, int64 [n].
        parts: what else the numbers depend on: seed, epoch, stream.

    Returns:
        float32 [n], on the device of ``ids``; element i depends on (parts, ids[i]) alone.

    >>> import torch
    >>> a = uniform(torch.tensor([5, 7]), 0, 1)
    >>> b = uniform(torch.tensor([7]), 0, 1)
    >>> bool(a[1] == b[0])
    True
    """
    import torch

    value = ids.to(torch.int64) ^ _signed(mix(*parts) << 1)
    for _ in range(2):  # neighbouring ids differ in few bits: two rounds part them
        value = value + _signed(_GOLDEN)
        value = (value ^ _shift(value, 30)) * _signed(_M1)
        value = (value ^ _shift(value, 27)) * _signed(_M2)
        value = value ^ _shift(value, 31)
    return _shift(value, 40).to(torch.float32) * (1.0 / (1 << 24))
