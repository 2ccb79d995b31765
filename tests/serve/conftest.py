"""A client of the application without sockets, its model warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest


@pytest.fixture
def client() -> Iterator[Callable[..., Any]]:
    """``client(kind, token=..., explain=..., **limits)``; it is ready."""
    testclient = pytest.importorskip("starlette.testclient", exc_type=(ImportError, RuntimeError))
    from tests.serve.made import model_of

    from deepwell.serve.app import make_app
    from deepwell.serve.limits import Limits

    with ExitStack() as stack:

        def made(kind: str = "image", *, wait: bool = True, **options: Any) -> Any:
            own = {name: options.pop(name) for name in ("token", "explain", "access_log", "hosts") if name in options}
            model = options.pop("model", None) or model_of(kind)
            app = make_app(model, Limits.of(model.input.kind, **options), **own)
            client = stack.enter_context(testclient.TestClient(app))
            while wait and app.state.engine.status == "starting":
                time.sleep(0.001)
            return client

        yield made
