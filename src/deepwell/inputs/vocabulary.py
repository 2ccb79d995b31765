"""Words and their numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED, UNKNOWN

_MOST = 5_000_000
_HALF = re.compile("[\ud800-\udfff]")


class Vocabulary:
    """Names numbered from ``RESERVED`` up, the most frequent first; 0, 1 and 2 stand for padding, unknown, start.

    >>> known = Vocabulary.learn([["a", "b", "a"], ["c", "a", "b"]], minimum_count=2)
    >>> known.names, known.encode(["b", "z"]).tolist()
    (['a', 'b'], [4, 1])
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._numbers: dict[str, int] = {name: number for number, name in enumerate(self.names, RESERVED)}

    @classmethod
    def learn(cls, rows: Iterable[Iterable[str]], *, minimum_count: int = 1, size: int | None = None) -> Vocabulary:
        """Count names and keep the frequent ones.

        Args:
            rows: names of each training sample.
            minimum_count: times that a name must occur.
            size: ids at most, the reserved ones included; None: as many as there are.
        """
        counts: Counter[str] = Counter()
        for row in rows:
            counts.update(row)
        # equal counts by name, so that the order of the samples changes nothing
        kept = sorted((item for item in counts.items() if item[1] >= minimum_count), key=lambda i: (-i[1], i[0]))
        # a half of a surrogate pair is no character, and no file can hold it: it stays unknown
        names = [name for name, _ in kept if name.isascii() or _HALF.search(name) is None]
        return cls(names[: None if size is None else max(0, size - RESERVED)])

    def __len__(self) -> int:
        """Number of ids, the reserved ones included."""
        return RESERVED + len(self.names)

    def encode(self, names: Iterable[str]) -> np.ndarray:
        """Names to ids, int32; what was not learnt is ``UNKNOWN``."""
        get = self._numbers.get
        return np.array([get(name, UNKNOWN) for name in names], dtype=np.int32)

    def state(self) -> dict[str, Any]:
        """The names as plain JSON values."""
        return {"vocabulary": self.names}

    def number(self, name: str) -> int:
        """The id of a name, or ``UNKNOWN``."""
        return self._numbers.get(name, UNKNOWN)


def names_of(state: Mapping[str, Any], field: str) -> list[str]:
    """The list of names in a saved state.

    Raises:
        UserError: no list of different strings.
    """
    value = state.get(field)
    if not isinstance(value, list) or len(value) > _MOST or not all(isinstance(name, str) for name in value):
        raise UserError(f"the model's {field} can't be read", expected="a list of strings")
    if len(set(value)) != len(value):
        raise UserError(f"the model's {field} has a name twice", expected="different names")
    return value


def whole(state: Mapping[str, Any], field: str, low: int, high: int) -> int:
    """A whole number in a saved state.

    Raises:
        UserError: something else, or out of range.
    """
    value = state.get(field)
    if type(value) is not int or not low <= value <= high:
        raise UserError(f"the model's {field} is {value!r}", expected=f"a whole number from {low} to {high}")
    return value


def one_of(state: Mapping[str, Any], field: str, choices: Sequence[str]) -> str:
    """A name in a saved state that must be one of a few.

    Raises:
        UserError: something else.
    """
    value = state.get(field)
    if not isinstance(value, str) or value not in choices:
        raise UserError(f"the model's {field} is {value!r}", expected=f"one of {', '.join(choices)}")
    return value


def truth(state: Mapping[str, Any], field: str) -> bool:
    """A truth value in a saved state.

    Raises:
        UserError: something else.
    """
    value = state.get(field)
    if type(value) is not bool:
        raise UserError(f"the model's {field} is {value!r}", expected="true or false")
    return value
