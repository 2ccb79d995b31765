"""Models of every kind of input, hardly trained, and a server of its own for those tests that need sockets."""

from __future__ import annotations

import base64
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from tests.conftest import blobs

import deepwell as dw
from deepwell.data.tree import parse
from deepwell.serve.limits import Limits
from deepwell.serve.server import listen, make_server


def _fitted(data: Any, model: str) -> Any:
    learner = dw.Learner(data, model=model)
    learner.fit(epochs=1, threads=1, progress=False)
    return learner.saved()


@cache
def model_of(kind: str) -> Any:
    """A saved model that reads this kind of input."""
    return _MAKERS[kind]()


def _image() -> Any:
    return _fitted(dw.arrays(*blobs()), "mlp")


def _floats() -> Any:
    x, y = blobs()
    return _fitted(dw.arrays(x.astype(np.float32) * 3 - 100, y), "mlp")


def _text() -> Any:
    texts = [f"the film was {'bad' if i % 2 else 'good'} number {i}" for i in range(60)]
    return _fitted(dw.texts(texts, ["no" if i % 2 else "yes" for i in range(60)]), "textcnn")


def _tokens() -> Any:
    words = [["Ada", "went", "to", "Oslo"][: 2 + i % 3] for i in range(60)]
    tags = [["B-PER", "O", "O", "B-LOC"][: 2 + i % 3] for i in range(60)]
    return _fitted(dw.words(words, tags), "bilstm-crf")


def _tree() -> Any:
    trees = [parse(f"(S (A {'good' if i % 2 else 'bad'}) (B film{i % 5}))") for i in range(60)]
    return _fitted(dw.trees(trees, ["yes" if i % 2 else "no" for i in range(60)]), "recursive")


_MAKERS = {"image": _image, "floats": _floats, "text": _text, "tokens": _tokens, "tree": _tree}


def png(seed: int = 0, size: tuple[int, int] = (12, 12), format: str = "PNG") -> bytes:
    """A picture's file."""
    pixels = np.random.default_rng(seed).integers(0, 255, size).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def in_base64(file: bytes) -> dict[str, str]:
    """A picture as JSON has it."""
    return {"image": base64.b64encode(file).decode()}


@contextmanager
def serving(app: Any, limits: Limits, *, grace: float = 5.0) -> Iterator[tuple[int, Any]]:
    """The application on a port of 127.0.0.1, in a thread; gives the port and the server."""
    up = threading.Event()
    server = make_server(app, limits=limits, grace=grace, listening=up.set)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert up.wait(30)
            yield listener.getsockname()[1], server
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def exchange(port: int, *pieces: bytes, timeout: float = 20.0) -> bytes:
    """Bytes sent over a socket, and all that came back until it was closed."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return to_end(connection)


def to_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes; a reset ends it too."""
    got = b""
    try:
        while piece := connection.recv(65_536):
            got += piece
    except ConnectionResetError:
        pass
    return got
