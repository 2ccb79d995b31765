"""Simple models beside the deep one, on the same samples."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from deepwell.report import numbers
from deepwell.report.charts.dots import Dot, dots
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """A chart and a table; or how to get them."""
    rows = _fitting(facts)
    if not rows:
        return {"say": words("baselines.none"), "command": shlex.join(["deepwell", "baselines", facts.run or "RUN"])}
    name = rows[0]["metric"]
    ours = facts.evaluation[name]
    order = sorted(rows, key=lambda row: -row["score"]["value"])
    mine = Dot(words("baselines.ours", model=facts.model), ours["value"], ours["interval"], ours=True)
    drawn = [mine] + [
        Dot(words.name("baseline", row["name"]), row["score"]["value"], row["score"]["interval"]) for row in order
    ]
    return {
        "say": verdict(facts, words, name) + words("sentence_gap") + words("baselines.what"),
        "chart": dots(words("baselines.title"), words.name("figure", name), drawn, zero_to_one=True),
        "score": words.name("figure", name),
        "rows": [
            {
                "name": words.name("baseline", row["name"]),
                "value": row["score"]["value"],
                "shown": numbers.figure(row["score"]["value"]),
                "interval": words.interval(row["score"]["interval"], numbers.figure),
                "seconds": numbers.seconds(row["seconds"]),
                "samples": numbers.count(row["samples"]),
            }
            for row in order
        ],
    }


def _fitting(facts: ReportFacts) -> list[Mapping[str, Any]]:
    """The baselines whose score the evaluation has too."""
    return [row for row in facts.baselines or () if isinstance(facts.evaluation.get(row["metric"]), Mapping)]


def verdict(facts: ReportFacts, words: Words, name: str) -> str:
    """Whether the model beats the best of them beyond noise, by the paired comparison that was made with it."""
    rows = [row for row in _fitting(facts) if row["metric"] == name]
    if not rows:
        return words("baselines.unknown")
    best = max(rows, key=lambda row: row["score"]["value"])
    told = {"name": words.name("baseline", best["name"]), "value": numbers.figure(best["score"]["value"])}
    return words(f"baselines.{_outcome(best, facts.evaluation[name])}", **told)


def _outcome(best: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """``beaten``, ``lost`` or ``noise``; where nobody paired the answers, by intervals that do not touch."""
    if best.get("against"):
        return {"better": "beaten", "worse": "lost"}.get(best["against"]["verdict"], "noise")
    mine, other = ours["interval"], best["score"]["interval"]
    if mine is None or other is None:
        return "noise"
    return "beaten" if mine[0] > other[1] else "lost" if mine[1] < other[0] else "noise"
