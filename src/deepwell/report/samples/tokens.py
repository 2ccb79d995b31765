"""Sentences, word by word."""

from __future__ import annotations

from typing import Any

from deepwell.report.facts import Sample
from deepwell.report.samples.text import sizes

__all__ = ["show", "sizes"]


def show(input: Any, raw: Any, name: str) -> Sample:
    """The words, as the input cuts them."""
    return Sample(name, words=tuple(word[0] for word in input.positions([raw])[0]))
