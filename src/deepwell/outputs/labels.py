"""Labels as people write them: whole numbers, strings, truth values, one-hot rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from deepwell.core.errors import UserError

KINDS = ("integer", "string", "one-hot")


def plain(targets: Sequence[Any]) -> tuple[list[Any], str, int]:
    """Raw labels as hashable values.

    Args:
        targets: n labels: an array, tensor, series or list; [n], [n, 1], or one-hot rows [n, classes].

    Returns:
        the values (of one-hot rows, where the 1 is), their kind (one of ``KINDS``), and the width of one-hot
        rows, else 0.

    Raises:
        UserError: a missing, fractional or structured label, a row that is not one-hot; names the sample.

    >>> plain(np.eye(3)[[2, 0]]), plain(["b", "a"])
    (([2, 0], 'one-hot', 3), (['b', 'a'], 'string', 0))
    """
    rows = _rows(targets)
    if rows is not None and rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    if rows is not None and rows.ndim == 2:
        return _one_hot(rows), "one-hot", rows.shape[1]
    if rows is not None and rows.ndim != 1:
        raise UserError(f"the labels have the shape {list(rows.shape)}", expected="one label a sample, or one-hot rows")
    values, kind = _scalars(rows.tolist() if rows is not None else list(targets))
    return values, kind, 0


def natural(value: Any) -> tuple[Any, ...]:
    """Sorts as people count: 9 before 10, also within names.

    >>> sorted(["b10", "b9", "10", "9"], key=natural)
    ['9', '10', 'b9', 'b10']
    """
    if isinstance(value, int):
        return (0, value)
    pieces = re.split(r"(\d+)", value)
    # the whole string decides where the pieces are equal: "1" and "01" must not change places
    return (1, *((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p), (2, 0, value))


def _rows(targets: Any) -> np.ndarray | None:
    """Labels as an array where they are one, or are rows; None for a list of scalars."""
    if hasattr(targets, "detach"):
        targets = targets.detach().cpu().numpy()
    if isinstance(targets, np.ndarray) and targets.dtype != object:
        return targets
    values = list(targets)  # of a pandas series too, whose [0] need not exist
    if not values or not (isinstance(values[0], (list, tuple, np.ndarray)) or hasattr(values[0], "detach")):
        return None
    try:
        return np.array([v.detach().cpu().numpy() if hasattr(v, "detach") else v for v in values])
    except ValueError:
        lengths = sorted({len(v) for v in values if hasattr(v, "__len__")})
        raise UserError(
            f"the labels are rows of different lengths ({', '.join(map(str, lengths[:5]))})",
            expected="one label a sample, or one-hot rows of one length",
        ) from None


def _one_hot(rows: np.ndarray) -> list[int]:
    if rows.dtype.kind not in "buif":
        raise UserError(f"the labels are rows of {rows.dtype}", expected="one-hot rows of numbers")
    right = ((rows == 0) | (rows == 1)).all(1) & (rows.sum(1) == 1)
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        found = rows[row].astype(float)
        soft = bool((found >= 0).all()) and abs(found.sum() - 1) < 1e-3
        shown = ", ".join(f"{v:g}" for v in found[:10]) + (", ..." if len(found) > 10 else "")
        raise UserError(
            f"the labels of sample {row} are [{shown}]",
            expected="one-hot rows: a single 1, else 0",
            fix="take the likeliest class of each, y.argmax(1); probabilities as labels are another task"
            if soft
            else "give one class a sample; several at once (multi-label) are another task",
        )
    return rows.argmax(1).tolist()


def _scalars(values: list[Any]) -> tuple[list[Any], str]:
    made: list[Any] = []
    for row, value in enumerate(values):
        kind = type(value)
        if kind is not int and (kind is not str or not value):
            value = _scalar(row, value)
        made.append(value)
    kinds = {type(value) for value in made}
    if kinds == {str, int}:
        made = [str(value) for value in made]
    return made, "integer" if kinds == {int} else "string"


def _scalar(row: int, value: Any) -> int | str:
    if hasattr(value, "item"):
        value = value.item()
    missing = value is None or (isinstance(value, float) and not math.isfinite(value)) or value == ""
    if missing or type(value).__name__ in ("NAType", "NaTType"):
        raise UserError(f"sample {row} has no label ({value!r})", fix="give it one, or leave the sample out")
    if isinstance(value, float):
        if value != int(value):
            raise UserError(
                f"sample {row} has the label {value}",
                expected="classes: strings or whole numbers",
                fix="predicting a quantity is another task than choosing a class",
            )
        return int(value)
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, str):
        return str(value)
    raise UserError(f"sample {row} has a label of type {type(value).__name__}", expected="a string or a number")
