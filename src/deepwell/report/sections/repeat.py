"""Settings, versions, and the command that makes the run again."""

from __future__ import annotations

from typing import Any

from deepwell.report import numbers
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """Settings that say something, versions, the command."""
    return {
        "say": words("repeat.say" if facts.command else "repeat.memory"),
        "command": facts.command,
        # lines break between options alone
        "pieces": facts.command.split(" --")[:1] + ["--" + piece for piece in facts.command.split(" --")[1:]],
        "why": facts.why,
        "settings": [(name, _told(value)) for name, value in facts.settings.items() if _says(value)],
        "versions": list(facts.versions.items()),
    }


def _says(value: Any) -> bool:
    """0 is a choice; what was left open or off says nothing."""
    return value is not None and value is not False and value != ""


def _told(value: Any) -> str:
    return numbers.short(value) if isinstance(value, float) else str(value)
