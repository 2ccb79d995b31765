"""The catalogue: what each fault is, why it matters and how it is mended; one file a code in ``pages/``."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from deepwell.core.errors import UserError
from deepwell.findings.words import Language, language

_PLACE = files("deepwell.findings") / "pages"


@dataclass(frozen=True)
class Page:
    """What is known of one fault. Every text is a mapping from language to words.

    Attributes:
        code: of the catalogue, such as ``M01``.
        title: the fault in a few words.
        why: what it costs, and how it shows.
        fix: what to do, where a finding has nothing more exact to say.
        wrong, right: a short example in Python, before and after; "" where code says nothing.
        saw: what findings of this code say, by the name of what was seen: ``en`` and ``zh`` with places for numbers
            (``str.format``), and ``fix_en``, ``fix_zh`` where the fix is another than the page's.
        coverage: how the fault is met: ``own`` (deepwell's own loop), ``foreign`` (somebody else's loop), ``how``.
    """

    code: str
    title: Mapping[str, str]
    why: Mapping[str, str]
    fix: Mapping[str, str]
    wrong: str
    right: str
    saw: Mapping[str, Mapping[str, str]]
    coverage: Mapping[str, str]

    def evidence(self, saw: str, values: Mapping[str, Any], lang: Language | None = None) -> str:
        """What was seen, in words: the template named ``saw`` with its numbers."""
        return self.saw[saw][lang or language()].format(**values)

    def remedy(self, saw: str, values: Mapping[str, Any], lang: Language | None = None) -> str:
        """What to do: the fix of ``saw`` where it has its own, else the page's."""
        lang = lang or language()
        return self.saw[saw].get(f"fix_{lang}", self.fix[lang]).format(**values)


@cache
def _read(code: str) -> Page:
    entry = tomllib.loads((_PLACE / f"{code}.toml").read_text(encoding="utf-8"))
    return Page(code=code, **{"saw": {}} | entry)


@cache
def pages() -> Mapping[str, Page]:
    """All pages by code: data, model, optimisation, evaluation, reproducing, shipping, and the doctor's own."""
    codes = [place.name.removesuffix(".toml") for place in _PLACE.iterdir() if place.name.endswith(".toml")]
    return {code: _read(code) for code in sorted(codes, key=lambda code: ("DMOERXC".index(code[0]), code))}


def known_codes(given: str | Collection[str]) -> frozenset[str]:
    """Codes as a user gives them, one or several: a misspelt one would allow nothing without a word.

    Raises:
        UserError: a code that the catalogue does not have.

    >>> sorted(known_codes("m01"))
    ['M01']
    """
    return frozenset(page(code).code for code in ([given] if isinstance(given, str) else given))


def page(code: str) -> Page:
    """The page of one code.

    Raises:
        UserError: no such code; names the nearest.

    >>> page("M01").title["en"]
    'Softmax before a loss that applies softmax itself'
    """
    if (_PLACE / f"{code.upper()}.toml").is_file():
        return _read(code.upper())
    known = pages()
    same = [name for name in known if name[:1] == code[:1].upper()]
    raise UserError(
        f"there is no finding '{code}'",
        expected="a letter of D, M, O, E, R, X and two digits, such as " + ", ".join((same or list(known))[:5]),
        fix="list them all: deepwell explain-code",
    )
