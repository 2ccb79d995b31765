"""The explanation of an answer to a text, a sentence or a tree: a weight for each of its pieces."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar, NamedTuple

from deepwell.explain.colour import AGAINST, FOR
from deepwell.explain.explanation import short
from deepwell.explain.language import method_name, say
from deepwell.explain.words_svg import drawn

_STRONGEST = 0.6
"""How opaque the colour of the strongest word is: its letters stay readable on light and dark pages."""


class Weight(NamedTuple):
    """A piece of a text, ``text[start:stop]``, and what it adds to the logarithm of the answer's odds."""

    text: str
    start: int
    stop: int
    weight: float


@dataclass(frozen=True, eq=False)
class WordsExplanation:
    """Implements ``explanation.Explanation``.

    Attributes:
        values: the pieces in the order in which they are read.
        text: what the pieces are cut from.
    """

    kind: ClassVar[str] = "words"
    suffix: ClassVar[str] = ".svg"
    method: str
    target: str
    confidence: float
    values: list[Weight]
    text: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def signed(self) -> bool:
        """Weights below 0 speak against the answer."""
        return True

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``values`` is a list of objects with text, start, stop and weight."""
        return {
            "kind": self.kind,
            "method": self.method,
            "target": self.target,
            "confidence": self.confidence,
            "signed": self.signed,
            "details": self.details,
            "text": self.text,
            "values": [{**value._asdict(), "weight": short(value.weight)} for value in self.values],
        }

    def shades(self) -> list[tuple[str, float]]:
        """The whole text in pieces, in its order, each with its strength from -1 to 1; what lies between words has 0.

        >>> WordsExplanation("occlusion", "x", 0.5, [Weight("b", 1, 2, -2.0)], "abc").shades()
        [('a', 0.0), ('b', -1.0), ('c', 0.0)]
        """
        most = max((abs(value.weight) for value in self.values), default=0.0) or 1.0
        found, at = [], 0
        for value in sorted(self.values, key=lambda value: value.start):
            if value.stop <= at:  # special tokens have no letters, and bytes of one character share its place
                continue
            start = max(at, value.start)
            if start > at:
                found.append((self.text[at:start], 0.0))
            found.append((self.text[start : value.stop], value.weight / most))
            at = value.stop
        return [*found, (self.text[at:], 0.0)] if at < len(self.text) else found

    def picture(self, side: int = 224) -> bytes:
        """SVG, in the letters of whoever looks at it: no font is needed to write it, whatever the script.

        Args:
            side: a measure of the size: the width is three times as many pixels, the height what the text needs.
        """
        return drawn(self.shades(), width=3 * side).encode("utf-8", "replace")

    def html(self, lang: str = "en") -> str:
        """A figure with the text, each piece on its colour, and a caption."""
        name = method_name(self.method, lang)
        caption = say("caption", lang, target=self.target, confidence=self.confidence, method=name)
        pieces = "".join(_marked(text, strength) for text, strength in self.shades())
        key = (
            f'<span style="background:{_css(1.0)}">{say("for", lang)}</span> '
            f'<span style="background:{_css(-1.0)}">{say("against", lang)}</span>'
        )
        return (
            f'<figure class="explanation"><p dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere">{pieces}'
            f"</p><figcaption>{escape(caption)} · {key}</figcaption></figure>"
        )

    def sentence(self, lang: str = "en") -> str:
        """The three pieces that speak most for the answer, and the two that speak most against it."""
        order = sorted((value for value in self.values if value.text.strip()), key=lambda value: value.weight)
        return say(
            "words",
            lang,
            target=self.target,
            confidence=self.confidence,
            words_for=_listed([v for v in reversed(order[-3:]) if v.weight > 0], lang),
            words_against=_listed([v for v in order[:2] if v.weight < 0], lang),
        )


def _listed(values: list[Weight], lang: str) -> str:
    words = [say("word", lang, text=value.text, weight=value.weight) for value in values]
    return say("comma", lang).join(words) or say("nothing", lang)


def _marked(text: str, strength: float) -> str:
    if not round(strength, 2):
        return escape(text)
    return f'<span style="background:{_css(strength)}">{escape(text)}</span>'


def _css(strength: float) -> str:
    red, green, blue = FOR if strength > 0 else AGAINST
    return f"rgba({red},{green},{blue},{abs(strength) * _STRONGEST:.2f})"
