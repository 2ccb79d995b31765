"""The page: facts in, one HTML string out; nothing in it is fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from types import ModuleType
from typing import Any

from deepwell.core.errors import UserError
from deepwell.findings.words import Language
from deepwell.report.facts import ReportFacts
from deepwell.report.html import Html
from deepwell.report.outputs import OUTPUTS
from deepwell.report.sections import (
    baselines,
    calibration,
    classes,
    confusion,
    curves,
    data,
    findings,
    labels,
    mistakes,
    repeat,
    slices,
    summary,
    time,
    uses,
)
from deepwell.report.words import LANGUAGES, Words

SECTIONS: dict[str, ModuleType] = {
    "summary": summary,
    "curves": curves,
    "time": time,
    "confusion": confusion,
    "classes": classes,
    "calibration": calibration,
    "baselines": baselines,
    "mistakes": mistakes,
    "labels": labels,
    "slices": slices,
    "findings": findings,
    "data": data,
    "uses": uses,
    "repeat": repeat,
}


def render(facts: ReportFacts, language: Language = "en") -> str:
    """The page as one HTML string, in UTF-8 when written.

    Every text that comes from data is escaped, and the page forbids itself by its content security policy to load
    anything or to run a script other than its own.

    Args:
        facts: of the run.
        language: ``en`` or ``zh``.

    Raises:
        UserError: another language, a kind of answer without a page, or Jinja2 is missing.
    """
    if language not in LANGUAGES:
        raise UserError(f"language '{language}' is unknown", expected="en or zh", fix="give --lang en or --lang zh")
    if facts.output not in OUTPUTS:
        raise UserError(f"there is no report for {facts.output} yet", expected=f"one of {', '.join(OUTPUTS)}")
    words = Words(language)
    script = _text("script.js")
    found = [(name, SECTIONS[name].view(facts, words)) for name in OUTPUTS[facts.output].SECTIONS]
    return str(
        _environment()
        .get_template("page.html")
        .render(
            t=words,
            facts=facts,
            run_name=PurePath(facts.run).name,
            language={"en": "en", "zh": "zh-Hans"}[language],
            task=words.name("task", f"{facts.input}-{facts.output}"),
            sections=[{"id": name, "title": v.get("title") or words(f"{name}.title"), "v": v} for name, v in found],
            style=Html(_text("style.css")),
            script=Html(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


@cache
def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        raise UserError("a report needs Jinja2, which is not installed", fix='pip install "deepwell[report]"') from None
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _text(name: str) -> str:
    place = files("deepwell.report") / "templates"
    for piece in name.split("/"):
        place = place / piece
    return place.read_text(encoding="utf-8")
