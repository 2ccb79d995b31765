"""Where the time went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepwell.report import numbers
from deepwell.report.charts.bars import shares
from deepwell.report.charts.lines import Line, lines
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """One bar of the whole time, and samples a second over the epochs."""
    rows = [row for row in facts.training.epochs if row.get("seconds")]
    if not rows:
        return {"say": words("time.none")}
    training = sum(row["seconds"] for row in rows)
    data = sum(row["seconds"] * row.get("data_share", 0.0) for row in rows)
    validation = sum(row.get("validation_seconds", 0.0) for row in rows)
    whole = max(facts.training.seconds or 0.0, training + validation)
    pieces = [
        ("steps", training - data),
        ("data", data),
        ("validation", validation),
        ("rest", whole - training - validation),
    ]
    pieces = [(name, size) for name, size in pieces if size >= 0.0005 * whole]
    speed = [row.get("samples_per_second", float("nan")) for row in rows]
    middle = sorted(speed)[len(speed) // 2]
    return {
        "say": words(
            "time.say",
            whole=numbers.seconds(whole),
            epochs=len(rows),
            speed=numbers.count(middle),
            things=words.name("things", facts.input),
        ),
        "bar": shares(words("time.title"), [(words(f"time.{name}"), size) for name, size in pieces]),
        "pieces": [
            {"name": words(f"time.{name}"), "seconds": numbers.seconds(size), "share": numbers.percent(size / whole, 1)}
            for name, size in pieces
        ],
        "speed": lines(
            words("time.speed"),
            words("curves.epoch"),
            words("time.speed"),
            [Line(words.name("part", "train"), speed, "first")],
            from_zero=True,
        )
        if len(rows) > 1
        else None,
        "step": _step(facts.training.step, words),
        "events": facts.training.events,
    }


def _step(chosen: Mapping[str, Any], words: Words) -> str:
    """How steps were made, in words; "" where nobody wrote it down."""
    if not chosen:
        return ""
    names = ("channels_last" if chosen.get("channels_last") else "channels_first",
             "bfloat16" if chosen.get("bfloat16") else "float32")  # fmt: skip
    found = [words(f"time.{name}") for name in names] + [words.many("time.threads", int(chosen.get("threads", 1)))]
    return words("listed").join(found)
