"""Trees on their way in: nodes in an order in which children come before their parents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, UNKNOWN, Nodes
from deepwell.data.ragged import Ragged
from deepwell.inputs.binary import binarise
from deepwell.inputs.vocabulary import Vocabulary, names_of, truth, whole

_LONGEST = 1_000_000


class TreeInput:
    """Trees as an input. Implements ``core.protocols.Input``.

    Trees are made binary (``inputs.binary``). Encoded and prepared they are int64 [n, nodes, 4]; see
    ``core.shapes.Nodes``.

    Args:
        use_labels: inner nodes bring their label as a symbol: the operator of an expression. None: yes, unless the
            labels are the answers, as in a sentiment treebank, where every node has one.
        minimum_count: times that a symbol must occur in the training part to be learnt.
        vocabulary_size: symbol ids at most.
        max_nodes: of a tree; a larger one is an error.
    """

    kind = "tree"
    learns_first = True

    def __init__(
        self,
        *,
        use_labels: bool | None = None,
        minimum_count: int = 1,
        vocabulary_size: int = 100_000,
        max_nodes: int = 200_000,
    ) -> None:
        for name, value, low in (
            ("minimum_count", minimum_count, 1),
            ("vocabulary_size", vocabulary_size, 16),
            ("max_nodes", max_nodes, 1),
        ):
            if type(value) is not int or not low <= value <= _LONGEST:
                raise UserError(f"{name} is {value!r}", expected=f"a whole number from {low} up")
        self.use_labels = use_labels
        self.minimum_count = minimum_count
        self.vocabulary_size = vocabulary_size
        self.max_nodes = max_nodes
        self.symbols: Vocabulary | None = None
        self.notes: list[str] = []

    def __str__(self) -> str:
        return "binary trees" + ("" if self.symbols is None else f", {len(self.symbols):,} symbols known")

    @property
    def shape(self) -> Nodes:
        """The number of symbol ids."""
        return Nodes(len(self._known()))

    def _known(self) -> Vocabulary:
        if self.symbols is None:
            raise UserError("the vocabulary is not known yet", fix="call learn first")
        return self.symbols

    # ---- raw trees

    def survey(self, raw: Sequence[Any]) -> None:
        """Every sample must be a tree; settles whether inner labels are symbols.

        Raises:
            UserError: names the first that is none.
        """
        for place, tree in enumerate(raw):
            if why := self._wrong(tree):
                raise UserError(f"sample {place} {why}", expected="a tree", fix="parse it with deepwell.data.tree")
        if self.use_labels is None:
            # a treebank labels the leaves too; in an expression a leaf is only what it is
            labelled = sum(
                label != word
                for tree in raw
                for label, word in zip(tree.labels, tree.words, strict=True)
                if word is not None
            )
            leaves = sum(word is not None for tree in raw for word in tree.words)
            self.use_labels = labelled < 0.5 * leaves
            told = "labels of inner nodes are read as operators" if self.use_labels else "labels of nodes are not read"
            self.notes.append(f"{told} (use_labels)")

    def _wrong(self, tree: Any) -> str:
        if not all(hasattr(tree, name) for name in ("labels", "words", "children")):
            return f"is of type {type(tree).__name__}"
        if not len(tree.labels):
            return "has no nodes"
        return "" if len(tree.labels) <= self.max_nodes else f"has {len(tree.labels):,} nodes"

    def digests(self, raw: Sequence[Any]) -> np.ndarray:
        """A digest of each tree's words and shape, as bytes [n]; labels that are answers do not count."""
        found = np.empty(len(raw), dtype="S16")
        for place, tree in enumerate(raw):
            labels = tree.labels if self.use_labels else ()
            content = repr((labels, tree.words, tree.children)).encode("utf-8", "backslashreplace")
            found[place] = hashlib.blake2b(content, digest_size=16).digest()
        return found

    def _nodes(self, tree: Any) -> list[tuple[str, int, int, int]]:
        return binarise(tree.labels, tree.words, tree.children, use_labels=bool(self.use_labels))

    def learn(self, rows: Sequence[Any], train: Tensor) -> None:
        """The symbols of the training trees.

        Raises:
            UserError: no training trees.
        """
        if not len(train):
            raise UserError("there are no training trees", expected="at least one")
        symbols = ([node[0] for node in self._nodes(rows[place]) if node[0]] for place in train.tolist())
        self.symbols = Vocabulary.learn(symbols, minimum_count=self.minimum_count, size=self.vocabulary_size)

    def encode(self, raw: Sequence[Any]) -> tuple[Ragged, list[tuple[int, str]]]:
        """Trees to numbers, [nodes, 4] each; one that can't be read stands as one ``UNKNOWN`` leaf."""
        known, found, problems = self._known(), [], []
        for place, tree in enumerate(raw):
            if why := self._wrong(tree):
                problems.append((place, f"it {why}"))
                found.append(np.array([[UNKNOWN, 0, 0, 0]], dtype=np.int32))
                continue
            nodes = self._nodes(tree)
            row = np.empty((len(nodes), 4), dtype=np.int32)
            row[:, 0] = [known.number(symbol) if symbol else PADDING for symbol, _, _, _ in nodes]
            row[:, 1:] = [node[1:] for node in nodes]
            found.append(row)
        return Ragged.of(found, width=4), problems

    # ---- batches

    def prepare(self, x: Tensor, *, ids: Tensor | None = None, seed: int = 0, epoch: int = 0) -> Tensor:
        """Numbers are what the model sees.

        Raises:
            UserError: something else than int64 [n, nodes, 4].
        """
        if x.dim() != 3 or x.shape[2] != 4 or x.dtype != torch.int64:
            raise UserError(f"prepare was given {x.dtype} of shape {list(x.shape)}", expected="int64 [n, nodes, 4]")
        return x

    def mask(self, x: Tensor) -> Tensor:
        """Where a node is, bool [n, nodes]: a leaf has a symbol, another node has children."""
        return (x[..., 0] != PADDING) | (x[..., 1] != 0)

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that encoding needs, as plain JSON values."""
        return {
            "version": 1,
            "use_labels": bool(self.use_labels),
            "minimum_count": self.minimum_count,
            "vocabulary_size": self.vocabulary_size,
            "max_nodes": self.max_nodes,
            "symbols": self._known().names,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TreeInput:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        whole(state, "version", 1, 1)
        made = cls(
            use_labels=truth(state, "use_labels"),
            minimum_count=whole(state, "minimum_count", 1, _LONGEST),
            vocabulary_size=whole(state, "vocabulary_size", 16, _LONGEST),
            max_nodes=whole(state, "max_nodes", 1, _LONGEST),
        )
        made.symbols = Vocabulary(names_of(state, "symbols"))
        return made
