"""Connections that do not get on: uvicorn waits for the head of a request as long as its client likes."""

from __future__ import annotations

from typing import Any

_LARGEST_HEAD = 65_536
_PIPELINED = 64


def guarded(base: type[Any], *, patience: float, answer: float, largest_body: int) -> type[Any]:
    """A protocol of uvicorn's, h11's or httptools', that ends what hangs, and heads that do not end.

    Nothing is done for a request that goes well: a clock of each connection looks at it now and then.

    Args:
        base: ``H11Protocol`` or ``HttpToolsProtocol``. Of it are used ``cycle`` with ``response_complete`` and
            ``more_body``, ``transport``, ``pipeline``, ``loop``.
        patience: seconds without a new request, after which a connection is closed; twice that at most.
        answer: seconds that a request may take, with its body and with a client that does not read its answer.
        largest_body: bytes that are read of a body whose request was refused already.
    """

    class Guarded(base):  # type: ignore[misc]
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._seen: Any = None
            self._looks = 0
            self._unread = 0
            self._clock = self.loop.call_later(patience, self._look)

        def connection_lost(self, exc: Exception | None) -> None:
            self._clock.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before or (before is not None and not before.response_complete):
                self._unread = 0
            else:
                self._unread += len(data)
                refused = before is not None and before.more_body
                if self._unread > (largest_body if refused else _LARGEST_HEAD):
                    self.transport.close()
            if len(getattr(self, "pipeline", ())) > _PIPELINED:
                self.transport.abort()

        def _look(self) -> None:
            """Close what is where it was at the last look."""
            cycle = self.cycle
            self._looks = self._looks + 1 if cycle is self._seen else 0
            self._seen = cycle
            idle = cycle is None or cycle.response_complete
            if self._looks * patience >= (patience if idle else answer):
                self.transport.abort()
                return
            self._clock = self.loop.call_later(patience, self._look)

    return Guarded
