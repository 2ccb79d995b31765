"""The error that ends a loop which is provably wrong."""

from __future__ import annotations

from deepwell.findings import Finding


class Stopped(Exception):
    """The training is provably wrong; ``finding`` says what was seen."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding
