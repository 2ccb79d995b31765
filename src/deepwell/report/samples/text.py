"""Texts, shortened where they are long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepwell.report.facts import Histogram, Sample
from deepwell.report.samples.binned import binned

_LONGEST = 700


def show(input: Any, raw: Any, name: str) -> Sample:
    """The text itself."""
    return Sample(name, text=shortened(str(raw)))


def shortened(text: str) -> str:
    """A text of at most 700 characters.

    >>> len(shortened("a" * 1000)), shortened("short")
    (701, 'short')
    """
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def sizes(rows: Any, raw: Sequence[Any]) -> list[Histogram]:
    """Lengths, as the network reads them."""
    lengths = getattr(rows, "lengths", None)
    return [] if lengths is None else binned("length", np.asarray(lengths))
