"""Loss, score and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepwell.report.charts.lines import Line, lines
from deepwell.report.facts import ReportFacts
from deepwell.report.html import Html
from deepwell.report.outputs import OUTPUTS
from deepwell.report.words import Words


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """Up to three charts."""
    rows = facts.training.epochs
    if not rows:
        return {"say": words("curves.none"), "charts": []}
    charts = [_loss(facts, words), _score(facts, words), _rate(facts, words)]
    return {"say": _say(facts, words), "charts": [chart for chart in charts if chart is not None]}


def _say(facts: ReportFacts, words: Words) -> str:
    training = facts.training
    best, epochs = training.best_epoch, len(training.epochs)
    text = words("curves.best", best=best, epochs=epochs, monitor=_named(training.monitor, words))
    band = training.band
    if band is not None and 1 <= best <= len(band.low):
        floor = band.low[best - 1]
        near = [n for n, value in enumerate(_values(training.epochs, f"val_{band.metric}"), 1) if value >= floor]
        others = len([n for n in near if n != best])
        text += words("sentence_gap") + (words.many("curves.near", others) if others else words("curves.alone"))
    if training.stopped:
        text += words("sentence_gap") + words("curves.stopped")
    return text


def _named(monitor: str, words: Words) -> str:
    if monitor.startswith("val_"):
        return words("curves.validation_of", name=words.name("figure", monitor.removeprefix("val_")))
    return words.name("figure", monitor)


def _values(rows: Sequence[Any], name: str) -> list[float]:
    return [float(row[name]) if row.get(name) is not None else float("nan") for row in rows]


def _both(rows: Sequence[Any], name: str, words: Words) -> list[Line]:
    found = []
    if name in rows[-1]:
        found.append(Line(words.name("part", "train"), _values(rows, name), "second"))
    if f"val_{name}" in rows[-1]:
        found.append(Line(words.name("part", "validation"), _values(rows, f"val_{name}"), "first"))
    return found


def _loss(facts: ReportFacts, words: Words) -> Html | None:
    drawn = _both(facts.training.epochs, "loss", words)
    return _chart(facts, words, "loss", drawn) if drawn else None


def _score(facts: ReportFacts, words: Words) -> Html | None:
    rows = facts.training.epochs
    for name in OUTPUTS[facts.output].CURVES:
        if drawn := _both(rows, name, words):
            band = facts.training.band
            return _chart(facts, words, name, drawn, band if band is not None and band.metric == name else None)
    return None


def _chart(facts: ReportFacts, words: Words, name: str, drawn: list[Line], band: Any = None) -> Html:
    title = words.name("figure", name)
    return lines(
        title,
        words("curves.epoch"),
        title,
        drawn,
        band=None if band is None else (band.low, band.high),
        band_name=words("curves.noise"),
        best=facts.training.best_epoch or None,
        best_name=words("curves.best_mark"),
    )


def _rate(facts: ReportFacts, words: Words) -> Html | None:
    rows = facts.training.epochs
    if "learning_rate" not in rows[-1]:
        return None
    title = words("curves.learning_rate")
    return lines(
        title,
        words("curves.epoch"),
        title,
        [Line(words("curves.end_of_epoch"), _values(rows, "learning_rate"), "first")],
        from_zero=True,
    )
