"""HTML and SVG made in Python: elements as text that is escaped once, and told apart from what still must be."""

from __future__ import annotations

from html import escape
from typing import Any


class Html(str):
    """Markup that is finished: templates and ``tag`` take it as it is, and escape every other text.

    >>> str(tag("b", "1 < 2"))
    '<b>1 &lt; 2</b>'
    """

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def tag(name: str, *inside: Any, **attributes: Any) -> Html:
    """An element; what is inside and the values of attributes are escaped unless they are ``Html``.

    Args:
        name: of the element.
        inside: texts, numbers and elements; None is left out.
        attributes: ``_`` in their names becomes ``-``, a last ``_`` is dropped; None leaves one out, floats are
            rounded to a hundredth of a pixel.

    >>> print(tag("text", "a & b", x=1.23456, text_anchor="end", class_="tick"))
    <text x="1.23" text-anchor="end" class="tick">a &amp; b</text>
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{joined(inside)}</{name}>")


def joined(pieces: Any) -> Html:
    """Several pieces one after the other, each escaped unless it is ``Html``."""
    there = (piece for piece in pieces if piece is not None)
    return Html("".join(piece if isinstance(piece, Html) else escape(str(piece)) for piece in there))


def _shown(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
