"""The log-likelihood of tags with its gradient written by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.nn.crf_log_space import LogSpaceSums, log_space_sums
from deepwell.nn.crf_scaled import scaled_sums, within_limits

_LARGEST = 1 << 22  # elements of a time step in log space: 32 MiB in double precision


class Tables(NamedTuple):
    """Scores of moves [tags, tags], of the first and of the last tag [tags] each; -inf where forbidden."""

    transitions: Tensor
    start: Tensor
    end: Tensor

    def shifted(self) -> Tables:
        """Each less its largest, which adds the same to every path of a row."""
        infinite = {"nan": torch.nan, "posinf": 0, "neginf": 0}  # a table that forbids all stays as it is
        return Tables(*(table - table.amax().nan_to_num(**infinite) for table in self))

    def to(self, dtype: torch.dtype) -> Tables:
        """In another precision."""
        return Tables(*(table.to(dtype) for table in self))


class PathSums(NamedTuple):
    """Sums over all paths of n rows.

    Attributes:
        log_partition: of the scores less their ``peaks``, [n]; 0 for a row without positions.
        marginals: probability of each tag at each position, [length, n, tags]; 0 at padding.
        peaks: the largest emission of each position, [n, length].
        before, ahead: so that before[t, i]^T moves ahead[t + 1, j] is the probability of the move from i to j after
            position t, [length, n, tags]; 0 in odd rows; empty where all rows are odd.
        moves: [tags, tags].
        odd: rows that were summed in log space, int64 [m].
        odd_log_partition: theirs in double precision, [m].
        odd_moves: their expected numbers of moves, [m, tags, tags].
    """

    log_partition: Tensor
    marginals: Tensor
    peaks: Tensor
    before: Tensor
    ahead: Tensor
    moves: Tensor
    odd: Tensor
    odd_log_partition: Tensor
    odd_moves: Tensor


def path_sums(emissions: Tensor, mask: Tensor, tables: Tables) -> PathSums:
    """Sum over all paths: in scaled probability space, and the rows which that can't hold in log space.

    Args:
        emissions: [n, length, tags], float32 or float64, n and length above 0.
        mask: real positions, a prefix of each row, bool [n, length].
        tables: of the same dtype, ``shifted``.
    """
    n, length, tags = emissions.shape
    peaks = emissions.amax(2).clamp_(min=torch.finfo(emissions.dtype).min)  # -inf alone is to stay so and be no NaN
    steps = None if bool(mask.all()) else mask.t()  # [length, n]
    scores = emissions.new_empty(length, n, tags)
    torch.sub(emissions.transpose(0, 1), peaks.t()[..., None], out=scores)
    if steps is not None:
        scores.masked_fill_(~steps[..., None], 0)
    if within_limits(*tables):
        with _no_autocast(scores):
            fine, log_partition, marginals, before, ahead, moves = scaled_sums(scores, steps, *tables)
        odd = (~fine & mask[:, 0]).nonzero()[:, 0]
    else:
        log_partition, marginals = emissions.new_zeros(n), torch.zeros_like(scores)
        before = ahead = moves = emissions.new_empty(0)
        odd = mask[:, 0].nonzero()[:, 0]
    if not len(odd):
        none = emissions.new_empty(0)
        return PathSums(log_partition, marginals, peaks, before, ahead, moves, odd, none, none)
    wide = torch.float32 if emissions.device.type == "mps" else torch.float64  # that device has no double
    parts = []
    for rows in odd.split(max(1, _LARGEST // (tags * tags))):
        scores = (emissions[rows].to(wide) - peaks[rows, :, None].to(wide)).masked_fill_(~mask[rows, :, None], 0)
        parts.append(log_space_sums(scores.transpose(0, 1).contiguous(), mask[rows].t(), *tables.to(wide)))
    totals, shares, counts = zip(*parts, strict=True)
    exact = LogSpaceSums(torch.cat(totals), torch.cat(shares, 1), torch.cat(counts))
    log_partition[odd] = exact.log_partition.to(emissions.dtype)
    marginals[:, odd] = exact.marginals.to(emissions.dtype)
    odd_moves = exact.moves.to(emissions.dtype)
    return PathSums(log_partition, marginals, peaks, before, ahead, moves, odd, exact.log_partition, odd_moves)


def _no_autocast(x: Tensor) -> torch.autocast:
    """Products of matrices stay in the precision of their factors: half precision can't hold the sums."""
    return torch.autocast(x.device.type, enabled=False)


def path_score(emissions: Tensor, targets: Tensor, mask: Tensor, tables: Tables) -> Tensor:
    """The score of one path for each row, [n]; 0 for a row without positions.

    Args:
        emissions: of the path's tags, [n, length], length above 0.
        targets: tag numbers int64 [n, length]; any tag at padding.
        mask: real positions, a prefix of each row, bool [n, length].
        tables: of the same dtype.
    """
    tags = len(tables.start)
    score = torch.where(mask, emissions, 0).sum(1)
    if targets.shape[1] > 1:
        pairs = targets[:, :-1] * tags + targets[:, 1:]
        score = score + torch.where(mask[:, 1:], tables.transitions.flatten()[pairs], 0).sum(1)
    last = targets.gather(1, mask.sum(1, keepdim=True).sub_(1).clamp_(min=0))[:, 0]
    return score + torch.where(mask[:, 0], tables.start[targets[:, 0]] + tables.end[last], 0)


class LogLikelihood(torch.autograd.Function):
    """log p(targets | emissions), [n], of a linear-chain conditional random field (Lafferty 2001).

    The gradient is what there is less what was expected: of an emission, 1 where the tag is the target, less the
    tag's marginal; of a transition, its count among the targets less its expected count. Both come from one
    forward-backward pass, which ``forward`` makes whole: it also shows whether probability space held the sums.

    Shapes are those of ``path_sums``; transitions, start and end are -inf where forbidden.
    """

    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, targets: Tensor, mask: Tensor
    ) -> Tensor:
        """To [n]; 0 for a row without positions, -inf for a path with a forbidden move."""
        tables = Tables(transitions, start, end).shifted()
        sums = path_sums(emissions, mask, tables)
        chosen = emissions.gather(2, targets[..., None])[..., 0]
        likelihood = path_score(chosen - sums.peaks, targets, mask, tables) - sums.log_partition
        if len(sums.odd):
            rows, wide = sums.odd, sums.odd_log_partition.dtype
            there = chosen[rows].to(wide) - sums.peaks[rows].to(wide)
            score = path_score(there, targets[rows], mask[rows], tables.to(wide))
            exact = torch.where(sums.odd_log_partition == -torch.inf, -torch.inf, score - sums.odd_log_partition)
            likelihood[rows] = exact.to(emissions.dtype)
        ctx.save_for_backward(
            targets, mask, sums.marginals, sums.before, sums.ahead, sums.moves, sums.odd, sums.odd_moves
        )
        return torch.where(mask[:, 0], likelihood, 0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """From [n] to the shapes of the inputs.

        Raises:
            UserError: a second derivative is asked for. (PyTorch's ``once_differentiable`` says nothing where the
                gradient that comes in is a constant, and gives 0.)
        """
        if torch.is_grad_enabled():
            raise UserError(
                "a second derivative of a conditional random field was asked for (create_graph=True)",
                expected="first derivatives",
                fix="leave out create_graph=True",
            )
        targets, mask, marginals, before, ahead, moves, odd, odd_moves = ctx.saved_tensors
        length, n, tags = marginals.shape
        weights = torch.where(mask.t(), gradient, 0)  # [length, n]
        of_emissions = marginals * -weights[..., None]
        places = torch.arange(length * n, device=gradient.device) * tags + targets.t().flatten()
        of_emissions.view(-1).index_add_(0, places, weights.flatten())

        of_transitions = gradient.new_zeros(tags * tags)
        if length > 1:
            pairs = targets[:, :-1] * tags + targets[:, 1:]
            of_transitions.index_add_(0, pairs.t().flatten(), weights[1:].flatten())
        of_transitions = of_transitions.view(tags, tags)
        if len(moves) and length > 1:
            weighted = (ahead[1:] * weights[1:, :, None]).flatten(0, 1)
            with _no_autocast(moves):
                of_transitions -= moves * (before[:-1].flatten(0, 1).t() @ weighted)
        if len(odd):
            of_transitions -= (odd_moves * gradient[odd, None, None]).sum(0)
        last = mask.sum(1).sub_(1).clamp_(min=0)
        of_end = of_emissions[last, torch.arange(n, device=last.device)].sum(0)
        return of_emissions.transpose(0, 1), of_transitions, of_emissions[0].sum(0), of_end, None, None
