"""One suite for every metric: exact over any batching, the order of samples, and its direction."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.metrics import METRICS, add

names = pytest.mark.parametrize("name", sorted(METRICS))


def answers(signal: float = 1.0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 8, (97,), generator=g)
    return torch.randn(97, 8, generator=g) + signal * torch.nn.functional.one_hot(targets, 8), targets


@names
@pytest.mark.parametrize("size", [1, 10, 32, 96])
def test_batches_add_up_to_the_whole(name: str, size: int) -> None:
    metric, (scores, targets) = METRICS[name], answers()
    whole = metric.update(scores, targets)
    parts = [metric.update(s, t) for s, t in zip(scores.split(size), targets.split(size), strict=True)]
    state = parts[0]
    for part in parts[1:]:
        state = add(state, part)
    for a, b in zip(whole, state, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        assert a.dtype in (torch.int64, torch.float64)
        torch.testing.assert_close(a, b, rtol=1e-14, atol=0)
    assert metric.compute(state) == pytest.approx(metric.compute(whole), rel=1e-14)


@names
def test_the_order_of_samples_does_not_matter(name: str) -> None:
    metric, (scores, targets) = METRICS[name], answers()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(1))
    one, other = metric.update(scores, targets), metric.update(scores[order], targets[order])
    assert metric.compute(one) == pytest.approx(metric.compute(other), rel=1e-14)


@names
def test_a_perfect_answer_is_better_than_noise(name: str) -> None:
    metric = METRICS[name]
    (perfect, targets), (noise, _) = answers(100.0), answers(0.0)
    best, worst = (metric.compute(metric.update(s, targets)) for s in (perfect, 5 * noise))
    assert best == pytest.approx(1.0 if metric.higher_is_better else 0.0, abs=1e-9)
    assert best > worst if metric.higher_is_better else best < worst


@names
def test_no_samples_give_nan(name: str) -> None:
    metric = METRICS[name]
    assert math.isnan(metric.compute(metric.update(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))))


@names
def test_bad_shapes(name: str) -> None:
    update = METRICS[name].update
    with pytest.raises(UserError, match=r"scores \[3, 2\] and targets \[2\]"):
        update(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(UserError, match="argmax"):
        update(torch.zeros(3, 2), torch.zeros(3, 2))
    with pytest.raises(UserError, match=r"targets are of torch\.float32"):
        update(torch.zeros(3, 2), torch.zeros(3))


@names
def test_a_row_of_the_table_is_complete(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert metric.description
