"""What the doctor found."""

from __future__ import annotations

from typing import Any

from deepwell.findings import page
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """Each finding with its evidence, why it matters and what to do, in the page's language."""
    if facts.findings is None:
        return {"say": words("findings.unknown"), "rows": []}
    if not facts.findings:
        return {"say": words("findings.none"), "rows": []}
    lang = words.language
    rows = [
        {
            "code": finding.code,
            "level": finding.level,
            "level_name": words.name("level", finding.level),
            "title": page(finding.code).title[lang],
            "where": finding.where,
            "evidence": finding.evidence(lang),
            "why": finding.why(lang),
            "fix": finding.fix(lang),
        }
        for finding in facts.findings
    ]
    return {"say": words.many("findings.say", len(rows)), "rows": rows}
