"""A row of the table of classes, labels or types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from deepwell.metrics.spans import Span


@dataclass(frozen=True)
class Cell:
    """A score by its name in the evaluation, and its 95 % interval where that is known."""

    figure: str
    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """A class with its scores and its number of samples."""

    name: str
    cells: tuple[Cell, ...]
    samples: int


class Wrong(NamedTuple):
    """A wrong answer; see ``facts.Mistake``. ``place``: of the sample in its part."""

    place: int
    given: tuple[str, ...]
    answered: tuple[str, ...]
    confidence: float | None = None
    chance: float | None = None
    given_spans: tuple[Span, ...] = ()
    answered_spans: tuple[Span, ...] = ()


def rows(table: Mapping[str, Mapping[str, Any]], columns: Iterable[str], samples: str) -> list[Row]:
    """Rows of an evaluation's table.

    Args:
        table: name to scores.
        columns: names of its scores.
        samples: name of its number of samples.
    """
    return [
        Row(
            name,
            tuple(Cell(c, values[c], _interval(values, c)) for c in columns),
            int(values[samples]),
        )
        for name, values in table.items()
    ]


def _interval(values: Mapping[str, Any], column: str) -> tuple[float, float] | None:
    found = (values.get("intervals") or {}).get(column)
    return None if found is None else (float(found[0]), float(found[1]))
