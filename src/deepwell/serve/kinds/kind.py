"""What must be known of a kind of input to serve it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deepwell.serve.limits import Limits
from deepwell.serve.refusal import Refusal


def as_they_are(raw: Sequence[Any], _limits: Limits) -> Sequence[Any]:
    """Samples that ``encode`` takes as they came."""
    return raw


@dataclass(frozen=True)
class Kind:
    """One kind of input on its way from a request to ``input.encode``.

    Attributes:
        name: ``input.kind``.
        from_json: (value, its number) -> raw sample as ``SavedModel.predict`` takes it.
        from_part: (content of a part, its number) -> raw sample.
        sample: the model's input -> a raw sample that it can read, to warm up with.
        schema: of one value, as JSON Schema.
        example: of one value.
        open: (raw samples, limits) -> what ``input.encode`` takes; refuses what would cost too much to read.
    """

    name: str
    from_json: Callable[[Any, int], Any]
    from_part: Callable[[bytes, int], Any]
    sample: Callable[[Any], Any]
    schema: dict[str, Any]
    example: Any
    open: Callable[[Sequence[Any], Limits], Sequence[Any]] = as_they_are


def wrong(number: int, came: str, *, expected: str, fix: str = "") -> Refusal:
    """The refusal of one input; it counts from 0, as the list that was sent does."""
    return Refusal(400, f"input {number} {came}", expected=expected, fix=fix, input=number)
