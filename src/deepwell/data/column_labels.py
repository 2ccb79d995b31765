"""The answers of a table: one label a row, a list of labels, or several columns of 0 and 1."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deepwell.core.errors import UserError

Columns = Mapping[str, Sequence[Any]]
"""Values of each column by its name, of one length."""

_FEW = 20
"""So many different labels are never too many."""


def missing(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, a string of nothing but blanks, or what a frame writes for it."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, float) and value != value


def listed(rows: Sequence[int]) -> str:
    """Row numbers for a message.

    >>> listed([3]), listed([2, 5, 9]), listed(range(1, 30))
    ('row 3', 'rows 2, 5, 9', 'rows 1, 2, 3, 4, 5 and 24 more')
    """
    shown = ", ".join(f"{row}" for row in rows[:5])
    return f"row{'s' if len(rows) > 1 else ''} {shown}" + (f" and {len(rows) - 5:,} more" if len(rows) > 5 else "")


def read_labels(columns: Columns, targets: Sequence[str], name: str) -> list[Any]:
    """Labels of a table: names or whole numbers; lists of them where a sample has several.

    Args:
        columns: the table.
        targets: the column of labels, or several columns of 0 and 1.
        name: of the table, for messages.

    Raises:
        UserError: rows without a label, fractions, more different values than categories have.

    >>> read_labels({"y": ["2", "1"]}, ["y"], "t"), read_labels({"a": [1, 0], "b": [1, 1]}, ["a", "b"], "t")
    ([2, 1], [['a', 'b'], ['b']])
    """
    if len(targets) > 1:
        return _flags(columns, targets, name)
    values, column = list(columns[targets[0]]), f"the column '{targets[0]}' of {name}"
    if any(
        isinstance(value, (list, tuple)) or (hasattr(value, "tolist") and getattr(value, "ndim", 0)) for value in values
    ):
        return _lists(values, column)
    _all_there(values, missing, column)
    values = [_plain(value) for value in values]
    if all(isinstance(value, str) for value in values):
        values = as_numbers(values)
    if all(isinstance(value, (int, float)) for value in values):
        values = [_whole(value, row, column) for row, value in enumerate(values, 1)]
    return values


def _all_there(values: Sequence[Any], lacks: Callable[[Any], bool], column: str) -> None:
    if lost := [row for row, value in enumerate(values, 1) if lacks(value)]:
        raise UserError(
            f"{column} has no label in {listed(lost)}, counted from 1 without the names above",
            expected="a label for every text",
            fix="label them, or leave these rows out",
        )


def _plain(value: Any) -> Any:
    """A label as a string or number; truth values by their names, which say more than 0 and 1."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) or type(value).__name__ == "Decimal" else str(value)


def as_numbers(values: list[str]) -> list[Any]:
    """Strings that are all numbers, as numbers; else as they are.

    >>> as_numbers(["1", "2.5"]), as_numbers(["007", "1"]), as_numbers(["1", "many"])
    ([1.0, 2.5], ['007', '1'], ['1', 'many'])
    """
    try:
        made = [int(value) for value in values]
        return made if all(str(number) == value for number, value in zip(made, values, strict=True)) else list(values)
    except ValueError:
        pass
    try:
        decimals = [float(value) for value in values]
    except ValueError:
        return list(values)
    # "nan" and "inf" are names to a person
    return decimals if all(map(math.isfinite, decimals)) else list(values)


def _whole(value: int | float, row: int, column: str) -> int:
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        raise UserError(
            f"{column} has {value:g} in row {row}",
            expected="categories: names or whole numbers",
            fix="to predict a quantity (regression) is not possible yet; make categories of it, such as low and high",
        )
    return int(value)


def check_categories(values: Sequence[Any], column: str) -> None:
    """Labels must repeat: names of which most occur once, or numbers of which few do twice, are something else.

    Raises:
        UserError: too many different values.
    """
    count, share = len(set(values)), 4 if all(isinstance(value, int) for value in values) else 2
    if count > _FEW and count * share > len(values):
        shown = ", ".join(repr(value)[:40] for value in list(dict.fromkeys(values))[:3])
        raise UserError(
            f"{column} has {count:,} different values in {len(values):,} rows ({shown}, ...)",
            expected="categories, each with several rows",
            fix="name the column of labels with target=... (--target); a quantity (regression) is not possible yet",
        )


def _lists(values: Sequence[Any], column: str) -> list[list[Any]]:
    """Several labels a sample; an empty list has none of them, a single label stands for a list of one."""
    _all_there(values, lambda value: not hasattr(value, "__len__") and missing(value), column)
    made = []
    for row, value in enumerate(values, 1):
        items = value.tolist() if hasattr(value, "tolist") else value
        items = list(items) if isinstance(items, (list, tuple)) else [items]
        bad = next((item for item in items if missing(item) or isinstance(item, (list, tuple, dict))), "")
        if bad != "" or "" in items:
            raise UserError(f"{column} has {bad!r} among the labels of row {row}", expected="a list of labels")
        made.append([_plain(item) for item in items])
    return made


def _flags(columns: Columns, targets: Sequence[str], name: str) -> list[list[str]]:
    """Columns of 0 and 1 as a list of the names of those with a 1."""
    made: list[list[str]] = [[] for _ in columns[targets[0]]]
    for target in targets:
        column = f"the column '{target}' of {name}"
        _all_there(columns[target], missing, column)
        for row, value in enumerate(columns[target]):
            flag = str(_plain(value)).lower()
            if flag not in ("0", "1", "0.0", "1.0", "true", "false"):
                raise UserError(
                    f"{column} has {value!r} in row {row + 1}",
                    expected="0 or 1 in each of the columns that target names",
                    fix="name one column of categories, or columns of 0 and 1",
                )
            if flag in ("1", "1.0", "true"):
                made[row].append(target)
    return made
