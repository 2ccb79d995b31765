"""What a request may cost."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from deepwell.core.errors import UserError


@dataclass(frozen=True)
class Limits:
    """Bounds on what is accepted, kept in memory and waited for. Beyond them there is an error, never growth.

    Attributes:
        max_batch: inputs that the model answers together.
        max_delay: seconds that an input waits for company at most; none if no other is to be expected.
        queue: inputs that are accepted and not answered yet; more are refused with 429.
        max_bytes: of the body of a request.
        max_held: bytes of all bodies in memory together; more are refused with 429.
        max_pixels: of all pictures of a request together, as their headers tell before they are decoded.
        max_inputs: of a request.
        max_brackets: opening brackets of a JSON body: each costs a hundred times its byte once it is read.
        timeout: seconds from a body that is read to its answer; 503 beyond.
        body_seconds: for a body to come in; 408 beyond.
        header_seconds: for the head of a request, and of silence between requests; then the connection is closed.
        explanations: that are accepted and not made yet: each takes as long as many answers.

    >>> Limits(max_batch=8).max_batch
    8
    """

    max_batch: int = 32
    max_delay: float = 0.005
    queue: int = 512
    max_bytes: int = 16 << 20
    max_held: int = 256 << 20
    max_pixels: int = 50_000_000
    max_inputs: int = 256
    max_brackets: int = 50_000
    timeout: float = 30.0
    body_seconds: float = 20.0
    header_seconds: float = 10.0
    explanations: int = 8

    def __post_init__(self) -> None:
        for field in fields(self):
            value, low = getattr(self, field.name), 0 if field.name == "max_delay" else 1e-3
            whole = field.type == "int"
            right = type(value) is int and value >= 1 if whole else type(value) in (int, float) and low <= value < 1e6
            if not right:
                expected = "a whole number from 1 up" if whole else f"seconds, from {low:g} up"
                raise UserError(f"{field.name} is {value!r}", expected=expected)
        if self.max_inputs > self.queue:
            raise UserError(
                f"a request may have {self.max_inputs} inputs, and the queue holds {self.queue}",
                expected="a queue that holds a whole request",
                fix="raise --queue, or lower --max-inputs",
            )
        if self.max_bytes > self.max_held:
            raise UserError(
                f"a body may have {self.max_bytes:,} bytes, and all together {self.max_held:,}",
                expected="max_held of at least max_bytes",
            )

    @classmethod
    def of(cls, kind: str, **given: Any) -> Limits:
        """The defaults for a kind of input; what is given and not None wins.

        A text of 16 MiB would keep a processor busy for seconds, a picture of that size is usual.

        >>> Limits.of("text").max_bytes, Limits.of("image", max_bytes=1000).max_bytes
        (2097152, 1000)
        """
        chosen = {name: value for name, value in given.items() if value is not None}
        if "max_bytes" not in chosen and kind != "image":
            chosen["max_bytes"] = 2 << 20
        if chosen.get("max_bytes", 0) and type(chosen["max_bytes"]) is int:
            chosen.setdefault("max_held", max(cls.max_held, 4 * chosen["max_bytes"]))
        if type(chosen.get("queue")) is int:  # a short queue is asked for: requests are cut to it
            chosen.setdefault("max_inputs", max(1, min(cls.max_inputs, chosen["queue"])))
        return replace(cls(), **chosen)
