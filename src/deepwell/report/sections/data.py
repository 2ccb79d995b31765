"""The data's card."""

from __future__ import annotations

from typing import Any

from deepwell.report import numbers
from deepwell.report.charts.bars import histogram
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words

_PARTS = ("train", "validation", "test")
_SKIPPED = 20


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """Counts, how the parts were made, and what samples are like."""
    card = facts.card
    total = sum(card.parts.values())
    parts = [name for name in _PARTS if card.parts.get(name)]
    most = max((sum(counts.values()) for counts in card.classes.values()), default=1)
    return {
        "say": words(
            "data.say",
            total=numbers.count(total),
            things=words.name("things", facts.input),
            train=numbers.count(card.parts.get("train", 0)),
            validation=numbers.count(card.parts.get("validation", 0)),
            test=numbers.count(card.parts.get("test", 0)),
        ),
        "facts": [(words(f"data.{key}"), value) for key, value in _rows(facts, words) if value],
        "parts": [words.name("part", name) for name in parts],
        "classes": [
            {
                "name": name,
                "counts": [numbers.count(counts.get(part, 0)) for part in parts],
                "total": sum(counts.values()),
                "shown": numbers.count(sum(counts.values())),
                "share": 100 * sum(counts.values()) / most,
            }
            for name, counts in card.classes.items()
        ],
        "uneven": len({sum(counts.values()) for counts in card.classes.values()}) > 1,
        "charts": [
            histogram(
                words(f"data.sizes_{h.of}"), words(f"data.sizes_{h.of}"), words("data.samples"), h.edges, h.counts
            )
            for h in card.sizes
        ],
        "skipped": card.skipped[:_SKIPPED],
        "skipped_more": max(0, len(card.skipped) - _SKIPPED),
        "notes": card.notes,
    }


def _rows(facts: ReportFacts, words: Words) -> list[tuple[str, str]]:
    card = facts.card
    return [
        ("origin", card.origin),
        ("found", card.found),
        ("prepared", card.prepared),
        ("split", _split(facts, words)),
        ("equal", numbers.count(card.equal)),
        ("dropped", numbers.count(card.dropped)),
        ("skipped", numbers.count(len(card.skipped))),
        ("fingerprint", card.fingerprint),
    ]


def _split(facts: ReportFacts, words: Words) -> str:
    """Which parts came with the data and which were drawn, and by what."""
    made = facts.card.split
    if not made:
        return ""
    given = [words.name("part", name) for name in _PARTS if name in made.get("given", ())]
    drawn = [
        words("data.share", part=words.name("part", name), share=numbers.percent(made[name], 0))
        for name in ("validation", "test")
        if made.get(name)
    ]
    found = []
    if given:
        found.append(words("data.given", parts=words("listed").join(given)))
    if drawn:
        found.append(words("data.drawn", parts=words("listed").join(drawn), seed=made.get("seed", 0)))
    return words("sentence_gap").join(found)
