"""Integrated gradients: what each number of the input added to the score."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_STEPS = (16, 64, 256, 1024)
_NEGLIGIBLE = 0.01
"""Scores are logarithms of odds: a hundredth of one is nothing."""


class Integrated(NamedTuple):
    """What the integral gave.

    Attributes:
        values: of each number, in the shape of the input; they add up to the difference of the scores.
        difference: score of the input minus that of the start.
        gap: how far the sum of the values is from that, in the score's unit.
        steps: gradients that were taken.
    """

    values: Tensor
    difference: float
    gap: float
    steps: int


def integrate(
    function: Callable[[Tensor], Tensor], start: Tensor, stop: Tensor, *, tolerance: float = 0.02, at_once: int = 32
) -> Integrated:
    """Integrated gradients (Sundararajan, Taly, Yan 2017, arXiv:1703.01365), by Gauss and Legendre's rule.

    (stop - start) * integral over a from 0 to 1 of d function / d input at start + a * (stop - start). Completeness
    is the check: the values must add up to function(stop) - function(start). Where they do not within the tolerance,
    four times as many steps are taken, up to 1,024; what is then left is told as ``gap``.

    Args:
        function: inputs [k, ...] to scores [k].
        start: the baseline, without the first dimension.
        stop: the input itself, of the same shape.
        tolerance: of the sum, as a share of the difference.
        at_once: gradients that are taken together: a matter of memory.

    Raises:
        RuntimeError: the function lets no gradient through.

    >>> integrate(lambda x: (x**2).sum(1), torch.zeros(2), torch.tensor([1.0, 3.0])).values
    tensor([1., 9.])
    """
    with torch.no_grad():
        low, high = function(torch.stack([start, stop])).double().tolist()
    difference = high - low
    for steps in _STEPS:
        places, weights = np.polynomial.legendre.leggauss(steps)
        mean = torch.zeros_like(stop, dtype=torch.float64)
        for first in range(0, steps, at_once):
            some = slice(first, first + at_once)
            shape = (-1, *[1] * stop.dim())
            along = torch.from_numpy((places[some] + 1) / 2).to(stop).view(shape)
            points = (start + along * (stop - start)).requires_grad_()
            (slope,) = torch.autograd.grad(function(points).sum(), [points])
            mean += (slope.double() * torch.from_numpy(weights[some] / 2).to(stop.device).view(shape)).sum(0)
        values = mean * (stop - start).double()
        gap = abs(float(values.sum()) - difference)
        if gap <= max(tolerance * abs(difference), _NEGLIGIBLE):
            break
    return Integrated(values.float(), difference, gap, steps)
