"""What every request passes: the token, the clock, the headers of safety, and the place where errors become answers."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from urllib.parse import urlsplit

from deepwell.serve.body import Message, Receive, Scope, Send, header
from deepwell.serve.fault import LOG, Fault, logged
from deepwell.serve.metrics import Metrics
from deepwell.serve.refusal import Gone, Refusal, to_json

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SAFETY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_GONE = 499


class Gate:
    """An ASGI middleware.

    Args:
        app: what is behind it.
        metrics: is told of every request.
        token: that requests must bear; None: none is asked for.
        open_to_all: paths for which no token is asked.
        access_log: write a line for every request.
        hosts: names by which it may be called; None: any.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: Metrics,
        token: str | None,
        open_to_all: Collection[str],
        access_log: bool,
        hosts: Collection[str] | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._token = None if token is None else token.encode()
        self._open = frozenset(open_to_all)
        self._access_log = access_log
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_SAFETY]
            await send(message)

        try:
            self._check_host(scope)
            self._check_token(scope)
            await self._app(scope, receive, sent)
        except Gone:
            status = _GONE
        except BaseException as error:
            if status:
                raise  # an answer was begun: nothing can be mended
            await _send_error(sent, error)
            if not isinstance(error, (Exception, asyncio.CancelledError)):
                raise
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.request(scope["path"], status, seconds)
            if self._access_log:
                LOG.info("%s", _line(scope, status, seconds))

    def _check_host(self, scope: Scope) -> None:
        if self._hosts is None:
            return
        try:
            name = urlsplit("//" + header(scope, b"host")).hostname
        except ValueError:
            name = None
        if name not in self._hosts:
            raise Refusal(
                421,
                "the request is for another host",
                expected=f"one of {', '.join(sorted(self._hosts))}",
                fix="call it by its address, or start it with a token, which protects it under any name",
            )

    def _check_token(self, scope: Scope) -> None:
        if self._token is None or scope["path"] in self._open:
            return
        kind, _, came = header(scope, b"authorization").partition(" ")
        # both are compared whole whatever they begin with, so that the time tells nothing
        right = hmac.compare_digest(came.strip().encode("latin-1"), self._token)
        if not right or kind.lower() != "bearer":
            raise Refusal(
                401,
                "the request bears no token, or a wrong one",
                expected="the header Authorization: Bearer TOKEN",
                headers={"www-authenticate": "Bearer"},
            )


async def _send_error(send: Send, error: BaseException) -> None:
    """The answer to a request that raised."""
    if isinstance(error, asyncio.CancelledError):
        error = Refusal(503, "the server is stopping, and its time for this request is over", close=True)
    elif not isinstance(error, (Refusal, Fault)):
        error = logged("answering a request", error)
    if isinstance(error, Fault):
        body = to_json({"error": {"came": "the server failed", "expected": "", "fix": "", "id": error.id}})
        await answer(send, body, status=500)
    else:
        await answer(send, error.body(), status=error.status, headers=error.headers)


async def answer(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    """Send a whole answer."""
    found = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    found += [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": found})
    await send({"type": "http.response.body", "body": body})


def _line(scope: Scope, status: int, seconds: float) -> str:
    """A request on one line of JSON; strings are escaped, so a stranger can't write lines of their own."""
    client = scope.get("client") or ("", 0)
    found: dict[str, Any] = {
        "client": client[0],
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": status,
        "ms": round(1e3 * seconds, 1),
    }
    return json.dumps(found)
