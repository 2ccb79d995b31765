"""What every explanation can be asked."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol


class Explanation(Protocol):
    """Why a model gives an answer, for one sample.

    Attributes:
        kind: ``image`` or ``words``.
        method: by name, see ``language.METHOD_NAMES``.
        target: the class that is explained; of tags ``place:tag``.
        confidence: the probability that the model gives it.
        signed: whether values below 0 speak against the target; else they are all 0 or more.
        values: what each part of the input adds.
        details: how it was found: steps, baseline, what they add up to.
        suffix: of the file that ``picture`` is, ``.png`` or ``.svg``.
    """

    kind: ClassVar[str]
    suffix: ClassVar[str]

    @property
    def method(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def confidence(self) -> float: ...

    @property
    def signed(self) -> bool: ...

    @property
    def values(self) -> Any: ...

    @property
    def details(self) -> dict[str, Any]: ...

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        ...

    def picture(self, side: int = 224) -> bytes:
        """A picture file."""
        ...

    def html(self, lang: str = "en") -> str:
        """A piece of a page, which needs no other file."""
        ...

    def sentence(self, lang: str = "en") -> str:
        """The gist in one line."""
        ...


def short(value: float) -> float:
    """A number with four digits that count, for JSON."""
    return float(f"{value:.4g}")
