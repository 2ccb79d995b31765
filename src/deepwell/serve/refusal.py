"""A request that is not answered: the status, and the words for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepwell.core.errors import UserError


class Refusal(Exception):
    """Raised wherever a request turns out to be wrong; the gate sends it as JSON.

    Args:
        status: of HTTP, 400 to 503.
        came: what was found.
        expected: what would have been right.
        fix: the next thing to do.
        input: the number of the input at fault, from 0.
        headers: more of them, such as ``Retry-After``.
        close: end the connection: what is left of the body is not worth reading.

    >>> Refusal(413, "the body has 20 bytes", expected="at most 10").body()
    b'{"error": {"came": "the body has 20 bytes", "expected": "at most 10", "fix": ""}}'
    """

    def __init__(
        self,
        status: int,
        came: str,
        *,
        expected: str = "",
        fix: str = "",
        input: int | None = None,
        headers: Mapping[str, str] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(came)
        self.status = status
        self.error: dict[str, Any] = {"came": came, "expected": expected, "fix": fix}
        if input is not None:
            self.error["input"] = input
        self.headers = dict(headers or {}) | ({"connection": "close"} if close else {})

    @classmethod
    def of(cls, error: UserError, *, status: int = 400, input: int | None = None) -> Refusal:
        """A user's mistake as a refusal."""
        return cls(status, error.came, expected=error.expected, fix=error.fix, input=input)

    def body(self) -> bytes:
        """The error as JSON."""
        return to_json({"error": self.error})


class Gone(Exception):
    """The client closed the connection before it had an answer."""


def to_json(value: Any) -> bytes:
    """JSON as bytes. Characters that are halves of one (lone surrogates) are written as escapes.

    Raises:
        ValueError: a number that is none (NaN) or infinite: JSON has no such thing.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode()
