"""The recursive network against a plain recursion over each tree, and what no answer may depend on."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED, Ids, Nodes
from deepwell.models.recursive import Recursive

VOCABULARY = 12
cells = pytest.mark.parametrize("cell", ["tree-lstm", "rntn"])


def grown(rng: random.Random, leaves: int, symbols: bool) -> list[list[int]]:
    """A random binary tree in post-order; each inner node has a symbol or not."""
    rows: list[list[int]] = []

    def grow(leaves: int) -> tuple[int, int]:
        if leaves == 1:
            rows.append([rng.randrange(RESERVED, VOCABULARY), 0, 0, 0])
            return len(rows), 0
        first = rng.randint(1, leaves - 1)
        (left, a), (right, b) = grow(first), grow(leaves - first)
        symbol = rng.randrange(RESERVED, VOCABULARY) if symbols and rng.random() < 0.7 else 0
        rows.append([symbol, left, right, 1 + max(a, b)])
        return len(rows), 1 + max(a, b)

    grow(leaves)
    return rows


def batch_of(trees: list[list[list[int]]], padding: int = 0) -> Tensor:
    longest = max(map(len, trees)) + padding
    return torch.tensor([tree + [[0] * 4] * (longest - len(tree)) for tree in trees])


def batch(count: int = 9, most: int = 14, symbols: bool = True, seed: int = 0) -> Tensor:
    rng = random.Random(seed)
    return batch_of([grown(rng, 1 if k == 3 else rng.randint(1, most), symbols) for k in range(count)])


def model(cell: str = "tree-lstm", vocabulary: int = VOCABULARY, **options: Any) -> Recursive:
    torch.manual_seed(1)
    options = {"embedding": 5, "width": 6} | options
    return Recursive(Nodes(vocabulary), cell=cell, **options)


def by_recursion(net: Recursive, tree: list[list[int]]) -> list[Tensor]:
    """States of one tree's nodes, by calling the cell at the root and going down."""
    found: dict[int, Any] = {}

    def state(place: int) -> Any:
        symbol, left, right, _ = tree[place - 1]
        x = net.embedding(torch.tensor([symbol])) if symbol else None
        found[place] = net.cell(x, state(left), state(right)) if left else net.cell.leaf(x)
        return found[place]

    state(len(tree))
    return [found[place][0][0] for place in range(1, len(tree) + 1)]


@cells
@pytest.mark.parametrize("symbols", [True, False], ids=["symbols", "no-symbols"])
@pytest.mark.parametrize("vocabulary", [VOCABULARY, 5000], ids=["few-words", "many-words"])
def test_levels_are_the_recursion(cell: str, symbols: bool, vocabulary: int) -> None:
    """States and every gradient; few words are worked out once a word, many once a node."""
    net = model(cell, vocabulary).double()
    x = batch(symbols=symbols)
    trees = [[node for node in tree if any(node)] for tree in x.tolist()]
    expected = torch.stack([by_recursion(net, tree)[-1] for tree in trees])
    found = net(x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    parameters, weights = list(net.parameters()), torch.randn_like(found)
    for a, b in zip(
        torch.autograd.grad((found * weights).sum(), parameters),
        torch.autograd.grad((expected * weights).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@cells
def test_every_node_is_given(cell: str) -> None:
    net = model(cell, per_node=True).double()
    x = batch()
    found = net(x)
    assert found.shape == (*x.shape[:2], net.features)
    weights, total = torch.randn_like(found), torch.zeros((), dtype=torch.float64)
    for row, tree, weight in zip(found, x.tolist(), weights, strict=True):
        expected = by_recursion(net, [node for node in tree if any(node)])
        torch.testing.assert_close(row[: len(expected)], torch.stack(expected), rtol=1e-10, atol=1e-12)
        assert not row[len(expected) :].any()
        total = total + (torch.stack(expected) * weight[: len(expected)]).sum()
    parameters = list(net.parameters())
    found_gradients = torch.autograd.grad((found * weights).sum(), parameters)
    for a, b in zip(found_gradients, torch.autograd.grad(total, parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@cells
def test_the_root_is_the_last_node(cell: str) -> None:
    x = batch()
    every, roots = model(cell, per_node=True)(x), model(cell)(x)
    last = (x != 0).any(2).sum(1) - 1
    assert torch.equal(every[torch.arange(len(x)), last], roots)


@cells
@pytest.mark.parametrize("per_node", [False, True])
def test_padding_changes_no_answer(cell: str, per_node: bool) -> None:
    net = model(cell, per_node=per_node).eval()
    x = batch()
    wide = torch.cat((x, torch.zeros(len(x), 17, 4, dtype=torch.int64)), 1)
    found = net(wide)
    torch.testing.assert_close(found[:, : x.shape[1]] if per_node else found, net(x), rtol=0, atol=1e-5)


@cells
@pytest.mark.parametrize("vocabulary", [VOCABULARY, 60])
def test_neighbours_change_no_answer(cell: str, vocabulary: int) -> None:
    """Alone, together, and in another order."""
    net = model(cell, vocabulary).eval()
    x = batch(12)
    together = net(x)
    torch.testing.assert_close(torch.cat([net(row[None]) for row in x]), together, rtol=0, atol=1e-5)
    order = torch.randperm(len(x))
    torch.testing.assert_close(net(x[order]), together[order], rtol=0, atol=1e-5)


@cells
def test_left_is_not_right(cell: str) -> None:
    net = model(cell)
    one = [[3, 0, 0, 0], [4, 0, 0, 0], [5, 1, 2, 1]]
    found = net(torch.tensor([one, [one[1], one[0], one[2]], [*one[:2], [6, 1, 2, 1]], [*one[:2], [0, 1, 2, 1]]]))
    assert len({tuple(row) for row in found.tolist()}) == 4


def chain(depth: int, *, left: bool) -> list[list[int]]:
    """A tree in which every inner node has one leaf."""
    rows = [[3, 0, 0, 0]]
    for height in range(1, depth + 1):
        rows.append([3 + height % 4, 0, 0, 0])
        below, leaf = len(rows) - 1, len(rows)
        rows.append([7, *((below, leaf) if left else (leaf, below)), height])
    return rows


@cells
@pytest.mark.parametrize("left", [True, False])
def test_a_tree_5000_deep(cell: str, left: bool) -> None:
    """Forwards and backwards, beside a tree of one leaf and a small one; the deep one changes nothing for them."""
    net = model(cell)
    small, leaf = chain(2, left=left), [[4, 0, 0, 0]]
    found = net(batch_of([chain(5000, left=left), leaf, small]))
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[1:], net(batch_of([leaf, small])), rtol=0, atol=1e-5)
    for gradient in torch.autograd.grad(found.square().sum(), list(net.parameters())):
        assert torch.isfinite(gradient).all()
        assert gradient.any()


@cells
def test_memory_grows_with_nodes_and_not_with_their_square(cell: str) -> None:
    """Bytes that autograd keeps for the way back."""

    def kept(depth: int) -> int:
        seen: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            seen[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            net(torch.tensor([chain(depth, left=True)]))
        return sum(seen.values())

    net = model(cell)
    assert kept(800) < 2.2 * kept(400)


@cells
@pytest.mark.parametrize("per_node", [False, True])
@pytest.mark.parametrize("vocabulary", [VOCABULARY, 5000])
def test_a_gradient_reaches_every_parameter(cell: str, per_node: bool, vocabulary: int) -> None:
    net = model(cell, vocabulary, per_node=per_node)
    x = batch()
    total = net(x).square().sum()
    for (name, _), gradient in zip(
        net.named_parameters(), torch.autograd.grad(total, list(net.parameters())), strict=True
    ):
        assert torch.isfinite(gradient).all(), name
        assert gradient.any(), name
        if name == "embedding.weight":
            used = x[..., 0].unique()
            assert gradient[used[used > 0]].any(1).all()
            assert not gradient[0].any(), "no symbol has no vector to learn"


@cells
def test_trees_of_one_leaf_only(cell: str) -> None:
    net = model(cell)
    x = torch.tensor([[[3, 0, 0, 0]], [[4, 0, 0, 0]]])
    found = net(x)
    expected = net.cell.leaf(net.embedding(torch.tensor([3, 4])))[0]
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad(found.sum(), list(net.parameters()), allow_unused=True)
    assert gradients[0] is not None
    assert gradients[0][3:5].any(1).all()


@cells
def test_an_empty_batch(cell: str) -> None:
    assert model(cell)(torch.zeros(0, 5, 4, dtype=torch.int64)).shape == (0, 6)
    assert model(cell, per_node=True)(torch.zeros(0, 5, 4, dtype=torch.int64)).shape == (0, 5, 6)


@cells
def test_dropout_acts_in_training_alone(cell: str) -> None:
    net, x = model(cell, dropout=0.5), batch()
    assert torch.equal(net.eval()(x), model(cell)(x))
    net.train()
    torch.manual_seed(3)
    first = net(x)
    assert not torch.equal(first, net(x))
    torch.manual_seed(3)
    assert torch.equal(first, net(x))
    assert all(g is not None for g in torch.autograd.grad(first.sum(), list(net.parameters())))


@cells
def test_a_short_training_learns_what_is_left(cell: str) -> None:
    """Which of two leaves is on the left: no bag of words knows."""
    x = torch.tensor([[[a, 0, 0, 0], [b, 0, 0, 0], [5, 1, 2, 1]] for a, b in ((3, 4), (4, 3))] * 4)
    y = torch.tensor([0, 1] * 4)
    net = torch.nn.Sequential(model(cell, width=8), torch.nn.Linear(8, 2))
    parameters, losses = list(net.parameters()), []
    for _ in range(150):
        loss = torch.nn.functional.cross_entropy(net(x), y)
        losses.append(float(loss.detach()))
        with torch.no_grad():
            for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                p -= 0.5 * g
    assert losses[-1] < 0.1 < losses[0]


@cells
def test_the_same_weights_under_autocast(cell: str) -> None:
    net, x = model(cell), batch()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = net(x)
    torch.testing.assert_close(mixed.float(), net(x), rtol=0.05, atol=0.05)


@cells
@pytest.mark.parametrize("name", ["glorot-uniform", "orthogonal", "zeros"])
def test_initialisation_by_name(cell: str, name: str) -> None:
    net = model(cell, initialisation=name)
    assert not net.cell.input.bias.any()
    assert net.cell.child.weight.any() == (name != "zeros")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cell": "tree_lstm"}, "did you mean 'tree-lstm'"),
        ({"width": 0}, "width=0"),
        ({"embedding": -1}, "embedding=-1"),
        ({"dropout": 1.0}, "from 0 to less than 1"),
        ({"initialisation": "glorot"}, "unknown initialisation 'glorot'"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        model(**options)


def test_another_shape() -> None:
    shape: Any = Ids(20)
    with pytest.raises(UserError, match="Expected: trees"):
        Recursive(shape)
    with pytest.raises(UserError, match="at least 4"):
        Recursive(Nodes(3))


@cells
@pytest.mark.parametrize("symbol", [VOCABULARY, 10**9, -1])
def test_a_symbol_that_is_not_known(cell: str, symbol: int) -> None:
    with pytest.raises(UserError, match=f"symbol {symbol}.*ids from 0 to {VOCABULARY - 1}"):
        model(cell)(torch.tensor([[[symbol, 0, 0, 0]]]))


@cells
def test_what_is_no_tree(cell: str) -> None:
    with pytest.raises(UserError, match="tree 1 of the batch has no node"):
        model(cell)(torch.tensor([[[3, 0, 0, 0]], [[0, 0, 0, 0]]]))
    with pytest.raises(UserError, match="Expected: int64"):
        model(cell)(torch.zeros(2, 3, dtype=torch.int64))
