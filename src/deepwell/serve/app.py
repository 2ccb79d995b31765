"""The application: a model behind routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from deepwell.core.errors import UserError
from deepwell.serve.body import Bodies
from deepwell.serve.docs_page import page
from deepwell.serve.endpoints import Asked, Counted, Ready, described, fixed, html
from deepwell.serve.engine import Engine, Explain
from deepwell.serve.gate import App, Gate
from deepwell.serve.kinds import KINDS
from deepwell.serve.limits import Limits
from deepwell.serve.metrics import Metrics
from deepwell.serve.openapi import document
from deepwell.serve.page import read_page
from deepwell.serve.refusal import Refusal, to_json
from deepwell.serve.routes import ROUTES

if TYPE_CHECKING:
    from starlette.applications import Starlette


def make_app(
    model: Any,
    limits: Limits | None = None,
    *,
    token: str | None = None,
    explain: Explain | None = None,
    access_log: bool = False,
    hosts: Collection[str] | None = None,
) -> Starlette:
    """An ASGI application that answers for a model; ``app.state.engine`` knows its state.

    The threads live from the lifespan's start to its end.

    Args:
        model: a ``saved.SavedModel``.
        limits: what a request may cost; None: the defaults for its kind of input.
        token: that requests must bear; None: none is asked for.
        explain: ``explain.explain``; None: ``/explain`` answers 404.
        access_log: write a line for every request to the log ``deepwell.serve``.
        hosts: names by which it may be called; None: any. A page of the web whose name is made to lead to this machine
            (DNS rebinding) asks under its own name.

    Raises:
        UserError: Starlette is missing; a kind of input that can't be served.
    """
    try:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.middleware import Middleware
        from starlette.requests import Request
        from starlette.routing import Route
    except ImportError:
        raise UserError("serving needs Starlette", fix='pip install "deepwell[serve]"') from None
    limits = limits or Limits.of(model.input.kind)
    metrics = Metrics(entry.path for entry in ROUTES)
    engine, bodies = Engine(model, limits, metrics, explain), Bodies(limits)
    number = version("deepwell")
    api = document(KINDS[model.input.kind], model.output.kind, version=number, token=token is not None)
    endpoints: dict[str, App] = {
        "/predict": Asked(engine, bodies, metrics, explain=False),
        "/explain": Asked(engine, bodies, metrics, explain=True),
        "/model": fixed(to_json(described(model, engine, number))),
        "/health": fixed(to_json({"status": "alive"})),
        "/ready": Ready(engine),
        "/metrics": Counted(engine, bodies, metrics),
        "/openapi.json": fixed(to_json(api)),
        "/docs": html(page(api)),
        "/": html(read_page()),
    }

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        engine.start()
        yield
        await asyncio.to_thread(engine.stop)

    def unknown(request: Request, error: Exception) -> Any:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405:
            allowed = [entry.method for entry in ROUTES if entry.path == request.url.path]
            raise Refusal(405, "the route has another method", expected=allowed[0], headers={"allow": allowed[0]})
        raise Refusal(404, "there is no such route", expected=", ".join(entry.path for entry in ROUTES))

    routes = [Route(entry.path, endpoints[entry.path], methods=[entry.method]) for entry in ROUTES]
    gate = Middleware(
        Gate,
        metrics=metrics,
        token=token,
        open_to_all=[entry.path for entry in ROUTES if entry.open],
        access_log=access_log,
        hosts=hosts,
    )
    app = Starlette(routes=routes, middleware=[gate], lifespan=lifespan, exception_handlers={HTTPException: unknown})
    app.router.redirect_slashes = False
    app.state.engine = engine
    return app
