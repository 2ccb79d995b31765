"""Raw samples as they were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Source:
    """Raw samples and labels, and what was recognised.

    Attributes:
        name: short, for the run's folder.
        kind: of the input, a name of ``inputs.INPUTS``: ``image``, ``text``, ``tokens``, ``tree``.
        x: raw samples, with a length and by number: paths, an array [n, ...], pictures, or rows of a torch dataset;
            strings; lists of words; ``data.tree.Tree``.
        y: one raw answer a sample: a label, a list of labels, or a list of tags, one a word; None where there are none.
        parts: ``train``, ``validation`` or ``test`` for each sample where the source is split already.
        origin: path or name by which to open it again; "" for what was in memory.
        found: one sentence: what was recognised.
        notes: what a person should know.
        groups: a document, author or other group for each sample: one group stays on one side of the split.
        answer: of the output, a name of ``outputs.OUTPUTS``: ``category``, ``tags``.
    """

    name: str
    kind: str
    x: Any
    y: Any
    parts: Sequence[str] | None = None
    origin: str = ""
    found: str = ""
    notes: tuple[str, ...] = ()
    answer: str = "category"
    groups: Sequence[Any] | None = None
