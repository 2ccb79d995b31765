"""Trees, by their words and brackets."""

from __future__ import annotations

from typing import Any

from deepwell.report.facts import Sample
from deepwell.report.samples.text import shortened, sizes

__all__ = ["show", "sizes"]


def show(input: Any, raw: Any, name: str) -> Sample:
    """The tree in brackets."""
    return Sample(name, text=shortened(str(raw)))
