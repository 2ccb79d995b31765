"""Requests a second of ``deepwell serve`` beside a hand-written FastAPI server, in turns, in one run; and its memory.

    python benchmarks/serving.py RUN [--rounds 5] [--seconds 5] [--clients 32] [--soak 100000]

Both servers answer the same PNG uploads (multipart, keep-alive) with the same network, each in its own process; the
load comes from a third process over 127.0.0.1 (raw sockets, so that it costs little). All three share this
machine's processors: the figures are of the whole, and processor seconds a request are of the server alone. Every
answer is checked to be 200 and to name the class that the saved model predicts.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent


class Server(NamedTuple):
    """A server in its own process."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Processor seconds until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident megabytes."""
        line = next(s for s in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if "VmRSS" in s)
        return int(line.split()[1]) / 1024

    def stop(self) -> int:
        """End it; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def start(name: str, run: Path, *, log: Any = subprocess.DEVNULL, more: tuple[str, ...] = ()) -> Server:
    """``deepwell`` or ``by hand``, once it is ready."""
    port = free_port()
    own = [sys.executable, "-m", "deepwell", "serve", str(run), "--port", str(port), *more]
    hand = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "serving_by_hand:app", "--port", str(port)]
    hand += ["--log-level", "warning", "--no-access-log"]
    environment = os.environ | {"MODEL": str(run / "model.safetensors")}
    process = subprocess.Popen(own if name == "deepwell" else hand, stderr=log, stdout=log, env=environment)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1) as answer:
                if answer.status == 200:
                    return Server(name, port, process)
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit(f"{name} does not get ready")


def uploads(model: Any, count: int = 64) -> list[tuple[bytes, bytes]]:
    """Requests of one PNG each, and the class that the saved model answers, as it stands in the JSON."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    channels, height, width = model.input.shape
    shape = (height, width) if channels == 1 else (height, width, channels)
    files = []
    for _ in range(count):
        small = rng.integers(0, 255, (7, 7) if channels == 1 else (7, 7, channels)).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(small).resize(shape[1::-1], Image.Resampling.BICUBIC).save(stream, "PNG")
        files.append(stream.getvalue())
    found = []
    for file, answer in zip(files, model.predict(files), strict=True):
        body = b'--mark\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        body += b"Content-Type: image/png\r\n\r\n" + file + b"\r\n--mark--\r\n"
        head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=mark\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        found.append((head.encode() + body, json.dumps(answer["prediction"]).encode()))
    return found


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, load: Load, number: int) -> None:
        self.load, self.next = load, number
        self.wanted = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        if not self.load.more():
            self.transport.close()
            return
        request, self.wanted = self.load.requests[self.next % len(self.load.requests)]
        self.next += 1
        self.got = b""
        self.begun = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.got += data
        end = self.got.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.got.lower().find(b"content-length: ")
        length = int(self.got[at + 16 : self.got.index(b"\r", at)])
        if len(self.got) < end + 4 + length:
            return
        right = self.got.startswith(b"HTTP/1.1 200") and self.wanted in self.got[end:].partition(b"confidence")[0]
        self.load.seconds.append(time.perf_counter() - self.begun)
        self.load.errors += not right
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost(self.transport.is_closing() and error is None)


class Load:
    """So many clients for so many seconds or requests."""

    def __init__(self, requests: list[tuple[bytes, bytes]], *, seconds: float = 1e9, count: int = 1 << 60) -> None:
        self.requests, self.count = requests, count
        self.until = time.perf_counter() + seconds
        self.seconds: list[float] = []
        self.errors = 0
        self.asked = 0

    def more(self) -> bool:
        self.asked += 1
        return self.asked <= self.count and time.perf_counter() < self.until

    def lost(self, well: bool) -> None:
        self.open -= 1
        self.errors += not well
        if not self.open:
            self.done.set()

    async def run(self, port: int, clients: int) -> dict[str, float]:
        loop, self.done, self.open = asyncio.get_running_loop(), asyncio.Event(), clients
        begun = time.perf_counter()
        for number in range(clients):
            await loop.create_connection(lambda number=number: Client(self, number * 7), "127.0.0.1", port)
        await self.done.wait()
        wall, waits = time.perf_counter() - begun, sorted(self.seconds)
        return {
            "requests": len(waits),
            "rate": len(waits) / wall,
            "p50": 1e3 * waits[len(waits) // 2],
            "p99": 1e3 * waits[int(len(waits) * 0.99)],
            "errors": self.errors,
        }


def loaded(server: Server, arguments: list[str]) -> dict[str, float]:
    """A load from a process of its own, and what the server's processor time was."""
    before = server.cpu()
    command = [sys.executable, __file__, "--load", str(server.port), *arguments]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found | {"cpu_ms": 1e3 * (server.cpu() - before) / found["requests"]}


def told(name: str, found: dict[str, float]) -> None:
    print(
        f"{name:10} {found['rate']:8.0f} requests/s  p50 {found['p50']:7.1f} ms  p99 {found['p99']:7.1f} ms  "
        f"errors {found['errors']:.0f}  server's processor {found['cpu_ms']:.2f} ms a request",
        flush=True,
    )


def compare(run: Path, rounds: int, seconds: float, clients: int) -> None:
    """In turns; the ratio is the median over rounds of the ratio within a round."""
    servers = [start(name, run) for name in ("by hand", "deepwell")]
    load = ["--run", str(run), "--clients", str(clients)]
    ratios, every = [], {server.name: [] for server in servers}  # type: ignore[var-annotated]
    try:
        for server in servers:
            loaded(server, [*load, "--seconds", "2"])
        for number in range(rounds):
            print(f"round {number + 1}, {clients} clients, load average {os.getloadavg()[0]:.1f}")
            for server in servers:
                found = loaded(server, [*load, "--seconds", str(seconds)])
                every[server.name].append(found)
                told(server.name, found)
            ratios.append(every["deepwell"][-1]["rate"] / every["by hand"][-1]["rate"])
    finally:
        codes = [server.stop() for server in servers]
    print(f"deepwell / by hand: median {statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})")
    for name, rows in every.items():
        median = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        told(f"{name}, median", median | {"errors": sum(row["errors"] for row in rows)})
    print(f"exit code of deepwell after SIGTERM: {codes[1]}")


def soak(run: Path, count: int, clients: int) -> None:
    """Memory over many requests."""
    server = start("deepwell", run)
    load = ["--run", str(run), "--clients", str(clients)]
    try:
        loaded(server, [*load, "--count", "2000"])
        first = server.memory()
        print(f"resident after 2,000 requests: {first:.1f} MB", flush=True)
        for number in range(5):
            found = loaded(server, [*load, "--count", str(count // 5)])
            asked = 2000 + (number + 1) * (count // 5)
            print(f"resident after {asked:,}: {server.memory():.1f} MB  errors {found['errors']:.0f}", flush=True)
        print(f"growth over {count:,} requests: {server.memory() - first:+.1f} MB")
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--count", type=int, default=1 << 60)
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--load", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--run", dest="model", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        requests = prepared(given.model)
        seconds = given.seconds if given.count == 1 << 60 else 1e9
        load = Load(requests, seconds=seconds, count=given.count)
        print(json.dumps(asyncio.run(load.run(given.load, given.clients))))
        return
    names = ("uvicorn", "starlette", "fastapi", "torch", "uvloop", "httptools")
    print("versions:", ", ".join(f"{name} {_version(name)}" for name in names), "python", platform.python_version())
    from deepwell.core.devices import machine

    print("machine:", machine(), "OMP_NUM_THREADS:", os.environ.get("OMP_NUM_THREADS", "not set"))
    prepared(given.run, anew=True)
    if given.rounds:
        compare(given.run, given.rounds, given.seconds, given.clients)
    if given.soak:
        soak(given.run, given.soak, given.clients)


def prepared(run: Path, *, anew: bool = False) -> list[tuple[bytes, bytes]]:
    """The requests, made once, so that the process of the load imports nothing heavy."""
    place = Path(os.environ.get("TMPDIR", "/tmp")) / f"serving-{run.resolve().name}.json"
    if anew:
        from deepwell.saved.model import load

        made = uploads(load(run / "model.safetensors"))
        place.write_text(json.dumps([[request.hex(), wanted.decode()] for request, wanted in made]))
    return [(bytes.fromhex(request), wanted.encode()) for request, wanted in json.loads(place.read_text())]


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:
        return "none"


if __name__ == "__main__":
    main()
