"""Whether the model is right as often as it claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepwell.report import numbers
from deepwell.report.charts.reliability import reliability
from deepwell.report.facts import ReportFacts
from deepwell.report.words import Words

_SMALL = 0.03
"""Calibration error up to which a stated confidence may be taken at its word."""


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """The curve, the error, and the temperature that was fitted."""
    bins = facts.evaluation.get("reliability") or []
    found: dict[str, Any] = {"say": verdict(facts, words) or words("calibration.none")}
    if bins:
        found["chart"] = reliability(
            bins,
            title=words("calibration.title"),
            confidence=words("calibration.confidence"),
            right=words("calibration.right"),
            samples=words("calibration.samples"),
            ideal=words("calibration.ideal"),
        )
    error, temperature = facts.evaluation.get("calibration_error"), facts.evaluation.get("temperature")
    if error is not None:
        found["error"] = {"value": error, "shown": numbers.figure(error)}
    if temperature is not None:
        found["temperature"] = {"value": temperature, "shown": numbers.figure(temperature, 3)}
        found["tempered"] = words("calibration.raw" if temperature == 1 else "calibration.tempered")
    fitted = facts.evaluation.get("calibration") or {}
    # where no answer was wrong, less sure answers have the larger loss, and are right to be less sure
    unerring = "no answer was wrong" in (fitted.get("note") or "")
    if temperature != 1 and fitted.get("before") and fitted.get("after") and not unerring:
        before, after = (numbers.figure(fitted[when]["calibration_error"]) for when in ("before", "after"))
        effect = words("calibration.effect", samples=numbers.count(fitted["samples"]), before=before, after=after)
        found["tempered"] += words("sentence_gap") + effect
    return found


def verdict(facts: ReportFacts, words: Words) -> str:
    """One sentence; "" where nothing is known of the confidence."""
    bins = facts.evaluation.get("reliability") or []
    samples = sum(one["samples"] for one in bins)
    error = facts.evaluation.get("calibration_error")
    if not samples or error is None:
        return ""
    claimed, right = _mean(bins, "confidence", samples), _mean(bins, "accuracy", samples)
    told = {"claimed": numbers.percent(claimed, 1), "right": numbers.percent(right, 1)}
    told["error"] = numbers.percent(error, 1)
    if error <= _SMALL:
        return words("calibration.good", **told)
    if claimed - right > error / 2:
        return words("calibration.boastful", **told)
    if right - claimed > error / 2:
        return words("calibration.timid", **told)
    return words("calibration.uneven", **told)


def _mean(bins: Sequence[Any], name: str, samples: int) -> float:
    return float(sum(one["samples"] * one[name] for one in bins if one["samples"]) / samples)
