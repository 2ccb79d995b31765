"""The conditional random field against all paths of small cases, finite differences, and a plain loop in log space."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.nn import crf_function, crf_viterbi
from deepwell.nn.crf import CRF

Batch = tuple[Tensor, Tensor, Tensor]


def field(tags: int, *, seed: int = 0, scale: float = 1.0, **constraints: Any) -> CRF:
    torch.manual_seed(seed)
    crf = CRF(tags, **constraints)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return crf


def batch(n: int, length: int, tags: int, *, seed: int = 1, scale: float = 1.0) -> Batch:
    """Rows of different lengths, the first full; junk at padding."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, length + 1, (n,), generator=g)
    lengths[0] = length
    mask = torch.arange(length) < lengths[:, None]
    emissions = scale * torch.randn(n, length, tags, generator=g)
    return emissions, torch.randint(0, tags, (n, length), generator=g).masked_fill(~mask, -1), mask


# three tags: 0 never follows 1, a sequence starts with 0 or 1 and ends with 1 or 2
CONSTRAINTS = {
    "allowed": torch.tensor([[1, 1, 1], [0, 1, 1], [1, 1, 1]]).bool(),
    "start_allowed": torch.tensor([True, True, False]),
    "end_allowed": torch.tensor([False, True, True]),
}
KINDS = [{}, CONSTRAINTS]
kinds = pytest.mark.parametrize("constraints", KINDS, ids=["free", "constrained"])


def every_path(crf: CRF, emissions: Tensor) -> tuple[Tensor, Tensor]:
    """All paths [paths, length] of one row [length, tags] that break no constraint, and their scores, in double."""
    paths, scores = [], []
    allowed = crf.allowed if crf.allowed is not None else torch.ones(crf.tags, crf.tags).bool()
    starts = crf.start_allowed if crf.start_allowed is not None else torch.ones(crf.tags).bool()
    ends = crf.end_allowed if crf.end_allowed is not None else torch.ones(crf.tags).bool()
    e, moves, start, end = (part.detach().double() for part in (emissions, crf.transitions, crf.start, crf.end))
    for path in itertools.product(range(crf.tags), repeat=len(e)):
        if starts[path[0]] and ends[path[-1]] and all(allowed[a, b] for a, b in itertools.pairwise(path)):
            score = start[path[0]] + end[path[-1]] + sum(e[t, tag] for t, tag in enumerate(path))
            scores.append(score + sum(moves[a, b] for a, b in itertools.pairwise(path)))
            paths.append(path)
    return torch.tensor(paths), torch.stack(scores)


def plain(crf: CRF, emissions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Log-likelihood by a loop over rows and steps in log space, for autograd."""

    def table(values: Tensor, allowed: Tensor | None) -> Tensor:
        return values if allowed is None else values.masked_fill(~allowed, -1e30)

    moves = table(crf.transitions, crf.allowed).to(emissions.dtype)
    start = table(crf.start, crf.start_allowed).to(emissions.dtype)
    end = table(crf.end, crf.end_allowed).to(emissions.dtype)
    found = []
    for row, tags, real in zip(emissions, targets, mask, strict=True):
        steps = int(real.sum())
        if not steps:
            found.append(row.new_zeros(()))
            continue
        sums, score = start + row[0], start[tags[0]] + row[0, tags[0]]
        for t in range(1, steps):
            sums = torch.logsumexp(sums[:, None] + moves, 0) + row[t]
            score = score + moves[tags[t - 1], tags[t]] + row[t, tags[t]]
        found.append(score + end[tags[steps - 1]] - torch.logsumexp(sums + end, 0))
    return torch.stack(found)


def gradients(crf: CRF, likelihood: Tensor, emissions: Tensor) -> tuple[Tensor, ...]:
    """Of a sum in which every row has another weight."""
    weights = torch.linspace(0.5, 2.0, len(likelihood), dtype=likelihood.dtype)
    return torch.autograd.grad((weights * likelihood).sum(), [emissions, *crf.parameters()])


# ---- against all paths


@kinds
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_against_every_path(constraints: dict[str, Tensor], scale: float) -> None:
    crf = field(3, scale=scale / 10, **constraints)
    emissions, _, mask = batch(6, 5, 3, scale=scale)
    best, best_scores = crf.viterbi(emissions, mask)
    chances = crf.marginals(emissions, mask)
    for row in range(6):
        length = int(mask[row].sum())
        paths, scores = every_path(crf, emissions[row, :length])
        shares = scores.softmax(0)
        assert best[row, :length].tolist() == paths[scores.argmax()].tolist()
        assert best[row, length:].tolist() == [-1] * (5 - length)
        assert float(best_scores[row]) == pytest.approx(float(scores.max()), rel=1e-5, abs=1e-5)
        hits = torch.nn.functional.one_hot(paths, 3).double()  # [paths, length, tags]
        torch.testing.assert_close(
            chances[row, :length].double(), (shares[:, None, None] * hits).sum(0), rtol=1e-4, atol=1e-6
        )
        assert chances[row, length:].eq(0).all()
        every = crf.log_likelihood(
            emissions[row, :length].expand(len(paths), -1, -1), paths, mask[row, :length].expand(len(paths), -1)
        )
        torch.testing.assert_close(every.double(), scores.log_softmax(0), rtol=1e-4, atol=1e-4 * scale)
        assert float(every.detach().exp().sum()) == pytest.approx(1, abs=1e-4)


def test_one_tag_one_position_and_no_rows() -> None:
    crf, one = field(1), torch.ones(2, 1).bool()
    emissions = torch.randn(2, 1, 1)
    assert crf.log_likelihood(emissions, torch.zeros(2, 1).long(), one).tolist() == [0, 0]
    assert crf.marginals(emissions, one).tolist() == [[[1]], [[1]]]
    assert crf.viterbi(emissions, one)[0].tolist() == [[0], [0]]
    for n, length in ((0, 4), (3, 0)):
        empty, none = torch.zeros(n, length, 1, requires_grad=True), torch.zeros(n, length).bool()
        found = crf.log_likelihood(empty, none.long(), none)
        found.sum().backward()
        assert found.tolist() == [0] * n
        paths, scores = crf.viterbi(empty, none)
        assert list(paths.shape) == [n, length] and scores.tolist() == [0] * n
        assert list(crf.marginals(empty, none).shape) == [n, length, 1]


# ---- gradients


@kinds
def test_finite_differences(constraints: dict[str, Tensor]) -> None:
    crf = field(3, **constraints).double()
    emissions, _, mask = batch(4, 4, 3)
    targets = crf.viterbi(emissions, mask)[0]  # no forbidden moves
    mask[3] = False
    emissions = emissions.double().requires_grad_()

    def likelihood(emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> Tensor:
        given = {"transitions": transitions, "start": start, "end": end}
        return torch.func.functional_call(crf, given, (emissions, targets, mask))

    crf.forward = crf.log_likelihood  # type: ignore[method-assign]
    assert torch.autograd.gradcheck(likelihood, (emissions, crf.transitions, crf.start, crf.end))


@kinds
@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0], ids=["scaled", "partly", "log-space"])
@pytest.mark.parametrize("full", [True, False], ids=["full", "padded"])
def test_gradients_are_those_of_autograd(constraints: dict[str, Tensor], scale: float, full: bool) -> None:
    crf = field(3, scale=min(scale, 10) / 3, **constraints)
    emissions, _, mask = batch(7, 9, 3, scale=scale)
    mask = torch.ones_like(mask) if full else mask
    # the best path of other emissions: has no forbidden move
    targets = crf.viterbi(batch(7, 9, 3, seed=5)[0], mask)[0]
    emissions.requires_grad_()
    wide = emissions.detach().double().requires_grad_()
    found, wanted = crf.log_likelihood(emissions, targets, mask), plain(crf, wide, targets, mask)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)
    ours, theirs = gradients(crf, found, emissions), gradients(crf, wanted, wide)
    for mine, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, right.to(mine.dtype), rtol=1e-3, atol=2e-4)


def test_many_tags_and_long_rows() -> None:
    crf = field(500, scale=0.5)
    emissions, targets, mask = batch(3, 40, 500, scale=3)
    found = crf.log_likelihood(emissions, targets, mask)
    torch.testing.assert_close(found.double(), plain(crf, emissions.double(), targets, mask), rtol=1e-5, atol=1e-3)
    crf = field(9)
    emissions, targets, mask = batch(4, 600, 9, scale=3)
    emissions.requires_grad_()
    wide = emissions.detach().double().requires_grad_()
    found, wanted = crf.log_likelihood(emissions, targets, mask), plain(crf, wide, targets, mask)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-2)
    for mine, right in zip(gradients(crf, found, emissions), gradients(crf, wanted, wide), strict=True):
        torch.testing.assert_close(mine, right.to(mine.dtype), rtol=1e-3, atol=1e-3)


def test_the_gradient_can_be_asked_for_twice_but_not_of_itself() -> None:
    crf = field(3)
    emissions, targets, mask = batch(4, 5, 3)
    emissions.requires_grad_()
    total = crf.log_likelihood(emissions, targets, mask).sum()
    first, second = (torch.autograd.grad(total, emissions, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(UserError, match="second derivative"):
        torch.autograd.grad(total, emissions, create_graph=True)


# ---- numbers that probability space can't hold


def spied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each call that went to log space."""
    rows: list[int] = []
    real = crf_function.log_space_sums

    def spy(scores: Tensor, *rest: Tensor) -> Any:
        rows.append(scores.shape[1])
        return real(scores, *rest)

    monkeypatch.setattr(crf_function, "log_space_sums", spy)
    return rows


def test_only_rows_that_need_it_go_to_log_space(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = spied(monkeypatch)
    # tags that can't be left: what rounds to nothing early on may be all that counts later
    crf = field(3, allowed=torch.eye(3).bool())
    emissions, _, mask = batch(5, 6, 3)
    targets = torch.ones_like(mask).long()
    before = crf.log_likelihood(emissions, targets, mask)
    assert rows == []
    emissions[0, 0, 0], emissions[0, 5, 1] = 1e4, 2e4
    found = crf.log_likelihood(emissions, targets, mask)
    assert rows == [1]
    assert found[0] == 0
    assert torch.equal(found[1:], before[1:])


@kinds
@pytest.mark.parametrize("size", [60.0, 90.0, 150.0, 1e4, 1e6])
def test_emissions_far_apart(constraints: dict[str, Tensor], size: float) -> None:
    crf = field(3, scale=2, **constraints)
    g = torch.Generator().manual_seed(3)
    emissions = size * torch.randint(-1, 2, (40, 12, 3), generator=g) + torch.randn(40, 12, 3, generator=g)
    mask = batch(40, 12, 3)[2]
    targets, scores = crf.viterbi(emissions, mask)
    assert scores.isfinite().all()
    emissions.requires_grad_()
    wide = emissions.detach().double().requires_grad_()
    found, wanted = crf.log_likelihood(emissions, targets, mask), plain(crf, wide, targets, mask)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-5 * max(1.0, size / 1e4))
    for mine, right in zip(gradients(crf, found, emissions), gradients(crf, wanted, wide), strict=True):
        torch.testing.assert_close(mine, right.to(mine.dtype), rtol=1e-3, atol=1e-3)
    sums = crf.marginals(emissions, mask).sum(2)
    torch.testing.assert_close(sums, mask.float(), rtol=0, atol=1e-5)


def test_what_vanishes_early_and_decides_late(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = spied(monkeypatch)
    # 0 and 1 can't be left. Each step is harmless by itself; over 30 steps tag 1 falls e^-150 behind, and then gains
    crf = field(2, scale=0, allowed=torch.eye(2).bool())
    emissions = torch.zeros(1, 60, 2)
    emissions[0, :30, 0], emissions[0, 30:, 1] = 5.0, 5.2
    mask = torch.ones(1, 60).bool()
    found = crf.log_likelihood(emissions, torch.ones(1, 60).long(), mask)
    assert rows == [1]
    assert float(found.detach()) == pytest.approx(-float(torch.tensor(-6.0).exp().log1p()), rel=1e-3)
    assert float(crf.marginals(emissions, mask)[0, 0, 1]) == pytest.approx(float(torch.tensor(6.0).sigmoid()), rel=1e-4)


def test_hard_transitions_as_parameters() -> None:
    crf = field(3)
    with torch.no_grad():
        crf.transitions[1, 0] = crf.start[2] = crf.end[0] = -1e4
    emissions, _, mask = batch(6, 8, 3, scale=3)
    hard = field(3, **CONSTRAINTS)
    targets = hard.viterbi(emissions, mask)[0]
    assert torch.equal(targets, crf.viterbi(emissions, mask)[0])
    found, wanted = (each.log_likelihood(emissions, targets, mask) for each in (crf, hard))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(crf.marginals(emissions, mask), hard.marginals(emissions, mask), rtol=1e-4, atol=1e-5)


def test_rows_too_many_for_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    crf = field(3, scale=2)
    emissions, targets, mask = batch(11, 6, 3, scale=500)
    whole = crf.log_likelihood(emissions, targets, mask), crf.marginals(emissions, mask), *crf.viterbi(emissions, mask)
    monkeypatch.setattr(crf_function, "_LARGEST", 30)
    monkeypatch.setattr(crf_viterbi, "_LARGEST", 30)
    parts = crf.log_likelihood(emissions, targets, mask), crf.marginals(emissions, mask), *crf.viterbi(emissions, mask)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other)


def test_minus_infinity_and_nan() -> None:
    crf = field(3)
    emissions, targets, mask = batch(4, 5, 3)
    emissions[1, 2, 0] = -torch.inf
    wide = torch.where(emissions.isinf(), -1e30, emissions.double())
    paths = crf.viterbi(emissions, mask)[0]
    torch.testing.assert_close(
        crf.log_likelihood(emissions, paths, mask).double(), plain(crf, wide, paths, mask), rtol=1e-5, atol=1e-5
    )
    emissions[2, 0, 1] = torch.nan
    emissions.requires_grad_()
    found = crf.log_likelihood(emissions, targets, mask)
    assert found.isnan().tolist() == [False, False, True, False]
    found[0].backward()
    assert emissions.grad is not None and emissions.grad[0].isfinite().all()


# ---- padding and constraints


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_padding_and_other_rows_change_nothing(scale: float) -> None:
    crf = field(4)
    emissions, targets, mask = batch(6, 7, 4, scale=scale)
    emissions[~mask] = torch.nan
    emissions.requires_grad_()
    found, best = crf.log_likelihood(emissions, targets, mask), crf.viterbi(emissions, mask)
    chances = crf.marginals(emissions, mask)
    (slope,) = torch.autograd.grad(found.sum(), emissions)
    assert slope[~mask].eq(0).all()
    for row in range(6):
        length = int(mask[row].sum())
        alone = emissions[row : row + 1, :length].detach().requires_grad_()
        real = mask[row : row + 1, :length]
        single = crf.log_likelihood(alone, targets[row : row + 1, :length], real)
        torch.testing.assert_close(single[0], found[row], rtol=1e-5, atol=1e-5)
        assert torch.equal(crf.viterbi(alone, real)[0][0], best[0][row, :length])
        torch.testing.assert_close(crf.marginals(alone, real)[0], chances[row, :length], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(torch.autograd.grad(single.sum(), alone)[0][0], slope[row, :length])


def test_a_row_without_positions_counts_nothing() -> None:
    crf = field(3, **CONSTRAINTS)
    emissions, targets, mask = batch(3, 4, 3)
    mask[1] = False
    emissions.requires_grad_()
    found = crf.log_likelihood(emissions, targets, mask)
    found[1].backward()
    assert found[1] == 0
    assert emissions.grad is not None and emissions.grad.eq(0).all()
    assert all(parameter.grad is not None and parameter.grad.eq(0).all() for parameter in crf.parameters())
    paths, scores = crf.viterbi(emissions, mask)
    assert paths[1].eq(-1).all() and float(scores[1]) == 0.0
    assert crf.marginals(emissions, mask)[1].eq(0).all()


def test_constraints_are_never_broken() -> None:
    g = torch.Generator().manual_seed(2)
    for _ in range(20):
        tags = int(torch.randint(2, 7, (), generator=g))
        allowed = torch.rand(tags, tags, generator=g) < 0.6
        allowed.fill_diagonal_(True)
        start, end = torch.rand(2, tags, generator=g) < 0.7
        start[0] = end[0] = True
        crf = field(tags, allowed=allowed, start_allowed=start, end_allowed=end)
        # what is forbidden would be the best by far
        with torch.no_grad():
            crf.transitions[~allowed] += 50
            crf.start[~start] += 50
            crf.end[~end] += 50
        emissions, _, mask = batch(8, 9, tags, scale=4)
        paths, scores = crf.viterbi(emissions, mask)
        assert scores.isfinite().all()
        for path, real in zip(paths, mask, strict=True):
            path = path[real]
            assert start[path[0]] and end[path[-1]] and allowed[path[:-1], path[1:]].all()
        chances = crf.marginals(emissions, mask)
        assert chances[:, 0][:, ~start].eq(0).all()
        assert chances[torch.arange(8), mask.sum(1) - 1][:, ~end].eq(0).all()
        (-crf.log_likelihood(emissions, paths, mask).sum()).backward()
        assert crf.transitions.grad is not None and crf.transitions.grad[~allowed].eq(0).all()


def test_forbidden_targets_have_no_likelihood() -> None:
    crf = field(3, **CONSTRAINTS)
    emissions, mask = torch.randn(3, 2, 3), torch.ones(3, 2).bool()
    found = crf.log_likelihood(emissions, torch.tensor([[1, 0], [2, 1], [0, 0]]), mask)
    assert found.tolist() == [-torch.inf] * 3
    assert crf.log_likelihood(emissions[:1], torch.tensor([[0, 1]]), mask[:1]).isfinite().all()


@pytest.mark.parametrize("hard", [False, True])
def test_no_path_at_all(hard: bool) -> None:
    # tag 0 must be followed by 1, and only 0 may start and only 1 may end: a single word has no path
    crf = field(
        2,
        allowed=torch.tensor([[False, True], [False, False]]),
        start_allowed=torch.tensor([True, False]),
        end_allowed=torch.tensor([False, True]),
    )
    emissions = torch.randn(2, 2, 2, requires_grad=True)
    if hard:
        emissions = emissions * 1e4
    mask = torch.tensor([[True, True], [True, False]])
    found = crf.log_likelihood(emissions, torch.tensor([[0, 1], [0, 0]]), mask)
    assert found.tolist() == [0.0, -torch.inf]
    found[0].backward()
    paths, scores = crf.viterbi(emissions, mask)
    assert paths.tolist() == [[0, 1], [int(emissions[1, 0].argmax()), -1]]
    assert scores.isinf().tolist() == [False, True]
    assert crf.marginals(emissions, mask).tolist() == [[[1, 0], [0, 1]], [[0, 0], [0, 0]]]


# ---- the module


def test_saved_weights_keep_their_constraints() -> None:
    crf, other = field(3, **CONSTRAINTS), field(3, seed=9, **CONSTRAINTS)
    assert set(crf.state_dict()) == {"transitions", "start", "end"}
    other.load_state_dict(crf.state_dict())
    emissions, _, mask = batch(4, 6, 3)
    for one, same in zip(crf.viterbi(emissions, mask), other.viterbi(emissions, mask), strict=True):
        assert torch.equal(one, same)
    targets = crf.viterbi(emissions, mask)[0]
    assert torch.equal(crf.log_likelihood(emissions, targets, mask), other.log_likelihood(emissions, targets, mask))


def test_half_precision_is_summed_in_single() -> None:
    crf = field(4)
    emissions, targets, mask = batch(3, 6, 4)
    half = emissions.bfloat16().requires_grad_()
    found = crf.log_likelihood(half, targets, mask)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, crf.log_likelihood(half.float(), targets, mask))
    found.sum().backward()
    assert half.grad is not None and half.grad.dtype == torch.bfloat16


def test_autocast_changes_nothing() -> None:
    crf = field(4)
    emissions, targets, mask = batch(3, 6, 4)
    emissions.requires_grad_()
    found = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            likelihood = crf.log_likelihood(emissions, targets, mask)
            found.append((likelihood, *gradients(crf, likelihood, emissions), crf.marginals(emissions, mask)))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_it_learns() -> None:
    torch.manual_seed(0)
    crf = CRF(3)
    targets = torch.tensor([[0, 1, 2] * 4, [1, 2, 0] * 4])
    mask, emissions = torch.ones(2, 12).bool(), torch.zeros(2, 12, 3)
    first = float(crf.log_likelihood(emissions, targets, mask).sum().detach())
    for _ in range(60):
        crf.zero_grad()
        (-crf.log_likelihood(emissions, targets, mask).sum()).backward()
        with torch.no_grad():
            for parameter in crf.parameters():
                assert parameter.grad is not None
                parameter -= 0.1 * parameter.grad
    assert float(crf.log_likelihood(emissions, targets, mask).sum().detach()) > 0.1 * first
    assert (crf.transitions.argmax(1) == torch.tensor([1, 2, 0])).all()


def test_what_does_not_fit_is_said() -> None:
    crf = field(3)
    emissions, targets, mask = batch(2, 4, 3)
    with pytest.raises(UserError, match=r"emissions have shape \[2, 4, 2\].*\[n, length, 3\]"):
        crf.viterbi(emissions[..., :2], mask)
    with pytest.raises(UserError, match=r"mask is torch.int64.*torch.bool \[2, 4\]"):
        crf.marginals(emissions, mask.long())
    with pytest.raises(UserError, match="a real position after padding"):
        crf.log_likelihood(emissions, targets, mask.flip(1) & torch.tensor([False, True, True, True]))
    with pytest.raises(UserError, match=r"targets are torch.int64 \[2, 3\]"):
        crf.log_likelihood(emissions, targets[:, 1:], mask)
    with pytest.raises(UserError, match=r"go from 0 to 3.*from 0 to 2"):
        crf.log_likelihood(emissions, torch.tensor([[0, 3, 0, 0]] * 2), torch.ones(2, 4).bool())
    with pytest.raises(UserError, match=r"start_allowed is torch.bool \[2\].*\[3\]"):
        CRF(3, start_allowed=torch.ones(2).bool())
    with pytest.raises(UserError, match="0 tags"):
        CRF(0)
