"""What is wrong with texts and rows of ids: empty, cut off, cut into words by rules of another language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import Part
from deepwell.doctor.data.probe import taken
from deepwell.findings import Finding, Level

_LOOKED_AT = 2_000
_LONG = 8.0


def empty(case: Case) -> Iterator[Finding]:
    """D30: texts without a word, rows of padding alone."""
    part = case.train
    if part.kind not in ("texts", "words", "ids"):
        return
    if part.kind == "ids":
        bare = np.flatnonzero((part.x.reshape(len(part), -1) == case.said.padding).all(1))
    else:
        bare = np.array([i for i, text in enumerate(part.x) if not (text.strip() if isinstance(text, str) else text)])
    if not len(bare) or len(bare) == len(part):
        return
    labels = set(case.labels["train"][bare].tolist()) if case.answer == "classes" else set()
    level: Level = "warn" if len(labels) > 1 and len(bare) >= max(3, 0.005 * len(part)) else "note"
    found = {"count": len(bare), "of": len(part), "row": part.row(int(bare[0])), "labels": len(labels)}
    yield Finding("D30", level, part.name, "empty", found)


def truncated(case: Case) -> Iterator[Finding]:
    """D28: many rows of ids are full to the last place while others are padded: the longer ones were cut there."""
    part = case.train
    if part.kind != "ids" or part.x.ndim != 2 or part.x.shape[1] < 8:
        return
    x = part.x[part.sample(_LOOKED_AT, case.said.seed)]
    inside = x != case.said.padding
    # padding is at the end of a row, or at its beginning; a row that is full has neither
    padded = ~inside[:, -1] | ~inside[:, 0]
    full = float((~padded).mean())
    if 0.2 <= full <= 0.95 and padded.sum() >= 10:
        found = {"share": full, "length": x.shape[1], "looked": len(x), "of": part.total}
        yield Finding("D28", "note", part.name, "full", found)


def cutting(case: Case) -> Iterator[Finding]:
    """D29: tokens of whole clauses in a language without spaces; held-out texts of unknown tokens."""
    part = case.train
    if part.kind not in ("texts", "words") or (part.kind == "texts" and case.said.tokenise is None):
        return
    train = _cut(case, part)
    long, share = clauses(train)
    if long > _LONG and share > 0.5:
        yield Finding("D29", "warn", part.name, "clauses", {"characters": long, "share": share, "looked": len(train)})
    known = {token for row in train for token in row}
    for other in case.held_out:
        rows = _cut(case, other)
        total = sum(map(len, rows))
        unknown = sum(token not in known for row in rows for token in row) / max(total, 1)
        if total >= 100 and unknown > 0.3 and len(train) >= 500:
            yield Finding("D29", "note", other.name, "unknown", {"share": unknown, "looked": len(rows)})


def _cut(case: Case, part: Part) -> list[list[str]]:
    rows = taken(part.x, part.sample(_LOOKED_AT, case.said.seed))
    return [list(row) if part.kind == "words" else list(case.said.tokenise(row)) for row in rows]


def clauses(rows: Sequence[Sequence[Any]]) -> tuple[float, float]:
    """Mean length of the tokens that hold Chinese, Japanese or Thai letters, and their share of all tokens.

    >>> clauses([["今天天气很好我们去公园", "ok"]])
    (11.0, 0.5)
    """
    lengths = [len(str(token)) for row in rows for token in row if any(_unspaced(c) for c in str(token)[:20])]
    total = sum(map(len, rows))
    return (float(np.mean(lengths)), len(lengths) / total) if lengths else (0.0, 0.0)


def _unspaced(character: str) -> bool:
    """Whether a letter is of a script that is written without spaces between words."""
    code = ord(character)
    return 0x4E00 <= code <= 0x9FFF or 0x3040 <= code <= 0x30FF or 0x0E00 <= code <= 0x0E7F or 0x3400 <= code <= 0x4DBF
