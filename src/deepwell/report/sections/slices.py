"""The parts of the data on which the model is worst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepwell.report import numbers
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """A row a slice."""
    slices = facts.evaluation.get("slices") or []
    if not slices:
        return {"say": words("slices.none"), "rows": []}
    losses = any(one["score"] > 1 for one in slices)  # a share of wrong answers is 1 at most

    def told(value: float) -> str:
        return numbers.figure(value, 3) if losses else numbers.percent(value, 1)

    rows = [
        {
            "name": words.name("attribute", one["attribute"]),
            "where": _where(one, words),
            "samples": numbers.count(one["samples"]),
            "error": told(one["score"]),
            "interval": words.interval(one["interval"], told),
            "rest": told(one["rest"]),
        }
        for one in slices
    ]
    score = words("slices.loss" if losses else "slices.error")
    return {"say": words.many("slices.say", len(rows)), "rows": rows, "score": score}


def _where(one: Mapping[str, Any], words: Words) -> str:
    """The name that the samples have in common, or the range of their numbers."""
    if one["low"] is None:
        return str(one["value"])
    if one["low"] == one["high"]:
        return numbers.short(one["low"])
    return words("slices.range", low=numbers.short(one["low"]), high=numbers.short(one["high"]))
