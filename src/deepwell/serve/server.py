"""The application on a socket, from its start to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from deepwell.core.errors import UserError
from deepwell.serve.guard import guarded
from deepwell.serve.limits import Limits

if TYPE_CHECKING:
    import uvicorn

_CONNECTIONS = 1000
_WAITING = 2048
_SPARE_FILES = 64


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound; port 0 takes a free one.

    Raises:
        UserError: the address is in use, not of this machine, or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_WAITING)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{host}:{port} can't be listened on ({reason})",
            expected="an address of this machine and a free port",
            fix="choose another --port; --port 0 takes a free one",
        ) from None


def run(
    app: Any,
    listener: socket.socket,
    *,
    limits: Limits,
    grace: float = 30.0,
    drain: float = 0.0,
    listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT; then accept nothing more, and finish what was accepted.

    Args:
        app: of ``app.make_app``.
        listener: of ``listen``; it is closed at the end.
        limits: for the clocks of connections.
        grace: seconds for requests that are under way when it is told to stop.
        drain: seconds to go on before that, while ``/ready`` says 503: for a balancer to look elsewhere.
        listening: called once connections are accepted.

    Raises:
        UserError: uvicorn is missing.
    """
    server = make_server(app, limits=limits, grace=grace, drain=drain, listening=listening)
    with _signals_are_no_deaths(), contextlib.closing(listener):
        server.run(sockets=[listener])


def make_server(
    app: Any, *, limits: Limits, grace: float, drain: float = 0.0, listening: Callable[[], None] = lambda: None
) -> uvicorn.Server:
    """The server of uvicorn that ``run`` runs."""
    try:
        import uvicorn
    except ImportError:
        raise UserError("serving needs uvicorn", fix='pip install "deepwell[serve]"') from None

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self._loop = asyncio.get_running_loop()
            listening()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            engine = app.state.engine
            if drain and engine.status != "stopping":
                super_handle = super().handle_exit
                self._loop.call_soon_threadsafe(lambda: self._loop.call_later(drain, super_handle, sig, frame))
            else:
                super().handle_exit(sig, frame)
            engine.status = "stopping"

    protocol = guarded(
        _protocol(),
        patience=limits.header_seconds,
        answer=limits.body_seconds + limits.timeout + limits.header_seconds,
        largest_body=limits.max_bytes,
    )
    return Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_connections(),
            backlog=_WAITING,
            timeout_keep_alive=max(1, int(limits.header_seconds)),
            timeout_graceful_shutdown=max(1, int(grace)),
        )
    )


def _protocol() -> type[Any]:
    """uvicorn's reader of HTTP: httptools' where it is installed (it takes a tenth of the time), else h11's."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        return HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol


def _connections() -> int:
    """Connections at a time: what the limit of open files leaves."""
    try:
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except (ImportError, OSError):
        return _CONNECTIONS
    return max(8, min(_CONNECTIONS, files - _SPARE_FILES)) if files > 0 else _CONNECTIONS


@contextlib.contextmanager
def _signals_are_no_deaths() -> Any:
    """uvicorn raises the signal that stopped it once more when it has stopped: to end well, that must do nothing."""
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in stops}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
