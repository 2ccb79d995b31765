"""The graph of a recursive network: one loop over the nodes of all trees of a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from deepwell.core.shapes import PADDING, RESERVED
from deepwell.export.networks.graph import Graph
from deepwell.saved.model import SavedModel


def graph(model: SavedModel) -> Graph:
    """Of a model of trees; see ``networks.graph_of``."""
    leaf, other, top = [RESERVED, 0, 0, 0], [RESERVED, 0, 0, 0], [PADDING, 1, 2, 1]
    filled = [PADDING] * 4
    return Graph(
        network=TreeGraph(model.network).eval(),
        inputs={"nodes": ("batch", "nodes", 4)},
        outputs={"scores": ("batch", len(model.output.classes))},
        limits={"batch": (1, None), "nodes": (1, int(model.input.max_nodes))},
        example=(torch.tensor([[leaf, other, top], [leaf, filled, filled]]),),
    )


class TreeGraph(nn.Module):
    """The same scores as ``models.recursive`` gives, without a plan of levels that depends on the trees.

    Node by node, children first, and the nodes at one place of all trees together. The states that were made are kept
    in one buffer [n, 1 + nodes, width], whose first row is that of no child.

    Args:
        network: a body ``models.recursive.Recursive`` and its head, whose weights are shared.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        whole: Any = network
        self.body, self.head = whole.body, whole.head

    def forward(self, x: Tensor) -> Tensor:
        """Trees int64 [n, nodes, 4], in the order of ``core.shapes.Nodes``, to scores [n, classes]."""
        symbols, left, right, _ = x.unbind(2)
        n, nodes = symbols.shape
        cell, width = self.body.cell, self.body.features
        vectors = self.body.embedding(symbols).flatten(0, 1)
        leaves, (inputs,) = cell.leaf(vectors), cell.inputs(vectors)

        def step(states: list[Tensor], node: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            place, left, right, inputs, *leaf = node

            def of(child: Tensor) -> tuple[Tensor, ...]:
                where = child[:, None, None].expand(-1, 1, width)
                return tuple(buffer.gather(1, where)[:, 0] for buffer in states)

            made = cell.compose(inputs, of(left), of(right))
            chosen = [torch.where((left > 0)[:, None], inner, own) for inner, own in zip(made, leaf, strict=True)]
            here = place.expand(n, 1, width)
            return [old.scatter(1, here, new[:, None]) for new, old in zip(chosen, states, strict=True)], [place + 0]

        def by_node(flat: Tensor) -> Tensor:
            return flat.view(n, nodes, -1).transpose(0, 1).contiguous()

        empty = [vectors.new_zeros(n, nodes + 1, width) for _ in leaves]
        steps = [left.t().contiguous(), right.t().contiguous(), by_node(inputs), *map(by_node, leaves)]
        states, _ = scan(step, empty, [torch.arange(1, nodes + 1, device=x.device), *steps])
        roots = ((symbols != PADDING) | (left > 0)).sum(1)  # the last real node; places count from 1
        return self.head(states[0].gather(1, roots[:, None, None].expand(-1, 1, width))[:, 0])
