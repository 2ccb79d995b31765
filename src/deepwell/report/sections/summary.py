"""The answer in a few sentences: what was trained, how good it is, whether that is more than simple models do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepwell.report import numbers
from deepwell.report.facts import ReportFacts
from deepwell.report.outputs import OUTPUTS
from deepwell.report.sections import baselines, calibration
from deepwell.report.words import Words

_SHARES = {"accuracy"}


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """Figures beside each other, and one sentence for each thing that one wants to know."""
    kind = OUTPUTS[facts.output]
    figures = [_figure(name, facts.evaluation, words) for name in kind.FIGURES if facts.evaluation.get(name)]
    return {
        "say": _trained(facts, words),
        "figures": figures,
        "sentences": [text for text in _sentences(facts, words) if text],
    }


def headline(facts: ReportFacts) -> str:
    """The score that the page speaks of: the first of its kind that was measured."""
    names = OUTPUTS[facts.output].FIGURES
    return next((name for name in names if isinstance(facts.evaluation.get(name), dict)), names[0])


def told(name: str, value: float) -> str:
    """A score as this page writes it: shares of samples as per cent, all others as they are."""
    return numbers.percent(value) if name in _SHARES else numbers.figure(value)


def _figure(name: str, evaluation: Mapping[str, Any], words: Words) -> dict[str, Any]:
    measured = evaluation[name]
    value = measured["value"] if isinstance(measured, dict) else measured
    found = {"name": name, "value": value, "shown": told(name, value), "title": words.name("figure", name)}
    if isinstance(measured, dict):
        found["interval"] = words.interval(measured["interval"], lambda end: told(name, end))
        found["ends"] = list(zip(("low", "high"), measured["interval"] or (), strict=False))
    elif name == "calibration_error" and evaluation.get("calibration_interval"):
        found["interval"], found["ends"] = words.interval(evaluation["calibration_interval"], numbers.figure), []
    return found


def _trained(facts: ReportFacts, words: Words) -> str:
    return words(
        f"summary.trained.{facts.output}",
        model=facts.model,
        parameters=numbers.short(facts.parameters),
        samples=numbers.count(facts.card.parts.get("train", 0)),
        things=words.name("things", facts.input),
        classes=numbers.count(len(facts.card.classes) or len(OUTPUTS[facts.output].rows(facts.evaluation))),
    )


def _sentences(facts: ReportFacts, words: Words) -> list[str]:
    name = headline(facts)
    measured = facts.evaluation[name]
    score = words(
        f"summary.score.{facts.output}",
        score=words.name("figure", name),
        value=told(name, measured["value"]),
        samples=numbers.count(measured_samples(facts)),
        part=words.name("part", facts.part),
    )
    if measured["interval"] is None:
        score += words("sentence_gap") + words("summary.no_luck")
    else:
        low, high = (told(name, end) for end in measured["interval"])
        score += words("sentence_gap") + words("summary.luck", low=low, high=high)
    found = [score, baselines.verdict(facts, words, name)]
    if "calibration" in OUTPUTS[facts.output].SECTIONS:
        found.append(calibration.verdict(facts, words))
    if facts.findings is not None:
        serious = sum(f.level in ("stop", "warn") for f in facts.findings)
        found.append(words.many("summary.findings", serious) if serious else words("summary.no_findings"))
    return found


def measured_samples(facts: ReportFacts) -> int:
    """How many samples the evaluation is of."""
    found = facts.evaluation
    return int(found["samples"] if "samples" in found else found["sentences"])
