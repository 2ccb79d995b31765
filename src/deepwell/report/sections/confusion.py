"""Which class is taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepwell.report import numbers
from deepwell.report.charts.heat import heat
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words

_TABLE = 14
"""Classes up to which the matrix is a table with its counts."""
_DRAWN = 150
"""Classes up to which every one is drawn; above it those with the most mistakes."""
_PAIRS = 12


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """The matrix as a table or as a map, and the pairs most often confused."""
    names = list(facts.evaluation["per_class"])
    matrix = np.asarray(facts.evaluation["confusion"], dtype=np.int64)
    found: dict[str, Any] = {"say": _say(names, matrix, words), "pairs": _pairs(names, matrix)}
    if len(names) <= _TABLE:
        return found | {"names": names, "table": _table(names, matrix)}
    shown = np.arange(len(names))
    if len(names) > _DRAWN:
        off = matrix - np.diag(np.diag(matrix))
        shown = np.sort(np.argsort(-(off.sum(0) + off.sum(1)), kind="stable")[:_DRAWN])
        found["note"] = words("confusion.some", shown=_DRAWN, classes=numbers.count(len(names)))
    found["map"] = heat(
        words("confusion.title"),
        matrix[np.ix_(shown, shown)],
        [names[i] for i in shown],
        true_name=words("confusion.true"),
        answer_name=words("confusion.answer"),
    )
    return found


def _say(names: list[str], matrix: np.ndarray, words: Words) -> str:
    pairs = _pairs(names, matrix)
    if not pairs:
        return words("confusion.perfect")
    first = pairs[0]
    return words(
        "confusion.say", given=first["given"], answered=first["answered"], count=first["count"], share=first["share"]
    )


def _pairs(names: list[str], matrix: np.ndarray) -> list[dict[str, Any]]:
    """Mistakes by number, each with its share of the samples of the true class."""
    off = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-off, axis=None, kind="stable")[:_PAIRS]
    found = []
    for row, column in zip(*np.unravel_index(order, off.shape), strict=True):
        if off[row, column]:
            share = off[row, column] / matrix[row].sum()
            pair = {"given": names[row], "answered": names[column], "count": numbers.count(off[row, column])}
            found.append(pair | {"share": numbers.percent(share, 1)})
    return found


def _table(names: list[str], matrix: np.ndarray) -> list[dict[str, Any]]:
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return [
        {
            "name": name,
            "cells": [
                {
                    "count": numbers.count(matrix[row, column]) if matrix[row, column] else "",
                    "share": numbers.percent(share[row, column], 1) if matrix[row, column] else "",
                    # shades follow the root: a tenth of a row is worth seeing as much as half of it
                    "shade": round(100 * float(np.sqrt(share[row, column]))),
                    "right": row == column,
                    "answered": names[column],
                }
                for column in range(len(names))
            ],
        }
        for row, name in enumerate(names)
    ]
