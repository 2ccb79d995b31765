"""The order in which a batch of binary trees is evaluated: level by level, all trees at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepwell.core.errors import UserError


@dataclass(frozen=True, slots=True)
class TreeLevels:
    """The real nodes of a batch in the order of their heights, leaves first, and where each finds its children.

    Nodes of one height are next to each other, so that a level is a slice of a buffer [total, ...] and its children
    lie in earlier slices. Within a level the order is that of the batch.

    Attributes:
        trees: rows of the batch.
        nodes: nodes of a row, padding included.
        sizes: nodes of each height, from height 0.
        places: int64 [total], the place of each node in the flattened batch [trees * nodes].
        symbols: int64 [total]; 0 for an inner node without one.
        children: int64 [total - leaves, 2], places of the left and the right child in this order.
        roots: int64 [trees], place of each tree's root in this order.
    """

    trees: int
    nodes: int
    sizes: tuple[int, ...]
    places: Tensor
    symbols: Tensor
    children: Tensor
    roots: Tensor

    @property
    def leaves(self) -> int:
        """Nodes of height 0."""
        return self.sizes[0] if self.sizes else 0

    @property
    def total(self) -> int:
        """Real nodes of all trees."""
        return self.places.shape[0]

    def slots(self) -> Tensor:
        """Where each node stands among the children of all inner nodes, two each in this order, and then the roots.

        Every node but a root is a child once, so this is a permutation: what comes back to the children of all
        nodes is put into the order of the nodes by a lookup, and nothing has to be added up.

        Returns:
            int64 [total].
        """
        slots = torch.empty_like(self.places)
        slots[torch.cat((self.children.flatten(), self.roots))] = torch.arange(self.total, device=slots.device)
        return slots


def tree_levels(batch: Tensor) -> TreeLevels:
    """Plan the evaluation of a batch of binary trees.

    No Python per node: the work is one stable sort by height, one count, and some lookups.

    Args:
        batch: int64 [n, nodes, 4] as ``core.shapes.Nodes`` says: symbol, left, right (places from 1, 0 for none),
            height; zeros after the root.

    Raises:
        UserError: another shape or type, a tree without nodes, and whatever is no binary tree: a node with one
            child, a child that comes after its parent or has two parents, a wrong height, a root that is not last.

    >>> leaf, other, top = [5, 0, 0, 0], [6, 0, 0, 0], [3, 1, 2, 1]
    >>> plan = tree_levels(torch.tensor([[leaf, other, top], [leaf, [0] * 4, [0] * 4]]))
    >>> plan.sizes, plan.symbols.tolist(), plan.children.tolist(), plan.roots.tolist()
    ((3, 1), [5, 6, 5, 3], [[0, 1]], [3, 2])
    """
    if batch.ndim != 3 or batch.shape[2] != 4 or batch.dtype != torch.int64:
        raise UserError(
            f"a batch of trees is {list(batch.shape)} of {batch.dtype}",
            expected="int64 [trees, nodes, 4]: symbol, left child, right child, height",
            fix="encode the trees with the tree input",
        )
    n, nodes = batch.shape[:2]
    # a leaf has a symbol and an inner node has children: only padding is all zeros
    real = (batch != 0).any(2)
    counts = real.sum(1)
    tree, place = real.nonzero().unbind(1)
    natural = tree * nodes + place
    # one lookup of the columns and of what else is needed of a node, in the order of the batch
    facts = torch.cat((batch.reshape(-1, 4)[natural], torch.stack((tree, place + 1, natural), 1)), 1)
    height, order = torch.sort(facts[:, 3], stable=True)
    symbols, left, right, _, tree, own, places = facts[order].unbind(1)
    # the node that stands at a place of the flattened batch, in the new order; 0 where there is none
    rank = torch.zeros(n * nodes, dtype=torch.int64, device=batch.device)
    rank[places] = torch.arange(len(places), device=batch.device)
    pairs = torch.stack((left, right), 1)
    inner = left > 0
    child = rank[(pairs + (tree * nodes - 1)[:, None])[inner].clamp(0, max(n * nodes - 1, 0))]
    malformed, parents = _wrong(pairs, own, height, child, counts[tree])
    if bool(torch.cat((malformed, parents, counts == 0)).any()):
        raise _no_tree(batch, places[malformed if bool(malformed.any()) else parents], counts)
    roots = rank[torch.arange(n, device=batch.device) * nodes + counts - 1] if n else rank
    sizes = tuple(torch.bincount(height).tolist())
    return TreeLevels(n, nodes, sizes, places.contiguous(), symbols.contiguous(), child, roots)


def _wrong(pairs: Tensor, own: Tensor, height: Tensor, child: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Which nodes are malformed, and which have too few or too many parents.

    Unnoticed, they would be evaluated in a wrong order, or from the nodes of a neighbour.
    """
    inner = pairs[:, 0] > 0
    wrong = (inner != (pairs[:, 1] > 0)) | (pairs < 0).any(1) | (pairs >= own[:, None]).any(1)
    right_height = torch.zeros_like(height)
    right_height[inner] = height[child].amax(1) + 1
    # zeros before the root: a node stands further back than there are nodes
    wrong |= (right_height != height) | (own > count)
    parents = torch.bincount(child.flatten(), minlength=len(own))
    return wrong, parents != (own != count).to(torch.int64)


def _no_tree(batch: Tensor, wrong: Tensor, counts: Tensor) -> UserError:
    """The error for the first of the nodes at ``wrong``, or for a row without nodes."""
    if not len(wrong):
        return UserError(
            f"tree {int((counts == 0).nonzero()[0])} of the batch has no node",
            expected="at least one leaf",
            fix="leave the empty tree out",
        )
    tree, node = divmod(int(wrong.min()), batch.shape[1])
    symbol, left, right, height = batch[tree, node].tolist()
    return UserError(
        f"node {node + 1} of tree {tree} of the batch does not fit into a binary tree: symbol {symbol}, children "
        f"{left} and {right}, height {height}",
        expected="two children that come before their parent, or none; one parent for each node but the last, which "
        "has none; the height 1 more than that of the taller child, and 0 at a leaf",
        fix="bring the trees into this form with inputs.binary.binarise",
    )


def first_derivative_only() -> None:
    """For the start of a backward pass written by hand: refuse ``create_graph=True``.

    PyTorch's ``once_differentiable`` leaves the second derivative out without a word where ``torch.autograd.grad``
    is asked for some inputs only.
    """
    if torch.is_grad_enabled():
        raise UserError(
            "a second derivative of a recursive network was asked for (create_graph=True)",
            expected="first derivatives",
            fix="leave out create_graph, or call the cell node by node",
        )
