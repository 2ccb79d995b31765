"""Tags that break every scheme of spans, and sentences whose tags are not as many as their words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from deepwell.doctor.data.case import Case
from deepwell.findings import Finding

_SPAN = re.compile(r"^(?:O|[BIEMS]-.+)$")
_FEW = 5_000


def tag_rules(case: Case) -> Iterator[Finding]:
    """D35: by the scheme that fewest tags break, of BIO (IOB2), IOB1 and BIOES."""
    if case.answer != "tags":
        return
    for part in case.parts.values():
        if part.kind == "words":
            other = [i for i, (x, y) in enumerate(zip(part.x, part.y, strict=False)) if len(x) != len(y)]
            if other:
                row = other[0]
                found: dict[str, Any] = {"count": len(other), "of": len(part), "row": part.row(row)}
                found |= {"words": len(part.x[row]), "tags": len(part.y[row])}
                yield Finding("D35", "stop", part.name, "lengths", found)
                continue
        rows = [list(row) for row in part.y[:_FEW]]
        tags = {tag for row in rows for tag in row}
        if not tags or not all(_SPAN.match(tag) for tag in tags) or tags <= {"O"}:
            continue
        scheme, broken = best_scheme(rows)
        if broken:
            row, place = broken[0]
            found = {"count": len(broken), "scheme": scheme, "row": part.row(row), "place": place, "looked": len(rows)}
            yield Finding("D35", "warn", part.name, "broken", {**found, "tag": rows[row][place]})


def best_scheme(rows: Sequence[Sequence[str]]) -> tuple[str, list[tuple[int, int]]]:
    """The scheme that fewest tags break, and where they break it: (row, place).

    >>> best_scheme([["B-X", "I-X", "O"]]), best_scheme([["O", "I-X"], ["B-X", "O"], ["B-X", "B-X"]])[0]
    (('bio', []), 'bio')
    """
    single = any(tag[:2] in ("E-", "S-", "M-") for row in rows for tag in row)
    schemes = ("bioes",) if single else ("bio", "iob1")
    found = {
        scheme: [(i, j) for i, row in enumerate(rows) for j in range(len(row)) if breaks(row, j, scheme)]
        for scheme in schemes
    }
    best = min(schemes, key=lambda scheme: len(found[scheme]))
    return best, found[best]


def breaks(row: Sequence[str], place: int, scheme: str) -> bool:
    """Whether a tag may not stand where it stands.

    - bio: I-X follows B-X or I-X.
    - iob1: B-X follows a span of X, as it only parts two neighbours.
    - bioes: I, M and E follow B, I or M of their type; B, I and M are followed by I, M or E of their type.
    """
    letter, kind = _parts(row[place])
    before = _parts(row[place - 1]) if place else ("O", "")
    after = _parts(row[place + 1]) if place + 1 < len(row) else ("O", "")
    if scheme == "bio":
        return letter == "I" and not (before[0] in "BI" and before[1] == kind)
    if scheme == "iob1":
        return letter == "B" and not (before[0] in "BI" and before[1] == kind)
    unopened = letter in "IME" and not (before[0] in "BIM" and before[1] == kind)
    unclosed = letter in "BIM" and not (after[0] in "IME" and after[1] == kind)
    return unopened or unclosed


def _parts(tag: str) -> tuple[str, str]:
    letter, _, kind = tag.partition("-")
    return letter, kind
