"""Over real sockets: slow clients, heads without end, and the end of the server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from tests.serve.made import exchange, in_base64, model_of, png, serving, to_end

from deepwell.core.errors import UserError
from deepwell.serve import server as server_module
from deepwell.serve.app import make_app
from deepwell.serve.limits import Limits
from deepwell.serve.server import listen

BODY = json.dumps({"inputs": [in_base64(png())]}).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
CLOSE = b"Connection: close\r\n\r\n"
SHORT = Limits(header_seconds=0.2, body_seconds=0.2, max_bytes=200_000, timeout=0.5)


def _protocols() -> Iterator[Any]:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    yield pytest.param(H11Protocol, id="h11")
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return
    yield pytest.param(HttpToolsProtocol, id="httptools")


@pytest.fixture(scope="module", params=_protocols())
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a server with little patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_module, "_protocol", lambda: request.param)
        app = make_app(model_of("image"), SHORT)
        with serving(app, SHORT) as (port, _):
            ready(app)
            yield port


def ready(app: Any) -> None:
    for _ in range(3000):
        if app.state.engine.status == "ready":
            return
        time.sleep(0.01)
    raise AssertionError(app.state.engine.status)


def test_it_answers_and_keeps_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        for _ in range(3):
            connection.sendall(HEAD + b"\r\n" + BODY)
            got = b""
            while b'"probabilities"' not in got or not got.endswith(b"}]}"):
                got += connection.recv(65_536)
            assert got.startswith(b"HTTP/1.1 200") and b"server:" not in got.lower()


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    ask = b"GET /%s HTTP/1.1\r\nHost: x\r\n"
    got = exchange(port, ask % b"health" + b"\r\n" + ask % b"nope" + b"\r\n" + ask % b"ready" + CLOSE)
    places = [got.find(word) for word in (b'"alive"', b"no such route", b'"ready"')]
    assert -1 not in places and places == sorted(places)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /health HT", HEAD, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea"],
    ids=["silence", "half a line", "half a head", "half a second head"],
)
def test_whoever_says_nothing_is_left(port: int, sent: bytes) -> None:
    exchange(port, sent)  # returns: the server closed the connection


def test_a_body_that_does_not_come(port: int) -> None:
    got = exchange(port, HEAD + b"\r\n" + BODY[:10])
    assert got.startswith(b"HTTP/1.1 408") and b"did not come within 0.2 s" in got and b"connection: close" in got


def test_drops_of_a_head_are_no_progress(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _ in range(2000):
                connection.sendall(b"A: b\r\n")
                time.sleep(0.005)


def test_a_head_without_end(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nA: ")
        with pytest.raises(OSError):
            for _ in range(10_000):
                connection.sendall(b"a" * 10_000)


def test_a_refused_body_is_not_read_for_ever(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(b"POST /nope HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(10_000):
                connection.sendall(b"2710\r\n" + b"a" * 10_000 + b"\r\n")


def test_whoever_leaves_is_forgotten(port: int) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(HEAD + b"\r\n" + BODY[:100])
    for _ in range(1000):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        if "deepwell_queue_inputs 0\n" in text and "deepwell_body_bytes_held 0\n" in text:
            break
        time.sleep(0.01)
    else:
        raise AssertionError(text)


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
     b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
     b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http(port: int, sent: bytes) -> None:
    got = exchange(port, sent)
    assert got == b"" or got.split()[1][:1] in b"24", got
    assert b"Traceback" not in got


def test_the_port_must_be_free() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(UserError, match="can't be listened on"):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(UserError, match="no-such-host"):
        listen("no-such-host.invalid", 0)


PROGRAM = """
import sys, threading
from deepwell.saved.model import load
from deepwell.serve.app import make_app
from deepwell.serve.limits import Limits
from deepwell.serve.server import listen, run

model, go = load(sys.argv[3]), threading.Event()
answer = model.decoded_rows
def held(rows, chosen, **options):
    if app.state.engine.status != "starting":
        print("held", flush=True)
        go.wait()
    return answer(rows, chosen, **options)
model.decoded_rows = held
threading.Thread(target=lambda: (sys.stdin.readline(), go.set()), daemon=True).start()
limits = Limits()
app = make_app(model, limits)
listener = listen("127.0.0.1", 0)
run(app, listener, limits=limits, grace=float(sys.argv[1]), drain=float(sys.argv[2]),
    listening=lambda: print(listener.getsockname()[1], flush=True))
print("ended", flush=True)
"""


class Process:
    """The server in a process of its own, whose model answers when it is let."""

    def __init__(self, folder: Path, *, grace: float, drain: float = 0.0) -> None:
        model_of("image").save(folder / "model.safetensors")
        command = [sys.executable, "-c", PROGRAM, str(grace), str(drain), str(folder / "model.safetensors")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.line())
        while self.status("/ready") != 200:
            time.sleep(0.02)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def test_what_was_accepted_is_answered_before_the_end(tmp_path: Path) -> None:
    with Process(tmp_path, grace=30) as server, socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(HEAD + b"\r\n" + BODY)
        assert server.line() == "held"
        server.process.send_signal(signal.SIGTERM)
        refused = threading.Event()
        while not refused.is_set():
            try:
                socket.create_connection(("127.0.0.1", server.port), 5).close()
                time.sleep(0.02)
            except OSError:
                refused.set()
        assert server.process.poll() is None
        server.let_go()
        got = to_end(connection)
        assert got.startswith(b"HTTP/1.1 200") and b'"probabilities"' in got
        assert server.line() == "ended"
        assert server.process.wait(30) == 0


def test_while_it_drains_it_answers_and_is_not_ready(tmp_path: Path) -> None:
    with Process(tmp_path, grace=5, drain=2) as server:
        server.let_go()
        server.process.send_signal(signal.SIGINT)
        while server.status("/ready") != 503:
            time.sleep(0.02)
        assert server.status("/health") == 200
        assert exchange(server.port, HEAD + CLOSE + BODY).startswith(b"HTTP/1.1 200")
        assert server.line() == "held" and server.line() == "ended"
        assert server.process.wait(30) == 0


def test_what_outlasts_the_grace_is_told_so(tmp_path: Path) -> None:
    with Process(tmp_path, grace=1) as server, socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(HEAD + b"\r\n" + BODY)
        assert server.line() == "held"
        server.process.send_signal(signal.SIGTERM)
        got = to_end(connection)
        assert got.startswith(b"HTTP/1.1 503") and b"is stopping" in got
