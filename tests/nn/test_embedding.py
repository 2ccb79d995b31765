"""Embeddings: padding stays zero, the gradient is PyTorch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, RESERVED
from deepwell.nn.embedding import Embedding
from deepwell.optim.decayed import undecayed


@pytest.mark.parametrize("shape", [(6,), (3, 5), (2, 3, 4), (0, 4), (1, 0)])
def test_values_and_gradient_are_pytorchs(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, ids = Embedding(9, 4), torch.randint(0, 9, shape)
    weights = torch.randn(*shape, 4)
    found, wanted = layer(ids), F.embedding(ids, layer.weight, padding_idx=PADDING)
    assert torch.equal(found, wanted)
    one, two = (torch.autograd.grad((out * weights).sum(), layer.weight)[0] for out in (found, wanted))
    torch.testing.assert_close(one, two)


def test_ids_that_lie_otherwise_in_memory() -> None:
    layer, ids = Embedding(9, 4), torch.arange(6).view(2, 3).t()
    assert torch.equal(layer(ids), layer.weight[ids])
    weights = torch.randn(4, 3, 2).permute(1, 2, 0)
    (gradient,) = torch.autograd.grad((layer(ids) * weights).sum(), layer.weight)
    torch.testing.assert_close(gradient[1:6], weights.transpose(0, 1).reshape(6, 4)[1:])


def test_padding_stays_zero_in_value_and_gradient() -> None:
    layer = Embedding(9, 4)
    ids = torch.tensor([[3, 4, PADDING, PADDING]])
    for _ in range(3):
        (gradient,) = torch.autograd.grad((layer(ids) + 1).square().sum(), layer.weight)
        assert not gradient[PADDING].any() and gradient[3:5].all()
        with torch.no_grad():
            layer.weight.sub_(gradient)
    assert not layer.weight[PADDING].any()
    assert not layer(ids)[0, 2:].any()


def test_frozen_and_without_gradients() -> None:
    layer, ids = Embedding(9, 4), torch.tensor([3, 0])
    with torch.no_grad():
        assert torch.equal(layer(ids), layer.weight[ids])
    layer.weight.requires_grad_(False)
    assert not layer(ids).requires_grad


def test_own_vectors() -> None:
    own = torch.arange(12.0).view(3, 4)
    own[1] = 0  # a word without a vector
    layer = Embedding(RESERVED + 3, 4, vectors=own)
    assert torch.equal(layer.weight[RESERVED], own[0]) and torch.equal(layer.weight[RESERVED + 2], own[2])
    assert layer.weight[RESERVED + 1].all() and not layer.weight[PADDING].any()
    whole = torch.ones(RESERVED + 3, 4)
    layer = Embedding(RESERVED + 3, 4, vectors=whole)
    assert torch.equal(layer.weight[1:], whole[1:]) and not layer.weight[PADDING].any()


@pytest.mark.parametrize("shape", [(3, 5), (4, 4), (12,), (7, 4)])
def test_vectors_that_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="\\[6, 4\\], or \\[3, 4\\]"):
        Embedding(RESERVED + 3, 4, vectors=torch.zeros(shape))


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (4.0, 4)])
def test_bad_sizes(sizes: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="a whole number above 0"):
        Embedding(*sizes)


def test_weight_decay_leaves_it_alone() -> None:
    assert undecayed(torch.nn.ModuleDict({"embedding": Embedding(4, 2)})) == {"embedding.weight"}
