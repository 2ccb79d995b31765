"""The cells against their formulas, the walk over levels against finite differences, the plan against hand counts."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.nn import rntn_cell
from deepwell.nn.rntn_cell import RNTNCell
from deepwell.nn.tree_levels import TreeLevels, tree_levels
from deepwell.nn.tree_lstm_cell import TreeLSTMCell

CELLS = [TreeLSTMCell, RNTNCell]
cells = pytest.mark.parametrize("make", CELLS, ids=["tree-lstm", "rntn"])

# ((a b) c) with an operator at each inner node; (a b); one leaf
LEAF = [4, 0, 0, 0]
BATCH = torch.tensor(
    [
        [[3, 0, 0, 0], LEAF, [6, 1, 2, 1], [5, 0, 0, 0], [7, 3, 4, 2]],
        [LEAF, [3, 0, 0, 0], [6, 1, 2, 1], [0] * 4, [0] * 4],
        [LEAF, [0] * 4, [0] * 4, [0] * 4, [0] * 4],
    ]
)


def fresh(make: Any, features: int = 3, width: int = 4) -> Any:
    torch.manual_seed(0)
    cell = make(features, width).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return cell


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def dot(row: Tensor, vector: list[float]) -> float:
    return sum(a * b for a, b in zip(row.tolist(), vector, strict=True))


@pytest.mark.parametrize("own", [True, False])
def test_tree_lstm_by_hand(own: bool) -> None:
    """Equations 9 to 14 of the paper, number by number."""
    cell, w = fresh(TreeLSTMCell), 4
    x = torch.randn(1, 3, dtype=torch.float64)
    h1, c1, h2, c2 = torch.randn(4, 1, w, dtype=torch.float64)
    h, c = cell(x if own else None, (h1, c1), (h2, c2))
    h, c, weight, bias, child = (t.detach() for t in (h, c, cell.input.weight, cell.input.bias, cell.child.weight))
    given = x[0].tolist() if own else [0.0] * 3
    below = h1[0].tolist() + h2[0].tolist()
    for k in range(w):

        def before(gate: int, row: int, k: int = k) -> float:
            """W, b: rows o, f, i, u; U: rows o, f1, f2, i, u."""
            return dot(weight[gate * w + k], given) + float(bias[gate * w + k]) + dot(child[row * w + k], below)

        o, f1, f2 = sigmoid(before(0, 0)), sigmoid(before(1, 1)), sigmoid(before(1, 2))
        i, u = sigmoid(before(2, 3)), math.tanh(before(3, 4))
        memory = i * u + f1 * float(c1[0, k]) + f2 * float(c2[0, k])
        assert math.isclose(float(c[0, k]), memory, rel_tol=1e-10)
        assert math.isclose(float(h[0, k]), o * math.tanh(memory), rel_tol=1e-10)


def test_a_tree_lstm_leaf_is_a_node_with_children_of_zero() -> None:
    cell = fresh(TreeLSTMCell)
    x, zero = torch.randn(5, 3, dtype=torch.float64), torch.zeros(5, 4, dtype=torch.float64)
    for found, expected in zip(cell.leaf(x), cell(x, (zero, zero), (zero, zero)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_fresh_forget_gates_are_open() -> None:
    cell = TreeLSTMCell(3, 4)
    assert torch.equal(cell.input.bias[4:8], torch.ones(4))
    assert not (cell.input.bias[:4] == 1).any()


@pytest.mark.parametrize("own", [True, False])
def test_rntn_by_hand(own: bool) -> None:
    """p_k = tanh([a;b]^T V_k [a;b] + W_k [a;b] + L_k x + bias_k), number by number."""
    cell, w = fresh(RNTNCell), 4
    x, (a, b) = torch.randn(1, 3, dtype=torch.float64), torch.randn(2, 1, w, dtype=torch.float64)
    cell.requires_grad_(False)
    (p,) = cell(x if own else None, (a,), (b,))
    both = a[0].tolist() + b[0].tolist()
    for k in range(w):
        form = sum(both[i] * float(cell.tensor[k, i, j]) * both[j] for i in range(2 * w) for j in range(2 * w))
        plain = dot(cell.child.weight[k], both) + (dot(cell.input.weight[k], x[0].tolist()) if own else 0.0)
        assert math.isclose(float(p[0, k]), math.tanh(form + plain + float(cell.input.bias[k])), rel_tol=1e-10)


def nodes(make: Any, own: bool, batch: Tensor = BATCH, width: int = 4) -> tuple[Any, TreeLevels, Tensor, Tensor | None]:
    cell, levels = fresh(make, width=width), tree_levels(batch)
    x = torch.randn(levels.total, 3, dtype=torch.float64)
    return cell, levels, x[: levels.leaves], x[levels.leaves :] if own else None


@cells
@pytest.mark.parametrize("own", [True, False], ids=["symbols", "no-symbols"])
def test_the_walk_is_the_formula(make: Any, own: bool) -> None:
    """Over levels against one call of the cell a node."""
    cell, levels, leaves, inner = nodes(make, own)
    found = cell.over(cell.leaf(leaves), cell.inputs(inner)[0], levels)
    states = [tuple(part[None] for part in row) for row in zip(*cell.leaf(leaves), strict=True)]
    for place, (left, right) in enumerate(levels.children.tolist()):
        states.append(cell(None if inner is None else inner[place : place + 1], states[left], states[right]))
    torch.testing.assert_close(found, torch.cat([state[0] for state in states]), rtol=1e-12, atol=1e-12)


class Walk(nn.Module):
    """``over`` as a module, so that the cell's own weights can be handed in."""

    def __init__(self, cell: Any, levels: TreeLevels) -> None:
        super().__init__()
        self.cell = cell
        self.levels = levels

    def forward(self, *given: Tensor) -> Tensor:
        return self.cell.over(given[:-1], given[-1], self.levels)


@cells
@pytest.mark.parametrize("own", [True, False], ids=["symbols", "no-symbols"])
def test_gradients_are_finite_differences(make: Any, own: bool) -> None:
    """Of every state, not the roots' alone, to leaves, inputs and weights."""
    cell, levels, leaves, inner = nodes(make, own, width=2)
    names = [name for name, _ in cell.named_parameters() if not name.startswith("input")]
    given = [*cell.leaf(leaves), cell.inputs(inner)[0]]
    tensors = [t.detach().clone().requires_grad_() for t in (*given, *(cell.get_parameter(name) for name in names))]

    def walk(*tensors: Tensor) -> Tensor:
        weights = {f"cell.{name}": t for name, t in zip(names, tensors[len(given) :], strict=True)}
        return torch.func.functional_call(Walk(cell, levels), weights, tensors[: len(given)])

    assert torch.autograd.gradcheck(walk, tensors)


@cells
def test_the_cell_alone_has_the_right_gradients(make: Any) -> None:
    cell = fresh(make, width=2)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def once(x: Tensor) -> tuple[Tensor, ...]:
        return cell(x, cell.leaf(x), cell.leaf(x.flip(0)))

    assert torch.autograd.gradcheck(once, (x,))


@cells
def test_a_second_derivative_is_refused(make: Any) -> None:
    """A wrong one would be worse than none."""
    cell, levels, leaves, _ = nodes(make, False)
    total = cell.over(cell.leaf(leaves), cell.inputs(None)[0], levels).pow(2).sum()
    with pytest.raises(UserError, match="second derivative"):
        torch.autograd.grad(total, [cell.child.weight], create_graph=True)


def test_the_rntn_in_pieces_is_the_rntn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large levels are cut so that outer products stay small."""
    found = []
    for largest in (1 << 22, 2 * 4 * 4 * 2, 1):
        monkeypatch.setattr(rntn_cell, "_LARGEST", largest)
        cell, levels, leaves, inner = nodes(RNTNCell, True, BATCH[[0, 1, 0, 1, 1]])
        h = cell.over(cell.leaf(leaves), cell.inputs(inner)[0], levels)
        found.append((h, *torch.autograd.grad(h.pow(2).sum(), list(cell.parameters()))))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-12, atol=1e-12)


@cells
def test_under_autocast_states_stay_exact(make: Any) -> None:
    cell, levels, leaves, inner = nodes(make, True)
    cell, leaves, inner = cell.float(), leaves.float(), inner.float()  # type: ignore[union-attr]
    given = cell.leaf(leaves), cell.inputs(inner)[0]
    plain = cell.over(*given, levels)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = cell.over(*given, levels)
        gradient = torch.autograd.grad(mixed.sum(), [cell.child.weight], retain_graph=True)[0]
    assert mixed.dtype == gradient.dtype == torch.float32
    assert torch.equal(mixed, plain)


@cells
@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_a_size_of_zero(make: Any, sizes: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="numbers above 0"):
        make(*sizes)


# ---- the plan


def test_the_plan_by_hand() -> None:
    plan = tree_levels(BATCH)
    assert plan.sizes == (6, 2, 1)
    assert (plan.trees, plan.nodes, plan.leaves, plan.total) == (3, 5, 6, 9)
    assert plan.places.tolist() == [0, 1, 3, 5, 6, 10, 2, 7, 4]
    assert plan.symbols.tolist() == [3, 4, 5, 4, 3, 4, 6, 6, 7]
    assert plan.children.tolist() == [[0, 1], [3, 4], [6, 2]]
    assert plan.roots.tolist() == [8, 7, 5]


def test_slots_undo_the_order_of_children() -> None:
    plan = tree_levels(BATCH)
    order = torch.cat((plan.children.flatten(), plan.roots))
    assert torch.equal(order[plan.slots()], torch.arange(plan.total))


def test_more_padding_and_an_empty_batch() -> None:
    wide = torch.cat((BATCH, torch.zeros(3, 4, 4, dtype=torch.int64)), 1)
    assert torch.equal(tree_levels(wide).children, tree_levels(BATCH).children)
    assert torch.equal(tree_levels(wide).roots, tree_levels(BATCH).roots)
    assert tree_levels(BATCH[:0]).total == 0


def with_node(node: int, values: list[int], tree: int = 0) -> Tensor:
    changed = BATCH.clone()
    changed[tree, node] = torch.tensor(values)
    return changed


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (with_node(4, [7, 3, 0, 2]), "node 5 of tree 0 .* children 3 and 0"),
        (with_node(4, [7, 0, 4, 2]), "node 5 of tree 0 .* children 0 and 4"),
        (with_node(4, [7, 3, 5, 2]), "node 5 of tree 0 .* children 3 and 5"),
        (with_node(2, [6, 1, 4, 1]), "node 3 of tree 0 .* children 1 and 4"),
        (with_node(4, [7, 3, 3, 2]), "of tree 0"),
        (with_node(4, [7, 1, 4, 1]), "node 1 of tree 0"),
        (with_node(4, [7, -3, 4, 2]), "node 5 of tree 0 .* children -3 and 4"),
        (with_node(4, [7, 3, 99, 2]), "node 5 of tree 0 .* children 3 and 99"),
        (with_node(4, [7, 3, 4, 1]), "node 5 of tree 0 .* height 1"),
        (with_node(0, [3, 0, 0, 1]), "node 1 of tree 0 .* height 1"),
        (with_node(0, [3, 0, 0, -1]), "node 1 of tree 0 .* height -1"),
        (with_node(4, [0, 0, 0, 0]), "node 3 of tree 0"),
        (with_node(4, [4, 0, 0, 0], tree=1), "of tree 1"),
        (with_node(0, [0, 0, 0, 0], tree=2), "tree 2 of the batch has no node"),
    ],
)
def test_what_is_no_tree_is_refused(batch: Tensor, words: str) -> None:
    with pytest.raises(UserError, match=words):
        tree_levels(batch)


@pytest.mark.parametrize("batch", [BATCH[0], BATCH[..., :3], BATCH.int(), BATCH.float()])
def test_another_shape_or_type(batch: Tensor) -> None:
    with pytest.raises(UserError, match=r"Expected: int64 \[trees, nodes, 4\]"):
        tree_levels(batch)
