"""How often the test part was looked at."""

from __future__ import annotations

from typing import Any

from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """Sentences alone."""
    if facts.uses is None:
        return {"say": words("uses.unsealed" if facts.part != "test" else "uses.unknown"), "often": ""}
    looks, runs = int(facts.uses["looks"]), int(facts.uses["runs"])
    say = words.many("uses.looks", looks, runs=words.many("uses.runs", runs))
    return {"say": say + words("sentence_gap") + words("uses.why"), "often": words("uses.often") if facts.often else ""}
