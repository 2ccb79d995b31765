"""The linear-chain conditional random field: the tags of a sequence judged together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.nn.crf_function import LogLikelihood, Tables, path_sums
from deepwell.nn.crf_viterbi import viterbi


class CRF(nn.Module):
    """p(tags | x) = exp(score(tags)) / sum over all paths (Lafferty, McCallum, Pereira 2001).

    A path's score is the sum of its emissions, of the transitions between neighbours, and of what its first and its
    last tag get. The scores of tags at each position (emissions) come from the network before it.

    All rows of a batch go together, and padding changes nothing. Sums over paths are made in scaled probability
    space; a row whose numbers are too far apart for that is taken to log space in double precision, so that results
    hold for scores of any size.

    Forbidden moves are impossible: a sequence with one has the log-likelihood -inf, and neither ``viterbi`` nor
    ``marginals`` uses one. Their parameters are never read and get no gradient. What is allowed is not part of the
    state dict; build the field anew with the same arguments and load its weights.

    Args:
        tags: their number, T.
        allowed: moves from the row's tag to the column's, bool [T, T]; None allows all.
        start_allowed, end_allowed: tags with which a sequence may start and end, bool [T]; None allows all.

    Raises:
        UserError: no tag, or a constraint of another shape or type.

    >>> crf = CRF(2, allowed=torch.tensor([[True, False], [True, True]]))
    >>> emissions, mask = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]), torch.ones(1, 2, dtype=torch.bool)
    >>> paths, scores = crf.viterbi(emissions, mask)
    >>> paths.tolist(), scores.tolist()
    ([[1, 1]], [2.0])
    >>> crf.log_likelihood(emissions, paths, mask).detach().exp()
    tensor([0.6652])
    """

    allowed: Tensor | None
    start_allowed: Tensor | None
    end_allowed: Tensor | None

    def __init__(
        self,
        tags: int,
        *,
        allowed: Tensor | None = None,
        start_allowed: Tensor | None = None,
        end_allowed: Tensor | None = None,
    ) -> None:
        super().__init__()
        if tags < 1:
            raise UserError(f"a conditional random field was given {tags} tags", expected="at least 1")
        self.tags = tags
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        given = {"allowed": allowed, "start_allowed": start_allowed, "end_allowed": end_allowed}
        for name, which in given.items():
            shape = [tags, tags] if name == "allowed" else [tags]
            if which is not None and (which.dtype != torch.bool or list(which.shape) != shape):
                raise UserError(f"{name} is {which.dtype} {list(which.shape)}", expected=f"torch.bool {shape}")
            self.register_buffer(name, None if which is None else which.clone(), persistent=False)

    def extra_repr(self) -> str:
        """For printing."""
        return str(self.tags)

    def log_likelihood(self, emissions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """The log-probability of the targets, differentiable once.

        Args:
            emissions: [n, length, T].
            targets: tag numbers int64 [n, length]; anything at padding.
            mask: real positions, a prefix of each row, bool [n, length].

        Returns:
            [n], in nats; 0 for a row without positions, -inf for targets with a forbidden move.

        Raises:
            UserError: shapes that do not fit, a mask that is no prefix, a target that is no tag.
        """
        emissions, tables = self._checked(emissions, mask)
        if targets.shape != mask.shape or targets.dtype != torch.int64:
            raise UserError(
                f"the targets are {targets.dtype} {list(targets.shape)}",
                expected=f"tag numbers, torch.int64 {list(mask.shape)}",
            )
        targets = torch.where(mask, targets, 0)
        if not emissions.shape[0] * emissions.shape[1]:
            return emissions.sum((1, 2))
        low, high = torch.stack(targets.aminmax()).tolist()
        if low < 0 or high >= self.tags:
            raise UserError(
                f"the targets go from {low} to {high}",
                expected=f"tag numbers from 0 to {self.tags - 1}",
                fix="leave positions without a tag out with the mask; they must come last",
            )
        return LogLikelihood.apply(emissions, *tables, targets, mask)

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The best path of each row.

        Args:
            emissions: [n, length, T].
            mask: real positions, a prefix of each row, bool [n, length].

        Returns:
            Paths int64 [n, length], -1 at padding, and their scores [n]. Where the constraints leave no path at all,
            the tags with the highest emissions and the score -inf.

        Raises:
            UserError: shapes that do not fit, a mask that is no prefix.
        """
        emissions, tables = self._checked(emissions, mask)
        if not emissions.shape[0] * emissions.shape[1]:
            return torch.empty_like(mask, dtype=torch.int64), emissions.new_zeros(len(mask))
        return viterbi(emissions, mask, tables)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """The probability of each tag at each position, given the whole row (forward-backward).

        Args:
            emissions: [n, length, T].
            mask: real positions, a prefix of each row, bool [n, length].

        Returns:
            [n, length, T]; sums to 1 at each real position; 0 at padding, and where the constraints leave no path.

        Raises:
            UserError: shapes that do not fit, a mask that is no prefix.
        """
        emissions, tables = self._checked(emissions, mask)
        if not emissions.shape[0] * emissions.shape[1]:
            return torch.zeros_like(emissions)
        return path_sums(emissions, mask, tables.shifted()).marginals.transpose(0, 1)

    def _checked(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tables]:
        """Emissions and tables in one precision, single at least, after a look at the shapes."""
        if emissions.ndim != 3 or emissions.shape[2] != self.tags:
            raise UserError(
                f"the emissions have shape {list(emissions.shape)}", expected=f"[n, length, {self.tags}], one a tag"
            )
        if mask.dtype != torch.bool or mask.shape != emissions.shape[:2]:
            raise UserError(
                f"the mask is {mask.dtype} {list(mask.shape)}", expected=f"torch.bool {list(emissions.shape[:2])}"
            )
        if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
            raise UserError(
                "the mask has a real position after padding",
                expected="real positions first, padding at the end of a row",
                fix="move the padding to the end",
            )
        dtype = torch.promote_types(torch.promote_types(emissions.dtype, self.transitions.dtype), torch.float32)
        given = ((self.transitions, self.allowed), (self.start, self.start_allowed), (self.end, self.end_allowed))
        tables = [
            table.to(dtype) if which is None else table.to(dtype).masked_fill(~which, -torch.inf)
            for table, which in given
        ]
        return emissions.to(dtype), Tables(*tables)
