"""Columns of numbers out of the text of a log: JSON Lines, JSON of Keras and Hugging Face, CSV of anybody."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepwell.core.errors import UserError
from deepwell.doctor.logs.series import Floats


class Column(NamedTuple):
    """The numbers of one name; rows that have none are left out, NaN that was logged is not."""

    rows: NDArray[np.int64]
    values: Floats


Columns = dict[str, Column]


def column(values: Iterable[float | None]) -> Column:
    """Numbers, None where a row has none.

    >>> column([1.0, None, 3.0]).rows.tolist()
    [0, 2]
    """
    there = [(row, value) for row, value in enumerate(values) if value is not None]
    return Column(
        np.array([row for row, _ in there], dtype=np.int64), np.array([v for _, v in there], dtype=np.float64)
    )


# ---- JSON


def from_json(path: Path) -> tuple[Columns, int]:
    """JSON Lines, or one JSON value: a list of rows, lists by name, or Hugging Face's ``trainer_state.json``.

    Returns:
        The columns, and how many lines were left out: cut off, or no JSON.

    Raises:
        UserError: no JSON, or no log.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if not _is_row(text.lstrip().split("\n", 1)[0]):
        try:
            return _from_value(path, json.loads(text)), 0
        except ValueError as error:
            reason = str(error)
    else:
        reason = "no line of it is a row"
    found, left_out = _from_lines(text)
    if not found:
        raise UserError(
            f"{path} is cut off or no JSON: {reason}", expected="JSON Lines, or one JSON value", fix="check the file"
        )
    return found, left_out


def _is_row(line: str) -> bool:
    try:
        value = json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and not any(isinstance(v, (list, dict)) for v in value.values())


def _from_lines(text: str) -> tuple[Columns, int]:
    rows: list[Mapping[str, Any]] = []
    left_out = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            left_out += 1
            continue
        if isinstance(row, dict):
            rows.append(row)
    return _from_rows(rows), left_out


def _from_value(path: Path, value: Any) -> Columns:
    if isinstance(value, Mapping):
        for name in ("log_history", "history"):
            if name in value:
                return _from_value(path, value[name])
        lists = {str(name): values for name, values in value.items() if isinstance(values, list)}
        if lists:
            found = {name: column(map(number, values)) for name, values in lists.items()}
            return {name: one for name, one in found.items() if len(one.rows)}
        value = [value]
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return _from_rows(value)
    raise UserError(
        f"{path} is JSON, but no log", expected="a list of rows, or lists of numbers by name", fix="check the file"
    )


def _from_rows(rows: Sequence[Mapping[str, Any]]) -> Columns:
    found: dict[str, tuple[list[int], list[float]]] = {}
    for place, row in enumerate(rows):
        for name, value in _flat(row):
            if (found_number := number(value)) is not None:
                places, values = found.setdefault(name, ([], []))
                places.append(place)
                values.append(found_number)
    return {name: Column(np.array(p, dtype=np.int64), np.array(v, dtype=np.float64)) for name, (p, v) in found.items()}


def _flat(row: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}/")
        else:
            yield before + str(name), value


_WRAPPED = re.compile(r"^tensor\(([^,)]+)[^)]*\)$")


def number(value: Any) -> float | None:
    """A number however it was written, None where there is none.

    >>> number("0.5"), number("tensor(0.31, device='cuda:0')"), number("-inf"), number("cat"), number(True)
    (0.5, 0.31, -inf, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        text = value.strip()
        value = match[1] if (match := _WRAPPED.match(text)) else text
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:  # an integer beyond any float
        return math.inf


# ---- CSV


def from_csv(path: Path, head: bytes) -> Columns:
    """A table with a line of names, separated by comma, semicolon or tab.

    Raises:
        UserError: no table.
    """
    import polars as pl

    first = head.decode("utf-8-sig", errors="replace").lstrip().splitlines()[0]
    try:
        frame = pl.read_csv(
            path,
            separator=max(",;\t", key=first.count),
            infer_schema=False,  # a cell that is no number is a gap, not an error
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise UserError(
            f"{path} can't be read as a table: {str(error).splitlines()[0]}",
            expected="CSV with a line of names",
            fix="check the file",
        ) from None
    found: Columns = {}
    for name in frame.columns:
        text = frame[name].str.strip_chars().str.to_lowercase().str.replace(_WRAPPED.pattern, "${1}")
        numbers = text.cast(pl.Float64, strict=False)
        rows = numbers.is_not_null().arg_true().to_numpy().astype(np.int64)
        if len(rows):
            found[name.strip()] = Column(rows, numbers.drop_nulls().to_numpy().astype(np.float64))
    return found
