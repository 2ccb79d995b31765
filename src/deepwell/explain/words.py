"""Texts, sentences and trees as pieces that can be hidden one by one, by kind of input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, UNKNOWN, Counts
from deepwell.inputs.binary import binarise
from deepwell.inputs.tokenise import Token
from deepwell.nn.network import device_of

_HIDDEN = "\0"
"""A word that no vocabulary holds, one token by every rule."""


class Words:
    """One sample in pieces.

    Attributes:
        text: as a person reads it.
        units: the pieces, with their places in ``text``.
        row: the sample as the model sees it, [1, ...].
        in_order: whether position i of ``row`` is ``units[i]``.
        hide: places of units that shall not be seen, a list for each variant, to rows [variants, ...].
    """

    def __init__(
        self,
        text: str,
        units: Sequence[Token],
        row: Tensor,
        hide: Callable[[list[list[int]]], Tensor],
        *,
        in_order: bool,
    ) -> None:
        self.text = text
        self.units = list(units)
        self.row = row
        self.hide = hide
        self.in_order = in_order


def read(model: Any, sample: Any) -> Words:
    """A raw sample in pieces.

    Raises:
        UserError: a sample that can't be read; an input of a kind that has no pieces.
    """
    return KINDS[model.input.kind](model, sample)


def encoded(model: Any, raw: Sequence[Any]) -> Tensor:
    """Raw samples as the model sees them, on its device.

    Raises:
        UserError: one that can't be read, with its number.
    """
    rows, problems = model.input.encode(raw)
    if problems:
        place, why = problems[0]
        raise UserError(f"sample {place} can't be read: {why}")
    device = device_of(model.network)
    x = rows.gather(torch.arange(len(rows))) if hasattr(rows, "gather") else torch.from_numpy(rows)
    return model.input.prepare(x.to(device))


def _text(model: Any, sample: Any) -> Words:
    row = encoded(model, [sample])
    units = model.input.positions([sample])[0]
    if isinstance(model.input.shape, Counts):
        # n-grams cross the pieces: the text itself is changed, and read again
        def again(groups: list[list[int]]) -> Tensor:
            return encoded(model, [_covered(sample, units, group) for group in groups])

        return Words(sample, units, row, again, in_order=False)
    units = units[: row.shape[1]]

    def without(groups: list[list[int]]) -> Tensor:
        made = row.new_full((len(groups), row.shape[1]), PADDING)
        for place, group in enumerate(groups):
            seen = torch.ones(row.shape[1], dtype=torch.bool)
            seen[group] = False
            left = row[0, seen.to(row.device)]
            made[place, : len(left)] = left
            if not len(left):
                made[place, 0] = UNKNOWN  # as a text without words is encoded
        return made

    return Words(sample, units, row, without, in_order=True)


def _covered(text: str, units: Sequence[Token], group: list[int]) -> str:
    for place in sorted(group, reverse=True):
        text = text[: units[place].start] + _HIDDEN + text[units[place].stop :]
    return text


def _tokens(model: Any, sample: Any) -> Words:
    units = model.input.positions([sample])[0]
    words = [unit.text for unit in units]

    def unknown(groups: list[list[int]]) -> Tensor:
        # the characters beside a word, and the pairs that its neighbours are read with, change with it
        return encoded(model, [[_HIDDEN if i in group else word for i, word in enumerate(words)] for group in groups])

    text = sample if isinstance(sample, str) else _joined(units)
    return Words(text, units, encoded(model, [sample]), unknown, in_order=True)


def _joined(units: Sequence[Token]) -> str:
    text = ""
    for unit in units:
        text += " " * (unit.start - len(text)) + unit.text
    return text


def _tree(model: Any, tree: Any) -> Words:
    row = encoded(model, [tree])
    text, units, nodes = _written(
        binarise(tree.labels, tree.words, tree.children, use_labels=bool(model.input.use_labels))
    )

    def unknown(groups: list[list[int]]) -> Tensor:
        made = row.repeat(len(groups), 1, 1)
        for place, group in enumerate(groups):
            made[place, [nodes[unit] for unit in group], 0] = UNKNOWN
        return made

    return Words(text, units, row, unknown, in_order=False)


def _written(nodes: list[tuple[str, int, int, int]]) -> tuple[str, list[Token], list[int]]:
    """A binary tree in brackets, operators between what they join: its symbols with their places, and the node of
    each."""
    text, units, whose = "", [], []
    waiting: list[int | str] = [len(nodes)]  # nodes from 1, or what is written as it is
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            text += item
            continue
        symbol, left, right, _ = nodes[abs(item) - 1]
        if left and item > 0:
            # the node itself comes again between its children, as a negative number
            between: list[int | str] = [-item, " "] if symbol else []
            waiting += [")", right, " ", *between, left, "("]
            continue
        units.append(Token(symbol, len(text), len(text) + len(symbol)))
        whose.append(abs(item) - 1)
        text += symbol
    return text, units, whose


KINDS: dict[str, Callable[[Any, Any], Words]] = {"text": _text, "tokens": _tokens, "tree": _tree}
"""Kinds of input that come in pieces, and how such a sample is taken apart."""
