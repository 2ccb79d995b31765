"""The rules of tag schemes: which letters there are, and which may stand next to each other."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from deepwell.core.errors import unknown_name

SCHEMES = {
    "bio": "bio",
    "iob2": "bio",
    "iob1": "iob1",
    "bioes": "bioes",
    "iobes": "bioes",
    "bmes": "bioes",
    "plain": "plain",
}
"""Each name of a scheme and the scheme that it means."""


class Rules(NamedTuple):
    """Letters of a scheme: all, those that leave a span open, those that need an open span of their type before them,
    and whether an open span must be gone on with."""

    letters: str
    leaves_open: str
    continues: str
    must_close: bool


RULES = {
    "bio": Rules("BI", "BI", "I", False),
    "iob1": Rules("BI", "BI", "B", False),
    "bioes": Rules("BIMES", "BIM", "IME", True),
}


class Tag(NamedTuple):
    """A tag in its parts; of O both are empty."""

    letter: str
    type: str

    @property
    def of_type(self) -> str:
        """For a message."""
        return f"of type {self.type} " if self.type else ""

    def opens(self, rules: Rules) -> bool:
        """Whether it leaves a span open."""
        return self.letter != "" and self.letter in rules.leaves_open

    def continues(self, rules: Rules) -> bool:
        """Whether it needs an open span before it."""
        return self.letter != "" and self.letter in rules.continues


OUTSIDE = Tag("", "")


def known(scheme: str) -> str:
    """The scheme that a name means.

    Raises:
        UserError: an unknown name.

    >>> known("iob2")
    'bio'
    """
    if scheme not in SCHEMES:
        raise unknown_name("scheme of tags", scheme, SCHEMES)
    return SCHEMES[scheme]


def split(tag: str, letters: str = "BIMES") -> Tag | None:
    """The parts of a tag; None where it is neither O nor one of the letters, with a type or bare."""
    if tag == "O":
        return OUTSIDE
    letter, hyphen, kind = tag.partition("-")
    right = len(letter) == 1 and letter in letters and bool(kind) == bool(hyphen)
    return Tag(letter, kind) if right else None


def forms(rules: Rules) -> str:
    """The scheme's tags but O, for a message."""
    return ", ".join(f"{letter}-TYPE" for letter in rules.letters) + " (or the letters alone)"


@lru_cache(maxsize=1 << 16)
def faults(name: str, before: str, after: str) -> tuple[str, str]:
    """What is wrong with ``before`` if ``after`` follows, and with ``after``; empty where nothing is.

    Every rule is one of neighbours, and the edges of a sentence are as an O.
    """
    if name == "plain":
        return "", ""
    rules = RULES[name]
    first, second = split(before, rules.letters), split(after, rules.letters)
    joined = first and second and first.type == second.type and first.opens(rules) and second.continues(rules)
    left = right = ""
    if first and not joined and rules.must_close and first.opens(rules):
        left = f"its span {first.of_type}is not closed: no E follows"
    if not second:
        right = f"not a tag of {name}, whose tags are O and {forms(rules)}"
    elif not joined and second.continues(rules):
        right = f"no span {second.of_type}is open before it"
    return left, right
