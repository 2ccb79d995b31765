"""Training samples whose label looks wrong."""

from __future__ import annotations

from typing import Any

from deepwell.report import numbers
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """A card a sample."""
    if facts.suspects is None:
        return {"say": words("labels.unknown"), "cards": []}
    if not facts.suspects:
        return {"say": words("labels.none"), "cards": []}
    cards = [
        {
            "sample": suspect.sample,
            "given": suspect.given,
            "suggested": suspect.suggested,
            "model": suspect.model,
            "confidence": numbers.percent(suspect.confidence, 1),
            "agrees": suspect.model == suspect.suggested,
        }
        for suspect in facts.suspects
    ]
    told = {"count": numbers.count(facts.doubted), "looked": numbers.count(facts.looked_at)}
    return {"say": words("labels.say", shown=len(cards), **told), "cards": cards}
