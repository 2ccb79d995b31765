"""A table of trees: a column of bracketed strings or nested lists, and one of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepwell.core.errors import UserError
from deepwell.data.column_labels import Columns, check_categories, missing, read_labels
from deepwell.data.source import Source
from deepwell.data.text_columns import TARGETS, no_column
from deepwell.data.tree import Tree, from_nested, parse

_TREES = ("tree", "trees", "parse", "expression", "bracketed", "nested", "树")
_LOOKED_AT = 20


@dataclass(frozen=True)
class Choice:
    """The columns of trees and of labels; None where the label of each root is the answer."""

    trees: str
    target: str | None


def find(columns: Columns, *, target: str | None, text: str | None, name: str) -> Choice | None:
    """The columns of trees and labels; None where the table is none of trees.

    Raises:
        UserError: the column of labels is not there.
    """
    trees = trees_column(columns, [c for c in columns if c != target and (text is None or c == text)])
    if trees is None:
        return None
    if target is not None and target not in columns:
        raise no_column(target, columns, name)
    by_name = {column.strip().casefold(): column for column in columns if column != trees}
    return Choice(trees, target or next((by_name[usual] for usual in TARGETS if usual in by_name), None))


def trees_column(columns: Columns, known: Sequence[str]) -> str | None:
    """Of some columns the one with trees: by its usual name, else the first; None where there is none."""
    usual = [c for c in known if c.strip().casefold() in _TREES and _are_trees(columns[c], sure=True)]
    return next(iter(usual or [column for column in known if _are_trees(columns[column])]), None)


def _are_trees(values: Sequence[Any], *, sure: bool = False) -> bool:
    """Whether the first values are trees; without a name that says so, lists must be nested and brackets sound."""
    first = [value for value in values[:_LOOKED_AT] if not missing(value)]
    if first and all(isinstance(value, str) for value in first):
        shown = [value.strip() for value in first]
        if not all(value.startswith("(") and value.endswith(")") for value in shown):
            return False
        return sure or all(_sound(value) for value in shown)
    if not first or not all(isinstance(value, (list, tuple)) for value in first):
        return False
    return sure or any(isinstance(item, (list, tuple)) for value in first for item in value)


def _sound(text: str) -> bool:
    try:
        return len(parse(text)) > 1
    except UserError:
        return False


def read(columns: Columns, choice: Choice, *, name: str) -> Source:
    """Trees with their labels.

    Raises:
        UserError: a tree that can't be read, a missing label; names the row.
    """
    x = []
    for row, value in enumerate(columns[choice.trees], 1):
        if missing(value):
            raise UserError(f"row {row} of {name} has no tree in '{choice.trees}'", expected="a tree in every row")
        x.append(as_tree(value, f"row {row} of {name}"))
    if choice.target is None:
        return rooted(x, name)
    y = read_labels(columns, [choice.target], name)
    if y and not isinstance(y[0], list):
        check_categories(y, f"the column '{choice.target}' of {name}")
    return Source(
        name, "tree", x, y, None, "", f"{len(x):,} trees in the column '{choice.trees}', labels in '{choice.target}'"
    )


def rooted(x: list[Tree], name: str) -> Source:
    """Trees whose answers are the labels of their roots."""
    return Source(
        name, "tree", x, [tree.label for tree in x], None, "", f"{len(x):,} trees, each root's label its answer"
    )


def as_tree(value: Any, where: str) -> Tree:
    """A tree of a bracketed string, nested lists, or a tree as it is.

    Args:
        value: the tree.
        where: of what it is, for the message.

    Raises:
        UserError: it can't be read.
    """
    if isinstance(value, Tree):
        return value
    try:
        return parse(value) if isinstance(value, str) else from_nested(value)
    except UserError as error:
        raise UserError(f"{where}: {error.came}", expected=error.expected, fix=error.fix) from None
