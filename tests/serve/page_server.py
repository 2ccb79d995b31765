"""A small server that speaks the routes of ``deepwell serve`` with answers made up, to test the page against."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from deepwell.serve.page import read_page

CLASSES = ["ankle boot", "bag", "coat", "dress", "pullover", "sandal", "shirt"]


class Stub:
    """What the server does, and what it was asked.

    Attributes:
        kind: of the model's input.
        token: that requests must bear, or "".
        busy: requests that are still to be refused with 429.
        asked: the number of inputs of each /predict.
        tags: whether answers are tags.
    """

    def __init__(self, kind: str = "image", *, token: str = "", busy: int = 0, tags: bool = False) -> None:
        self.kind, self.token, self.busy, self.tags = kind, token, busy, tags
        self.asked: list[int] = []

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/model", self.model),
                Route("/predict", self.predict, methods=["POST"]),
                Route("/explain", self.explain, methods=["POST"]),
            ]
        )

    async def page(self, request: Request) -> HTMLResponse:
        """The page, under the strict policy that the real server sends."""
        html = read_page()
        scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
        hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
        policy = (
            f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})

    async def model(self, request: Request) -> JSONResponse:
        """Facts."""
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "no token or a wrong one", expected="Authorization: Bearer TOKEN")
        task = {"image": "image classification", "text": "text classification", "tokens": "sequence labelling"}
        return JSONResponse(
            {
                "name": "compact",
                "task": task[self.kind],
                "input": {"kind": self.kind, "description": "grey 28x28 (fit)" if self.kind == "image" else ""},
                "output": {"kind": "tags" if self.tags else "category", "classes": CLASSES},
                "explains": True,
                "limits": {"max_bytes": 200_000, "max_pixels": 50_000_000, "max_inputs": 3, "timeout": 30.0},
                "version": "0.1.0",
            }
        )

    async def predict(self, request: Request) -> JSONResponse:
        """Answers made up; a file that begins with ``no`` can't be read."""
        inputs = await _inputs(request)
        self.asked.append(len(inputs))
        if self.busy:
            self.busy -= 1
            return JSONResponse({"error": {"came": "the queue is full"}}, 429, {"Retry-After": "1"})
        for place, data in enumerate(inputs):
            if data.startswith(b"no"):
                return _error(400, f"input {place} can't be read: it is no picture", input=place, fix="send a picture")
        return JSONResponse({"answers": [self._answer(data) for data in inputs]})

    async def explain(self, request: Request) -> JSONResponse:
        """As ``explain`` writes it; of words with something hostile beside."""
        data = (await _inputs(request))[0]
        facts = {"method": "occlusion", "target": CLASSES[0]}
        if self.kind == "image":
            held = io.BytesIO()
            Image.new("RGB", (64, 64), (200, 90, 40)).save(held, "PNG")
            html = f'<img src="data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}">'
            return JSONResponse({"answer": self._answer(data), "explanation": {"kind": "image", **facts}, "html": html})
        text = data.decode()
        first = {"text": text.split()[0], "start": 0, "stop": len(text.split()[0]), "weight": -1.0}
        last = {"text": text[-2:], "start": len(text) - 2, "stop": len(text), "weight": 0.25}
        explanation = {"kind": "words", "text": text, "values": [last, first], **facts}
        html = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
        return JSONResponse({"answer": self._answer(data), "explanation": explanation, "html": html})

    def _answer(self, data: bytes) -> dict[str, Any]:
        if self.tags:
            words = data.decode().split()
            span = {"type": "PER", "start": 0, "stop": len(words[0]), "words": [0, 1]}
            tags = ["B-PER"] + ["O"] * (len(words) - 1)
            return {"words": words, "tags": tags, "confidence": [0.9] * len(words), "spans": [span]}
        shares = [0.815, 0.1, 0.05, 0.02, 0.01, 0.004, 0.001]
        return {"prediction": CLASSES[0], "confidence": 0.815, "probabilities": dict(zip(CLASSES, shares, strict=True))}


def _error(status: int, came: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": {"came": came, "expected": "", "fix": "", **more}}, status)


async def _inputs(request: Request) -> list[bytes]:
    if request.headers["content-type"].startswith("multipart/"):
        async with request.form() as form:
            return [await part.read() for _, part in form.multi_items()]  # type: ignore[union-attr]
    return [text.encode() for text in (await request.json())["inputs"]]


@contextmanager
def running(app: Any) -> Iterator[str]:
    """The address of an app that answers on a free port of loopback, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="auto"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(10)
