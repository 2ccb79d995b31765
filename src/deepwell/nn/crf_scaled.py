"""Forward-backward in scaled probability space: matrix products instead of logsumexp."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class _Limits(NamedTuple):
    """Logarithms within which products of a dtype's numbers neither vanish nor overflow."""

    floor: float  # scores lower than this below the best of their position are raised to it
    span: float  # the largest difference of two transitions
    largest: float  # of a backward sum over its step's sum; times e^floor it must be nothing beside 1


_LIMITS = {torch.float32: _Limits(-84.0, 60.0, 57.0), torch.float64: _Limits(-700.0, 600.0, 640.0)}


class ScaledSums(NamedTuple):
    """What a pass over all paths gives. Rows that are not ``fine`` hold zeros: take them to log space.

    Attributes:
        fine: rows whose sums are exact to rounding, bool [n].
        log_partition: logarithm of the sum over all paths, [n].
        marginals: probability of each tag at each position, [length, n, tags]; 0 at padding.
        before: for each position, the probability of its tag given all up to it, [length, n, tags].
        ahead: the sums over all that comes from it on, over those of all paths, [length, n, tags].
        moves: exp(transitions), [tags, tags].
    """

    fine: Tensor
    log_partition: Tensor
    marginals: Tensor
    before: Tensor
    ahead: Tensor
    moves: Tensor


def within_limits(*tables: Tensor) -> bool:
    """Whether the allowed moves lie so near to the largest, which is 0, that their exponentials can be multiplied."""
    every = torch.cat([table.flatten() for table in tables])
    return bool(every.masked_fill(every == -torch.inf, 0).amin() >= -_LIMITS[every.dtype].span)


def scaled_sums(scores: Tensor, mask: Tensor | None, transitions: Tensor, start: Tensor, end: Tensor) -> ScaledSums:
    """Sum over all paths by products of matrices, each step divided by its sum (Rabiner 1989, doi:10.1109/5.18626).

    A row is ``fine`` where nothing that was rounded can matter. What vanished in the forward pass, and what a raised
    score added, is at most e^floor at its place; its share of all paths is that times the backward sum there over the
    sum of the step, which is looked at for every place.

    Args:
        scores: of each tag, the largest of each position 0, float32 or float64 [length, n, tags], contiguous; is
            overwritten.
        mask: real positions, a prefix of each row, bool [length, n]; None where all are.
        transitions, start, end: [tags, tags], [tags], [tags], the largest of each 0, ``within_limits``; -inf where
            forbidden.
    """
    length, n, tags = scores.shape
    limits = _LIMITS[scores.dtype]
    moves, first, last_factor = (table.exp() for table in (transitions, start, end))
    factors = scores.clamp_(min=limits.floor).exp_()
    before, sums, ones = torch.empty_like(factors), factors.new_empty(length, n, 1), factors.new_ones(tags, 1)

    # nothing is allocated in the loops, and each step is four calls: their overhead is what a step costs
    steps = list(zip(before.unbind(), factors.unbind(), sums.unbind(), strict=True))
    here, factor, norm = steps[0]
    torch.mul(factor, first, out=here)
    torch.mm(here, ones, out=norm)
    here.div_(norm)
    for after, factor, norm in steps[1:]:
        torch.mm(here, moves, out=after)
        here = after.mul_(factor)
        torch.mm(here, ones, out=norm)
        here.div_(norm)

    behind = torch.zeros_like(factors) if mask is not None else torch.empty_like(factors)
    if mask is None:
        at_end = before[-1]
        whole = at_end @ last_factor
        torch.div(last_factor, whole[:, None], out=behind[-1])
    else:
        # what was computed for padding is dropped: a factor of 0 there ends the backward sums by itself
        sums.masked_fill_(~mask[..., None], 1)
        before.masked_fill_(~mask[..., None], 0)
        factors.masked_fill_(~mask[..., None], 0)
        place = mask.sum(0).sub_(1).clamp_(min=0)
        rows = torch.arange(n, device=scores.device)
        whole = before[place, rows] @ last_factor
        whole = torch.where(mask[0], whole, 1)
        behind[place, rows] = last_factor / whole[:, None]
    factors.div_(sums)
    back = moves.t().contiguous()
    walk = list(zip(behind.unbind(), factors.unbind(), strict=True))
    for t in range(length - 1, 0, -1):
        here, factor = walk[t]
        product = factor.mul_(here)
        if mask is None:
            torch.mm(product, back, out=walk[t - 1][0])
        else:
            walk[t - 1][0].addmm_(product, back)
    ahead = factors  # the place of the factors now holds their products; that of the first position is not used

    log_sums = sums[..., 0].log()
    size = (behind.amax(2).log() - log_sums).amax(0)
    fine = size <= limits.largest  # a NaN anywhere is not
    marginals = behind.mul_(before)
    log_partition = log_sums.sum(0) + whole.log()
    if not bool(fine.all()):
        odd = ~fine
        for part in (before, ahead, marginals):
            part[:, odd] = 0
    return ScaledSums(fine, log_partition, marginals, before, ahead, moves)
