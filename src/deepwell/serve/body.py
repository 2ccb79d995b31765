"""The body of a request, counted while it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from deepwell.serve.limits import Limits
from deepwell.serve.refusal import Gone, Refusal

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str:
    """The first header of that name in small letters, or ""."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


class Bodies:
    """Reads bodies; knows how many bytes of all of them are in memory.

    Args:
        limits: ``max_bytes`` of one, ``max_held`` of all, ``body_seconds`` for one.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.held = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Whoever asks for it calls ``let_go`` with its length when it is no longer needed.

        Raises:
            Refusal: 413 too long, whatever its head claimed; 408 too slow; 429 too many at a time.
            Gone: the client closed the connection.
        """
        most = self._limits.max_bytes
        claimed = header(scope, b"content-length")
        if claimed.isdigit() and (len(claimed) > 18 or int(claimed) > most):
            raise _too_long(f"{int(claimed[:18]):,}" if len(claimed) <= 18 else "a great many", most)
        pieces: list[bytes] = []
        length = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    piece = message.get("body", b"")
                    length += len(piece)
                    if length > most:
                        length -= len(piece)
                        raise _too_long(f"more than {most:,}", most)
                    self.held += len(piece)
                    if self.held > self._limits.max_held:
                        raise Refusal(
                            429,
                            "too many bytes are being uploaded at a time",
                            fix="try again in 1 s",
                            headers={"retry-after": "1"},
                            close=True,
                        )
                    pieces.append(piece)
                    if not message.get("more_body", False):
                        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        except TimeoutError:
            self.let_go(length)
            seconds = self._limits.body_seconds
            raise Refusal(408, f"the body did not come within {seconds:g} s", fix="try again", close=True) from None
        except BaseException:
            self.let_go(length)
            raise

    def let_go(self, length: int) -> None:
        """A body of so many bytes is no longer in memory."""
        self.held -= length


def _too_long(shown: str, most: int) -> Refusal:
    return Refusal(
        413, f"the body has {shown} bytes", expected=f"at most {most:,}", fix="send less at a time", close=True
    )
