"""The binary tree LSTM."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.nn.tree_levels import TreeLevels, first_derivative_only


class TreeLSTMCell(nn.Module):
    """N-ary tree LSTM for two children (Tai, Socher, Manning 2015, arXiv:1503.00075, equations 9 to 14, N = 2).

    With x the node's own input, and h_1, c_1 and h_2, c_2 the states of its left and right child:

    - i = sigmoid(W_i x + U_i1 h_1 + U_i2 h_2 + b_i)
    - f_k = sigmoid(W_f x + U_fk1 h_1 + U_fk2 h_2 + b_f), for each child k
    - o = sigmoid(W_o x + U_o1 h_1 + U_o2 h_2 + b_o)
    - u = tanh(W_u x + U_u1 h_1 + U_u2 h_2 + b_u)
    - c = i * u + f_1 * c_1 + f_2 * c_2
    - h = o * tanh(c)

    A leaf has no children: their sums fall away. A node without an input has x = 0. W is ``input.weight``, its rows
    in the order o, f, i, u; U is ``child.weight``, its rows o, f_1, f_2, i, u and its columns h_1, h_2. b_f begins
    at 1, so that a fresh cell passes on what its children remember (Jozefowicz et al. 2015).

    Args:
        features: of the input of a node.
        width: of the states h and c.

    Raises:
        UserError: a size below 1.

    >>> cell = TreeLSTMCell(4, 8)
    >>> left, right = cell.leaf(torch.zeros(3, 4)), cell.leaf(torch.ones(3, 4))
    >>> h, c = cell(None, left, right)
    >>> h.shape, c.shape
    (torch.Size([3, 8]), torch.Size([3, 8]))
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        if min(features, width) < 1:
            raise UserError(f"a tree LSTM has {features} features and the width {width}", expected="numbers above 0")
        self.features = features
        self.width = width
        self.input = nn.Linear(features, 4 * width)
        self.child = nn.Linear(2 * width, 5 * width, bias=False)
        with torch.no_grad():
            self.input.bias[width : 2 * width] = 1.0

    def leaf(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs [m, features] to the states h and c of leaves, [m, width] each."""
        o, _, i, u = self.input(x).chunk(4, 1)
        c = i.sigmoid() * u.tanh()
        return o.sigmoid() * c.tanh(), c

    def inputs(self, x: Tensor | None) -> tuple[Tensor]:
        """W x + b of inner nodes: [m, features] to [m, 5 * width]; of None, one row for all of them."""
        gates = self.input.bias[None] if x is None else self.input(x)
        # both forget gates have the same W and b
        return (torch.cat((gates[:, : 2 * self.width], gates[:, self.width :]), 1),)

    def forward(
        self, x: Tensor | None, left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """One composition: inputs [m, features] or None and the states (h, c) of the children to (h, c)."""
        return self.compose(self.inputs(x)[0], left, right)

    def compose(
        self, inputs: Tensor, left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The same with what ``inputs`` gives, [m, 5 * width]."""
        (h1, c1), (h2, c2) = left, right
        gates = inputs + self.child(torch.cat((h1, h2), 1))
        o, f1, f2, i = gates[:, : 4 * self.width].sigmoid().chunk(4, 1)
        c = i * gates[:, 4 * self.width :].tanh() + f1 * c1 + f2 * c2
        return o * c.tanh(), c

    def over(self, leaves: tuple[Tensor, ...], inputs: Tensor, levels: TreeLevels) -> Tensor:
        """All nodes of a batch of trees, one multiplication a level.

        Args:
            leaves: states h and c of all leaves, [leaves, width] each, as ``leaf`` gives them.
            inputs: of all inner nodes, [inner, 5 * width], or one row for all of them, as ``inputs`` gives them.
            levels: the plan.

        Returns:
            h of all nodes in the order of the plan, [total, width].
            In the weights' type, under autocast too; it can be differentiated once.
        """
        with torch.autocast(inputs.device.type, enabled=False):
            weight = self.child.weight
            return _Over.apply(*(t.to(weight.dtype) for t in (*leaves, inputs)), weight, levels)


class _Over(torch.autograd.Function):
    """The walk over the levels and back.

    By hand for three reasons: the states are written to their places in one buffer; what does not depend on the
    gradient is worked out for all levels at once; and U's gradient is one multiplication at the end, where autograd
    would make and add a matrix of U's size a level, 5,000 of them for a tree that deep.
    """

    @staticmethod
    def forward(ctx: Any, h0: Tensor, c0: Tensor, inputs: Tensor, weight: Tensor, levels: TreeLevels) -> Tensor:
        w, inner = h0.shape[1], levels.total - levels.leaves
        h, c = h0.new_empty(levels.total, w), c0.new_empty(levels.total, w)
        h[: levels.leaves], c[: levels.leaves] = h0, c0
        gates, squashed = h0.new_empty(inner, 5 * w), h0.new_empty(inner, w)
        below_h, below_c = h0.new_empty(2 * inner, w), h0.new_empty(2 * inner, w)
        sizes = levels.sizes[1:]
        pairs = [2 * size for size in sizes]
        added = [inputs] * len(sizes) if inputs.shape[0] == 1 else inputs.split(sizes)
        transposed = weight.t()
        # views are made for all levels at once: a low level is soon computed, and a tall tree has many
        o, f, i, u = gates.split((w, 2 * w, w, w), 1)
        for child, hk, ck, hs, c1, c2, x, g, soft, ok, fk, ik, uk, t, h_out, c_out in zip(
            levels.children.flatten().split(pairs), below_h.split(pairs), below_c.split(pairs),
            below_h.view(inner, 2 * w).split(sizes), below_c[::2].split(sizes), below_c[1::2].split(sizes),
            added, gates.split(sizes), gates[:, : 4 * w].split(sizes), o.split(sizes), f.split(sizes),
            i.split(sizes), u.split(sizes), squashed.split(sizes), h.split(levels.sizes)[1:],
            c.split(levels.sizes)[1:], strict=True,
        ):  # fmt: skip
            torch.index_select(h, 0, child, out=hk)
            torch.index_select(c, 0, child, out=ck)
            torch.addmm(x, hs, transposed, out=g)
            soft.sigmoid_()
            uk.tanh_()
            torch.mul(ik, uk, out=c_out).addcmul_(fk[:, :w], c1).addcmul_(fk[:, w:], c2)
            torch.mul(ok, torch.tanh(c_out, out=t), out=h_out)
        ctx.levels, ctx.shared = levels, inputs.shape[0] == 1
        ctx.save_for_backward(weight, gates, squashed, below_h, below_c)
        return h

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        first_derivative_only()
        levels: TreeLevels = ctx.levels
        weight, gates, squashed, below_h, below_c = ctx.saved_tensors
        inner, w = squashed.shape
        o, f, i, u = gates.split((w, 2 * w, w, w), 1)
        # what h's gradient adds to c's, and what the gates' gradients are to those of h (o) and c (f, i, u)
        to_c = o * (1 - squashed * squashed)
        factors = torch.empty_like(gates)
        factors[:, :w] = squashed * o * (1 - o)
        factors[:, w : 3 * w] = below_c.view(inner, 2 * w) * f * (1 - f)
        factors[:, 3 * w : 4 * w] = u * i * (1 - i)
        factors[:, 4 * w :] = i * (1 - u * u)
        # gradients of h and c, in the order of the children of all nodes; roots at the end
        slots = levels.slots()
        down_h = gradients[0].index_select(0, torch.cat((levels.children.flatten(), levels.roots)))
        down_c = torch.zeros_like(down_h)
        sizes = levels.sizes[1:]
        rows = slots.split(levels.sizes) if levels.sizes else (slots,)
        backwards = zip(
            rows[1:], down_h[: 2 * inner].view(inner, 2 * w).split(sizes),
            down_c[: 2 * inner].view(inner, 2, w).split(sizes), to_c.split(sizes), factors.split(sizes),
            factors[:, :w].split(sizes), factors.view(inner, 5, w)[:, 1:].split(sizes),
            f.unflatten(1, (2, w)).split(sizes), strict=True,
        )  # fmt: skip
        for row, below_dh, below_dc, b, d, d_o, d_rest, fk in reversed(list(backwards)):
            dh = down_h.index_select(0, row)
            dc = down_c.index_select(0, row).addcmul_(dh, b)[:, None]
            d_o.mul_(dh)
            d_rest.mul_(dc)
            below_dh.addmm_(d, weight)
            torch.mul(fk, dc, out=below_dc)
        d_inputs = factors.sum(0, keepdim=True) if ctx.shared else factors
        d_weight = factors.t() @ below_h.view(inner, 2 * w)
        return down_h.index_select(0, rows[0]), down_c.index_select(0, rows[0]), d_inputs, d_weight, None
