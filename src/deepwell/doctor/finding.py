"""A finding: what was seen, where, why it matters, and the fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["stop", "warn", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        code: of the catalogue of faults, such as ``D19``.
        level: ``stop``: provably wrong, training is refused; ``warn``: strong evidence; ``note``: worth knowing.
        where: the layer, part, class or samples.
        evidence: what was measured, in numbers.
        advice: what to do.

    >>> print(Finding("D23", "warn", "validation part", "20 samples", "hold out more"))
    warn D23 validation part: 20 samples. hold out more
    """

    code: str
    level: Level
    where: str
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.level} {self.code} {self.where}: {self.evidence}. {self.advice}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return asdict(self)
