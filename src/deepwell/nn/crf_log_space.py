"""Forward-backward in log space: slow, and right where numbers of any size meet."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class LogSpaceSums(NamedTuple):
    """What a pass over all paths of m rows gives.

    Attributes:
        log_partition: [m]; -inf where every path has a forbidden move.
        marginals: probability of each tag at each position, [length, m, tags]; 0 at padding and where no path is left.
        moves: expected number of moves from tag to tag, [m, tags, tags].
    """

    log_partition: Tensor
    marginals: Tensor
    moves: Tensor


def log_space_sums(scores: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> LogSpaceSums:
    """Sum over all paths by logsumexp, one time step after the other.

    The sums are brought back to 0 at every step, so that thousands of steps with scores of millions lose nothing
    beside the rounding of one step.

    Args:
        scores: of each tag, [length, m, tags]; their largest at each position should be near 0.
        mask: real positions, a prefix of each row of at least 1, bool [length, m].
        transitions, start, end: [tags, tags], [tags], [tags]; -inf where forbidden.

    >>> sums = log_space_sums(torch.zeros(2, 1, 3), torch.ones(2, 1) > 0, torch.zeros(3, 3), *torch.zeros(2, 3))
    >>> round(float(sums.log_partition.exp()))
    9
    """
    length, _, tags = scores.shape
    last = mask & ~torch.cat((mask[1:], torch.zeros_like(mask[:1])))
    before = torch.empty_like(scores)  # log of the sums over all beginnings of a path, each step normalised
    total = scores.new_zeros(scores.shape[1])
    for t in range(length):
        here = start + scores[0] if t == 0 else (before[t - 1][:, :, None] + transitions).logsumexp(1) + scores[t]
        before[t], norm = _normalised(here)
        total = total + torch.where(mask[t], norm, 0)
        total = total + torch.where(last[t], (before[t] + end).logsumexp(1), 0)

    after = torch.empty_like(scores)  # the same of the ends, without the position's own score
    moves = scores.new_zeros(scores.shape[1], tags, tags)
    for t in range(length - 1, -1, -1):
        after[t] = end
        if t + 1 < length:
            here = _normalised((transitions + (scores[t + 1] + after[t + 1])[:, None]).logsumexp(2))[0]
            after[t] = torch.where(last[t][:, None], end, here)
            joint = before[t][:, :, None] + transitions + (scores[t + 1] + after[t + 1])[:, None]
            shares = joint.flatten(1).softmax(1).view_as(joint)
            moves = moves + torch.where(mask[t + 1][:, None, None], shares, 0)
    marginals = torch.where(mask[..., None], (before + after).softmax(2), 0)
    impossible = total == -torch.inf
    marginals = torch.where(impossible[:, None], 0, marginals)
    return LogSpaceSums(total, marginals, torch.where(impossible[:, None, None], 0, moves))


def _normalised(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [m, tags] whose exponentials sum to 1, and the logarithms of their sums; rows of -inf stay."""
    norm = x.logsumexp(1)
    return x - torch.where(norm == -torch.inf, 0, norm)[:, None], norm
