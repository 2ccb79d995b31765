"""The wrong answers of which the model was surest."""

from __future__ import annotations

import base64
from typing import Any

from deepwell.metrics.spans import Span
from deepwell.report import numbers
from deepwell.report.facts import Mistake, ReportFacts
from deepwell.report.html import Html
from deepwell.report.words import Words

_SIDE = 112


def view(facts: ReportFacts, words: Words) -> dict[str, Any]:
    """A card a mistake."""
    if not facts.wrong:
        return {"say": words("mistakes.none"), "cards": []}
    shown, wrong = len(facts.mistakes), numbers.count(facts.wrong)
    say = words("mistakes.say", shown=shown, wrong=wrong, things=words.name("things", facts.input))
    if any(mistake.attribution is not None for mistake in facts.mistakes):
        say += words("sentence_gap") + words(f"mistakes.attributions_{'image' if facts.input == 'image' else 'words'}")
    return {"say": say, "cards": [_card(mistake, words) for mistake in facts.mistakes]}


def _card(mistake: Mistake, words: Words) -> dict[str, Any]:
    found: dict[str, Any] = {
        "sample": mistake.sample,
        "given": ", ".join(mistake.given) or words("mistakes.nothing"),
        "answered": ", ".join(mistake.answered) or words("mistakes.nothing"),
        "confidence": None if mistake.confidence is None else numbers.percent(mistake.confidence, 1),
        "chance": None if mistake.chance is None else numbers.percent(mistake.chance, 1),
        "heat": "",
        "attribution": None,
    }
    if mistake.attribution is not None and mistake.sample.picture:
        found["heat"] = data_uri(mistake.attribution.picture(_SIDE))
    elif mistake.attribution is not None:
        found["attribution"] = Html(mistake.attribution.html(words.language))
    if mistake.sample.words:
        given, answered = set(mistake.given_spans), set(mistake.answered_spans)
        found["lines"] = [
            (words("mistakes.given"), marked(mistake.sample.words, mistake.given_spans, answered)),
            (words("mistakes.answered"), marked(mistake.sample.words, mistake.answered_spans, given)),
        ]
    return found


def data_uri(png: bytes) -> str:
    """A PNG file as the address of a picture.

    >>> data_uri(b"abc")
    'data:image/png;base64,YWJj'
    """
    return "data:image/png;base64," + base64.b64encode(png).decode()


def marked(sentence: tuple[str, ...], spans: tuple[Span, ...], others: set[Span]) -> list[dict[str, Any]]:
    """A sentence in pieces: words outside of spans, and spans, each with whether the other side has it too.

    >>> [piece["text"] for piece in marked(("in", "New", "York"), (Span(1, 3, "LOC"),), set())]
    ['in', 'New York']
    """
    pieces: list[dict[str, Any]] = []
    at = 0
    for span in sorted(spans):
        if span.start < at:
            continue
        if span.start > at:
            pieces.append({"text": _joined(sentence[at : span.start]), "kind": None})
        text = _joined(sentence[span.start : span.stop])
        pieces.append({"text": text, "kind": span.type, "right": span in others})
        at = span.stop
    if at < len(sentence):
        pieces.append({"text": _joined(sentence[at:]), "kind": None})
    return pieces


def _joined(words: tuple[str, ...]) -> str:
    """Words with blanks between them, but none between ideographs."""
    text = ""
    for word in words:
        close = not text or (ord(text[-1]) > 0x2E7F and ord(word[:1] or " ") > 0x2E7F)
        text += word if close else " " + word
    return text
