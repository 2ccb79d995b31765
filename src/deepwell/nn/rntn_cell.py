"""The composition of the recursive neural tensor network."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.nn.tree_levels import TreeLevels, first_derivative_only

_LARGEST = 1 << 22
"""Elements of an outer product held at a time (16 MiB of float32), however many nodes a level has."""


class RNTNCell(nn.Module):
    """p = tanh([a;b]^T V [a;b] + W [a;b] + L x + bias) (Socher et al. 2013, aclanthology.org/D13-1170, section 4.3).

    a and b are the states of the left and the right child, and V holds one matrix [2 * width, 2 * width] for each
    element of p, so that the children multiply each other. L x is the node's own input, which the paper's inner nodes
    do not have: 0 where there is none. A leaf is tanh(L x + bias).

    V has 4 * width^3 elements and a node costs as many multiplications: 131,072 at a width of 32, 8.4 million at
    128. The paper used 25 to 35. W begins near the mean of the children and V small, as a product of many small
    numbers dies out in a tall tree.

    Args:
        features: of the input of a node.
        width: of the states.

    Raises:
        UserError: a size below 1.

    >>> cell = RNTNCell(4, 8)
    >>> left, right = cell.leaf(torch.zeros(3, 4)), cell.leaf(torch.ones(3, 4))
    >>> cell(None, left, right)[0].shape
    torch.Size([3, 8])
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        if min(features, width) < 1:
            raise UserError(f"an RNTN has {features} features and the width {width}", expected="numbers above 0")
        self.features = features
        self.width = width
        self.input = nn.Linear(features, width)
        self.child = nn.Linear(2 * width, width, bias=False)
        self.tensor = nn.Parameter(torch.empty(width, 2 * width, 2 * width).uniform_(-0.25 / width, 0.25 / width))
        with torch.no_grad():
            spread = 0.5 / math.sqrt(width)
            self.child.weight.uniform_(-spread, spread).add_(0.5 * torch.eye(width).repeat(1, 2))

    def leaf(self, x: Tensor) -> tuple[Tensor]:
        """Inputs [m, features] to the states of leaves, [m, width]."""
        return (self.input(x).tanh(),)

    def inputs(self, x: Tensor | None) -> tuple[Tensor]:
        """L x + bias of inner nodes: [m, features] to [m, width]; of None, one row for all of them."""
        return (self.input.bias[None] if x is None else self.input(x),)

    def forward(self, x: Tensor | None, left: tuple[Tensor], right: tuple[Tensor]) -> tuple[Tensor]:
        """One composition: inputs [m, features] or None and the states of the children to the state."""
        return self.compose(self.inputs(x)[0], left, right)

    def compose(self, inputs: Tensor, left: tuple[Tensor], right: tuple[Tensor]) -> tuple[Tensor]:
        """The same with what ``inputs`` gives, [m, width]."""
        both = torch.cat((left[0], right[0]), 1)
        product = torch.einsum("ni,kij,nj->nk", both, self.tensor, both)
        return ((product + self.child(both) + inputs).tanh(),)

    def over(self, leaves: tuple[Tensor, ...], inputs: Tensor, levels: TreeLevels) -> Tensor:
        """All nodes of a batch of trees, one multiplication with V a level.

        Args:
            leaves: states of all leaves, [leaves, width], as ``leaf`` gives them.
            inputs: of all inner nodes, [inner, width], or one row for all of them, as ``inputs`` gives them.
            levels: the plan.

        Returns:
            the states of all nodes in the order of the plan, [total, width].
            In the weights' type, under autocast too; it can be differentiated once.
        """
        with torch.autocast(inputs.device.type, enabled=False):
            weight = self.child.weight
            return _Over.apply(*(t.to(weight.dtype) for t in (*leaves, inputs)), weight, self.tensor, levels)


class _Over(torch.autograd.Function):
    """The walk over the levels and back, by hand for the reasons of the tree LSTM's.

    With z = [a;b] the two terms of the formula share z: p_k = sum_i z_i (W_ki + sum_j V_kij z_j), one multiplication
    with V and a small one with z. Back, dz = sum_k dp_k (W_k + (V_k + V_k^T) z).
    """

    @staticmethod
    def forward(ctx: Any, h0: Tensor, inputs: Tensor, linear: Tensor, tensor: Tensor, levels: TreeLevels) -> Tensor:
        w, inner = h0.shape[1], levels.total - levels.leaves
        h = h0.new_empty(levels.total, w)
        h[: levels.leaves] = h0
        below = h0.new_empty(2 * inner, w)
        sizes = levels.sizes[1:]
        pairs = [2 * size for size in sizes]
        added = [inputs] * len(sizes) if inputs.shape[0] == 1 else inputs.split(sizes)
        by_column, constant = tensor.reshape(-1, 2 * w).t(), linear.reshape(1, -1)
        for child, z, x, out in zip(
            levels.children.flatten().split(pairs), below.split(pairs), added, h.split(levels.sizes)[1:], strict=True
        ):
            torch.index_select(h, 0, child, out=z)
            for start, z_some, p in _chunks(w, z.view(-1, 2 * w), out):
                form = torch.addmm(constant, z_some, by_column).view(-1, w, 2 * w)
                torch.bmm(form, z_some[:, :, None], out=p[:, :, None])
                p += x if x.shape[0] == 1 else x[start : start + len(p)]
            out.tanh_()
        ctx.levels, ctx.shared = levels, inputs.shape[0] == 1
        ctx.save_for_backward(h, below, linear, tensor)
        return h

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        first_derivative_only()
        levels: TreeLevels = ctx.levels
        h, below, linear, tensor = ctx.saved_tensors
        w = h.shape[1]
        below = below.view(-1, 2 * w)
        inner = len(below)
        slopes = 1 - h[levels.leaves :] ** 2
        both_ways = (tensor + tensor.transpose(1, 2)).reshape(-1, 2 * w)
        slots = levels.slots()
        down = gradients[0].index_select(0, torch.cat((levels.children.flatten(), levels.roots)))
        sizes = levels.sizes[1:]
        rows = slots.split(levels.sizes) if levels.sizes else (slots,)
        for row, below_d, z, d in zip(
            reversed(rows[1:]), reversed(down[: 2 * inner].view(-1, 2 * w).split(sizes)), reversed(below.split(sizes)),
            reversed(slopes.split(sizes)), strict=True,
        ):  # fmt: skip
            d.mul_(down.index_select(0, row))
            below_d.addmm_(d, linear)
            for _, d_some, z_some, out in _chunks(w, d, z, below_d):
                out.addmm_((d_some[:, :, None] * z_some[:, None]).flatten(1), both_ways)
        d_tensor = torch.zeros_like(tensor).view(-1, 2 * w)
        for _, d_some, z_some in _chunks(w, slopes, below):
            d_tensor.addmm_((d_some[:, :, None] * z_some[:, None]).flatten(1).t(), z_some)
        d_inputs = slopes.sum(0, keepdim=True) if ctx.shared else slopes
        return down.index_select(0, rows[0]), d_inputs, slopes.t() @ below, d_tensor.view_as(tensor), None


def _chunks(width: int, *tensors: Tensor) -> Any:
    """(first row, some rows of each tensor ...), few enough for their outer products to stay small."""
    rows = max(1, _LARGEST // (2 * width * width))
    if tensors[0].shape[0] <= rows:
        return [(0, *tensors)] if tensors[0].shape[0] else []
    starts = range(0, tensors[0].shape[0], rows)
    return zip(starts, *(tensor.split(rows) for tensor in tensors), strict=True)
