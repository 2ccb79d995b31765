"""The fixed words of the page, in English and Chinese: one table each, with the same keys."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from deepwell.findings.words import Language

LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Words:
    """Sentences by key.

    >>> Words("en")("contents"), Words("zh")("contents")
    ('Contents', '目录')
    """

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._table = table(language)

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key with its places filled; an unknown key is an error of the program."""
        return self._table[key].format(**values)

    def many(self, key: str, number: int, **values: Any) -> str:
        """The text for a number of things: ``KEY.one`` for one of them, ``KEY.many`` else, with ``number`` filled."""
        return self(f"{key}.{'one' if number == 1 else 'many'}", number=f"{number:,}", **values)

    def interval(self, ends: Sequence[float] | None, tell: Callable[[float], str]) -> str:
        """Both ends of a 95 % interval, each as ``tell`` writes it; where there is none, why.

        >>> Words("en").interval([0.1, 0.25], "{:.2f}".format)
        '0.10–0.25'
        """
        return self("no_interval") if ends is None else self("interval", low=tell(ends[0]), high=tell(ends[1]))

    def name(self, kind: str, name: str) -> str:
        """What a thing of the program is called, by ``KIND.NAME``; its own name where the table has none."""
        return self._table.get(f"{kind}.{name}", name.replace("_", " "))


@cache
def table(language: Language) -> dict[str, str]:
    """All texts of one language by their dotted keys."""
    place = files("deepwell.report.words") / f"{language}.toml"
    return dict(_flat(tomllib.loads(place.read_text(encoding="utf-8")), ""))


def _flat(nested: dict[str, Any], before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in nested.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return found
