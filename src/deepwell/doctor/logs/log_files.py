"""Logs of trainings as curves, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepwell.core.errors import UserError
from deepwell.doctor.logs.log_columns import Column, Columns, from_csv, from_json
from deepwell.doctor.logs.series import Curve, Floats, Series
from deepwell.doctor.logs.series_names import choose

_LOGS = ("metrics.jsonl", "trainer_state.json", "results.csv", "metrics.csv", "history.json", "training.log", "log.csv")
"""Names of logs that are looked for in a folder; the first that is there is read."""


@dataclass(frozen=True)
class Log:
    """A log that was read.

    Attributes:
        path: the file, or TensorBoard's folder.
        curve: its series.
        read: series name to column name.
        ignored: columns with numbers that were not read.
        points: of the longest series.
        left_out: lines that were cut off, or are no JSON.
    """

    path: Path
    curve: Curve
    read: Mapping[str, str]
    ignored: Sequence[str]
    points: int
    left_out: int


def read_log(path: str | Path, *, loss_column: str | None = None) -> Log:
    """Read a log, or the log of a run's folder.

    Args:
        path: JSON Lines, JSON (a Keras history, Hugging Face's ``trainer_state.json``), CSV (Lightning, Ultralytics,
            Keras, anybody's), TensorBoard's events, or a folder with one of them.
        loss_column: the column that is the training loss, where its name does not say so.

    Raises:
        UserError: no such file, no log, no numbers, or no column that is a loss.
    """
    place = _find(Path(path))
    columns, left_out = _columns(place)
    if not columns:
        raise UserError(f"{place} holds no numbers", expected="a log with a loss in it", fix="check the path")
    read = choose(columns, loss=loss_column)
    curve = _curve(columns, read)
    ignored = [name for name in columns if name not in read.values()]
    points = max(len(one) for one in (curve.loss, curve.val_loss) if one is not None)
    return Log(place, curve, read, ignored, points, left_out)


def _find(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"there is no {path}", expected="a log of a training, or its folder", fix="check the path")
    if not path.is_dir():
        return path
    for name in _LOGS:
        if (path / name).is_file():
            return path / name
    if next(path.rglob("*tfevents*"), None) is not None:
        return path
    raise UserError(
        f"{path} holds no log that is known",
        expected=", ".join(_LOGS) + ", or TensorBoard's events",
        fix="name the file: --log FILE",
    )


def _columns(path: Path) -> tuple[Columns, int]:
    if path.is_dir() or "tfevents" in path.name:
        from deepwell.doctor.logs.event_files import read_events

        return read_events(path), 0
    try:
        with path.open("rb") as file:
            head = file.read(65536)
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})", fix="check its permissions") from None
    if not head.strip():
        raise UserError(f"{path} is empty", expected="a log with a loss in it", fix="log at least one epoch first")
    if b"\0" in head:
        raise UserError(
            f"{path} is no text",
            expected="JSON Lines, JSON, CSV, or TensorBoard's events.out.tfevents...",
            fix="name the file that the training logs its loss to",
        )
    if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"["):
        return from_json(path)
    return from_csv(path, head), 0


def _curve(columns: Columns, read: Mapping[str, str]) -> Curve:
    rows = 1 + max(int(one.rows[-1]) for one in columns.values())
    step, epoch = (_axis(columns.get(read.get(name, "")), rows) for name in ("step", "epoch"))
    series = {
        name: _series(_without_padding(columns[column]), step, epoch)
        for name, column in read.items()
        if name not in ("step", "epoch")
    }
    return Curve(**series)


def _axis(one: Column | None, rows: int) -> Floats | None:
    if one is None:
        return None
    axis = np.full(rows, np.nan)
    axis[one.rows] = one.values
    return axis


def _without_padding(one: Column) -> Column:
    """Without the NaN that pandas writes where a row has no value: most rows before the last number hold it."""
    bad = np.isnan(one.values)
    if not bad.any() or bad.all():
        return one
    last = len(bad) - 1 - int(np.argmax(~bad[::-1]))
    return Column(one.rows[~bad], one.values[~bad]) if last and bad[:last].mean() >= 0.4 else one


def _series(one: Column, step: Floats | None, epoch: Floats | None) -> Series:
    """A column's numbers at their steps, else epochs, else rows: the first of them that rises."""
    axes = [(name, axis[one.rows]) for name, axis in (("step", step), ("epoch", epoch)) if axis is not None]
    rows = ("row", (one.rows + 1).astype(np.float64))
    unit, place = next(((name, at) for name, at in axes if _rises(at)), rows)
    known = epoch is not None and bool(np.isfinite(epoch[one.rows]).all())
    return Series(one.values, place, epoch[one.rows] if known and epoch is not None else None, unit)


def _rises(at: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(at).all() and (np.diff(at) >= 0).all() and (len(at) < 2 or at[-1] > at[0]))
