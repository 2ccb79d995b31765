"""What each route does. Everything of size was made once, at the start."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qsl

from deepwell.serve.body import Bodies, Receive, Scope, Send, header
from deepwell.serve.engine import Engine
from deepwell.serve.gate import App, answer
from deepwell.serve.metrics import Metrics
from deepwell.serve.reading import media_type
from deepwell.serve.refusal import Refusal, to_json

_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_OPTIONS = ("lang", "target", "method")
_LANGUAGES = ("en", "zh")


class Asked:
    """``POST /predict`` and ``POST /explain``.

    Args:
        engine: makes the answers.
        bodies: reads the bodies.
        metrics: is told of their bytes.
        explain: whether explanations are asked for.
    """

    def __init__(self, engine: Engine, bodies: Bodies, metrics: Metrics, *, explain: bool) -> None:
        self._engine = engine
        self._bodies = bodies
        self._metrics = metrics
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. A place in the queue is taken before its body is read: who is too many hears so at once."""
        options = self._options(scope)
        content_type = header(scope, b"content-type")
        media_type(content_type)
        work = self._engine.admit_explanation() if self._explain else self._engine.admit()
        try:
            body = await self._bodies.read(scope, receive)
        except BaseException:
            work.settle(None)
            raise
        length = len(body)
        self._metrics.bytes += length
        try:
            if self._explain:
                self._engine.explain(work, body, content_type, options)
            else:
                self._engine.answer(work, body, content_type)
            del body  # it is read in a moment: the wait may be longer
            found = await self._engine.result(work)
        finally:
            self._bodies.let_go(length)
        await answer(send, found)

    def _options(self, scope: Scope) -> dict[str, str]:
        if not self._explain:
            return {}
        if not self._engine.explains:
            raise Refusal(404, "this server makes no explanations", expected="/predict")
        try:
            found = dict(parse_qsl(scope["query_string"].decode("ascii"), max_num_fields=8, errors="strict"))
        except ValueError:
            raise Refusal(400, "the query can't be read", expected="?lang=en&target=CLASS") from None
        if extra := [name for name in found if name not in _OPTIONS]:
            raise Refusal(400, f"the query has '{extra[0][:40]}'", expected=", ".join(_OPTIONS))
        if found.get("lang", "en") not in _LANGUAGES:
            raise Refusal(400, f"lang is '{found['lang'][:40]}'", expected=" or ".join(_LANGUAGES))
        return found


class Ready:
    """``GET /ready``: 200 only where an answer would come."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        status = self._engine.status
        await answer(send, to_json({"status": status}), status=200 if status == "ready" else 503)


class Counted:
    """``GET /metrics``."""

    def __init__(self, engine: Engine, bodies: Bodies, metrics: Metrics) -> None:
        self._engine = engine
        self._bodies = bodies
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        gauges: dict[str, tuple[str, float]] = {
            "deepwell_queue_inputs": ("Inputs that are accepted and not answered yet.", self._engine.room.taken),
            "deepwell_queue_limit": ("Inputs that may be.", self._engine.room.places),
            "deepwell_body_bytes_held": ("Bytes of bodies in memory.", self._bodies.held),
            "deepwell_ready": ("Whether the model answers.", int(self._engine.status == "ready")),
        }
        await answer(send, self._metrics.page(gauges).encode(), content_type="text/plain; version=0.0.4; charset=utf-8")


def fixed(body: bytes, content_type: str = "application/json", headers: dict[str, str] | None = None) -> App:
    """A route that always gives the same."""

    class Fixed:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await answer(send, body, content_type=content_type, headers=headers)

    return Fixed()


def html(text: str) -> App:
    """A page that may run its own inline scripts and show pictures that it holds, and nothing else."""
    scripts = " ".join(f"'sha256-{_digest(found)}'" for found in _SCRIPT.findall(text)) or "'none'"
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return fixed(text.encode(), "text/html; charset=utf-8", {"content-security-policy": policy})


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def described(model: Any, engine: Engine, version: str) -> dict[str, Any]:
    """What ``GET /model`` tells."""
    limits = engine.limits
    return {
        "name": model.card.name or "a model of your own",
        "task": f"{model.input.kind} to {model.output.kind}",
        "input": {"kind": model.input.kind, "description": str(model.input)},
        "output": {"kind": model.output.kind, "classes": [str(name) for name in model.output.classes]},
        "explains": engine.explains,
        "limits": {name: getattr(limits, name) for name in ("max_bytes", "max_pixels", "max_inputs", "timeout")},
        "version": version,
    }
