"""Recursive networks over trees."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.shapes import RESERVED, Nodes
from deepwell.nn.dropout import Dropout
from deepwell.nn.initialise import initialise
from deepwell.nn.rntn_cell import RNTNCell
from deepwell.nn.tree_levels import TreeLevels, tree_levels
from deepwell.nn.tree_lstm_cell import TreeLSTMCell

CELLS: dict[str, type[TreeLSTMCell] | type[RNTNCell]] = {"rntn": RNTNCell, "tree-lstm": TreeLSTMCell}


class Recursive(nn.Module):
    """The same cell at every node of a binary tree, from the leaves to the root.

    ``tree-lstm`` is that of Tai, Socher, Manning 2015 (arXiv:1503.00075), ``rntn`` the recursive neural tensor
    network of Socher et al. 2013. A leaf's state is made from the embedding of its symbol; an inner node's from the
    states of its children, and from the embedding of its own symbol if it has one. All nodes of one height, of all
    trees of the batch, are computed at once: the number of multiplications is the height of the tallest tree.

    Args:
        shape: number of symbols, the reserved ones included.
        cell: by name.
        embedding: width of a symbol's vector.
        width: of a node's state. The rntn has 4 * width^3 weights: take 25 to 35 for it.
        per_node: give every node's state, not the root's alone.
        dropout: share of the symbols' vectors and of the representation that is dropped while training.
        initialisation: by name, of the linear layers; ``default`` is the cell's own.

    Raises:
        UserError: an unknown cell, a size below 1, a vocabulary without symbols.

    >>> tree = torch.tensor([[[3, 0, 0, 0], [4, 0, 0, 0], [5, 1, 2, 1]]])  # (symbol, left, right, height)
    >>> Recursive(Nodes(6), width=16)(tree).shape
    torch.Size([1, 16])
    """

    def __init__(
        self,
        shape: Nodes,
        *,
        cell: str = "tree-lstm",
        embedding: int = 64,
        width: int = 128,
        per_node: bool = False,
        dropout: float = 0.0,
        initialisation: str = "default",
    ) -> None:
        super().__init__()
        if not isinstance(shape, Nodes):
            raise UserError(f"recursive was given the shape {shape}", expected="trees", fix="read the data as trees")
        if shape.vocabulary <= RESERVED:
            raise UserError(
                f"recursive was given a vocabulary of {shape.vocabulary}",
                expected=f"at least {RESERVED + 1}: the {RESERVED} reserved ids and one symbol",
                fix="learn the vocabulary on trees that have symbols, or count the reserved ids too",
            )
        if cell not in CELLS:
            raise unknown_name("cell", cell, CELLS)
        for name, size in (("embedding", embedding), ("width", width)):
            if size < 1:
                raise UserError(f"recursive was given {name}={size}", expected="a number above 0", fix=f"use {name}=64")
        self.vocabulary = shape.vocabulary
        self.per_node = per_node
        self.features = width
        self.embedding = nn.Embedding(shape.vocabulary, embedding, padding_idx=0)
        self.cell = CELLS[cell](embedding, width)
        self.dropout = Dropout(dropout)
        initialise(self, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Trees int64 [n, nodes, 4] to [n, features], or to [n, nodes, features] with zeros at padding.

        Raises:
            UserError: no binary trees (see ``nn.tree_levels``), or a symbol that the vocabulary does not have.
        """
        levels = tree_levels(x)
        self._check(levels)
        leaves, inner = levels.symbols.tensor_split([levels.leaves])
        states = self._of_symbols(self.cell.leaf, leaves)
        if bool(inner.any()):
            (inputs,) = self._of_symbols(self.cell.inputs, inner)
        else:
            (inputs,) = self.cell.inputs(None)
        h = self.cell.over(states, inputs, levels)
        if not self.per_node:
            return self.dropout(h.index_select(0, levels.roots))
        full = h.new_zeros(levels.trees * levels.nodes, self.features).index_copy(0, levels.places, self.dropout(h))
        return full.view(levels.trees, levels.nodes, self.features)

    def _of_symbols(self, function: Callable[[Tensor], tuple[Tensor, ...]], symbols: Tensor) -> tuple[Tensor, ...]:
        """``function`` of the embedding of each symbol, worked out once a symbol where those are fewer than nodes."""
        if self.vocabulary >= len(symbols) or (self.training and self.dropout.p):
            return function(self.dropout(self.embedding(symbols)))
        # id 0 is no symbol: its row stays zero, as nn.Embedding keeps it
        table = torch.cat((self.embedding.weight[:1].detach(), self.embedding.weight[1:]))
        return tuple(F.embedding(symbols, values) for values in function(table))

    def _check(self, levels: TreeLevels) -> None:
        if levels.total and not 0 <= int(levels.symbols.min()) <= int(levels.symbols.max()) < self.vocabulary:
            bad = levels.symbols[(levels.symbols < 0) | (levels.symbols >= self.vocabulary)]
            raise UserError(
                f"a tree has the symbol {int(bad[0])}",
                expected=f"ids from 0 to {self.vocabulary - 1}",
                fix="encode the trees with the vocabulary that the model was built for",
            )
