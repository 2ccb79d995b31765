"""The scores of each class, label or type of span."""

from __future__ import annotations

import math
from typing import Any

from deepwell.report import numbers
from deepwell.report.charts.scale import Scale
from deepwell.report.facts import ReportFacts
from deepwell.report.outputs import OUTPUTS
from deepwell.report.words import Words

_MOST = 2_000


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """The table, in the order of the evaluation."""
    kind = OUTPUTS[facts.output]
    rows = kind.rows(facts.evaluation)
    columns = [cell.figure for cell in rows[0].cells] if rows else list(kind.COLUMNS)
    shown = rows[:_MOST]
    scale = _scale(shown)
    found = {
        "title": words(f"classes.title_{kind.NAMED}"),
        "say": _say(rows, columns, words, kind.NAMED),
        "named": words(f"classes.{kind.NAMED}"),
        "columns": [words.name("figure", name) for name in columns],
        "rows": [
            {
                "name": row.name,
                "samples": row.samples,
                "count": numbers.count(row.samples),
                "cells": _cells(row, words, scale),
            }
            for row in shown
        ],
        "legend": words("classes.legend", low=numbers.short(scale.low), high=numbers.short(scale.high)),
    }
    if len(rows) > _MOST:
        found["left"] = words("classes.left", shown=numbers.count(_MOST), rows=numbers.count(len(rows)))
    return found


def _scale(rows: list[Any]) -> Scale:
    """From scores to per cent of a cell, for all intervals of the table, from a round value below the lowest."""
    ends = [end for row in rows for cell in row.cells for end in (cell.interval or (cell.value,))]
    return Scale(math.floor(10 * min(ends, default=0.0)) / 10, 1.0, 0.0, 100.0)


def _cells(row: Any, words: Words, scale: Scale) -> list[dict[str, Any]]:
    return [
        {
            "figure": cell.figure,
            "value": cell.value,
            "shown": numbers.figure(cell.value, 3),
            "interval": cell.interval and words.interval(cell.interval, lambda end: numbers.figure(end, 3)),
            "low": cell.interval and scale(cell.interval[0]),
            "high": cell.interval and scale(cell.interval[1]),
            "at": scale(cell.value),
        }
        for cell in row.cells
    ]


def _say(rows: list[Any], columns: list[str], words: Words, named: str) -> str:
    """The weakest and the strongest, by the last score of the table."""
    there = [row for row in rows if row.samples]
    if len(there) < 2:
        return words(f"classes.what_{named}")
    ranked = sorted(there, key=lambda row: row.cells[-1].value)
    score = words.name("figure", columns[-1])
    worst, best = ranked[0], ranked[-1]
    if worst.cells[-1].value == best.cells[-1].value:
        return words(f"classes.what_{named}")
    return words(
        "classes.say",
        score=score,
        worst=worst.name,
        low=numbers.figure(worst.cells[-1].value, 3),
        best=best.name,
        high=numbers.figure(best.cells[-1].value, 3),
    )
