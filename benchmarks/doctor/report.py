"""The table of a run: rates by half, by stage and by code, what was missed, and who was disturbed for nothing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any


def rate(hits: int, of: int) -> str:
    """A share with its 95 % interval (Wilson 1927)."""
    if not of:
        return "-"
    p, z = hits / of, 1.96
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    width = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{hits}/{of} = {p:.1%} ({max(0, middle - width):.0%}-{min(1, middle + width):.0%})"


def text(rows: Sequence[Any], seconds: float) -> str:
    """Everything, for people."""
    lines: list[str] = []
    for half in ("development", "held-out"):
        mutants = [row for row in rows if row.half == half and row.operator]
        healthy = [row for row in rows if row.half == half and not row.operator]
        if not mutants and not healthy:
            continue
        lines += [f"== {half}", ""]
        lines += _rates(mutants)
        lines += _healthy(healthy)
        lines += _by_code(mutants)
        lines += _misses(mutants)
    times = sorted(row.seconds for row in rows if row.seconds)
    if times:
        slow = max(rows, key=lambda row: row.seconds)
        lines.append(
            f"examine: median {statistics.median(times):.2f} s, largest {times[-1]:.2f} s "
            f"({slow.program}{' with ' + slow.operator if slow.operator else ''}), {len(times)} calls"
        )
    lines.append(f"the whole run: {seconds / 60:.1f} minutes")
    return "\n".join(lines)


def _rates(rows: Sequence[Any]) -> list[str]:
    lines = []
    for stage, words in (("preflight", "known before training"), ("training", "shown in training")):
        some = [row for row in rows if row.stage == stage]
        if not some:
            continue
        hits = sum(row.hit for row in some)
        lines.append(f"{words:24s} named {rate(hits, len(some))}, with notes {sum(r.noted for r in some)}")
        if stage == "preflight":
            lines.append(f"{'':24s} or by the watch {sum(row.hit or row.late for row in some)}")
        silent = [row for row in some if not row.why.startswith(("crash", "refused"))]
        words = "  no error without us"
        lines.append(f"{words:24s} named {rate(sum(row.hit for row in silent), len(silent))}")
        for loop in ("plain", "learner"):
            own = [row for row in some if row.loop == loop]
            lines.append(f"{'  ' + loop:24s} named {rate(sum(row.hit for row in own), len(own))}")
    wrong = [row for row in rows if row.wrong]
    if rows:
        lines.append(f"{'a wrong cause':24s} in {rate(len(wrong), len(rows))}")
    return [*lines, ""]


def _healthy(rows: Sequence[Any]) -> list[str]:
    if not rows:
        return []
    bad = [row for row in rows if row.wrong or row.raised]
    lines = [f"healthy programs with a stop or a warning: {rate(len(bad), len(rows))}"]
    for row in bad:
        loud = [f for f in [*row.before, *row.during] if f[0] != "note"]
        lines += [f"  {row.program}: {text[:170]}" for _, _, text in loud] or [f"  {row.program}: {row.raised}"]
    return [*lines, ""]


def _by_code(rows: Sequence[Any]) -> list[str]:
    lines = ["code stage      mutants named noted  operators"]
    for code, stage in sorted({(row.code, row.stage) for row in rows}):
        some = [row for row in rows if (row.code, row.stage) == (code, stage)]
        names = ", ".join(sorted({row.operator for row in some}))
        hits, noted = sum(row.hit for row in some), sum(row.noted for row in some)
        lines.append(f"{code}  {stage:10s} {len(some):7d} {hits:5d} {noted:5d}  {names}")
    return [*lines, ""]


def _misses(rows: Sequence[Any]) -> list[str]:
    missed = [row for row in rows if not row.hit]
    lines = [f"{len(missed)} misses (expected; what was found)"]
    for row in missed:
        found = sorted({f"{level} {code}" for level, code, _ in [*row.before, *row.during]})
        said = ", ".join(found) or (f"raised {row.raised}" if row.raised else "nothing")
        lines.append(f"  {row.program} | {row.operator} | {'/'.join(row.right)} | {said[:150]}")
    also = [row for row in rows if row.hit and row.wrong]
    lines += ["", f"{len(also)} named with a wrong cause beside it"]
    lines += [f"  {row.program} | {row.operator} | {'/'.join(row.right)} | {sorted(row.wrong)}" for row in also]
    return [*lines, ""]
