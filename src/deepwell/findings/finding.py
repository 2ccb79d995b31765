"""A finding: what was seen, where, and by the page of its code why it matters and how it is mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deepwell.findings.pages import page
from deepwell.findings.words import Language, language

Level = Literal["stop", "warn", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        code: of the catalogue of faults, such as ``D19``.
        level: ``stop``: provably wrong, training is refused; ``warn``: two independent signals; ``note``: worth
            knowing.
        where: the layer, part, column, file or samples.
        saw: which of the page's sentences says what was seen.
        values: the numbers of that sentence.

    >>> finding = Finding("M01", "stop", "output", "probabilities", {"floor": 1.4612})
    >>> print(finding.evidence("en").split(":")[0])
    the scores are probabilities already (none negative, each row sums to 1)
    """

    code: str
    level: Level
    where: str
    saw: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def evidence(self, lang: Language | None = None) -> str:
        """What was measured, in words and numbers."""
        return page(self.code).evidence(self.saw, self.values, lang)

    def why(self, lang: Language | None = None) -> str:
        """Why it matters."""
        return page(self.code).why[lang or language()]

    def fix(self, lang: Language | None = None) -> str:
        """What to do about it."""
        return page(self.code).remedy(self.saw, self.values, lang)

    def __str__(self) -> str:
        allow = f" (--allow {self.code} to go on all the same)" if self.level == "stop" else ""
        return f"{self.level} {self.code} {self.where}: {self.evidence()}\n    -> {self.fix()}{allow}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return {
            "code": self.code,
            "level": self.level,
            "where": self.where,
            "saw": self.saw,
            "values": dict(self.values),
            "evidence": self.evidence(),
            "why": self.why(),
            "fix": self.fix(),
        }


_ORDER = {"stop": 0, "warn": 1, "note": 2}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by level, each code, place and sentence once."""
    seen: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.code, finding.where, finding.saw), finding)
    return sorted(seen.values(), key=lambda finding: _ORDER[finding.level])
