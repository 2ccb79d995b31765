"""10,000 mutated requests and uploads against a real server on 127.0.0.1.

    python benchmarks/mutated_requests.py RUN [--count 10000] [--clients 8]

No answer may be a 5xx but a deliberate 503 (it has the server's own words), none may hold a traceback, the server must
live and answer rightly after it, no file may have come into being in its folder or in the temporary one, and its
memory must stay level.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from mutations import FORM, Attack, attack, form, request

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_WAIT = 60.0
"""Seconds after which a server that says nothing is wrong: more than all its clocks together."""


def pictures() -> list[bytes]:
    """Three files that a server of pictures answers."""
    import io

    import numpy as np
    from PIL import Image

    found = []
    for seed, format in enumerate(("PNG", "JPEG", "WEBP")):
        stream = io.BytesIO()
        pixels = np.random.default_rng(seed).integers(0, 255, (40, 30, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(stream, format)
        found.append(stream.getvalue())
    return found


async def send(port: int, made: Attack, *, pause: float = 0.0, patience: float = 0.2) -> bytes:
    """All that the server said to it until it closed the connection, or was left.

    Args:
        port: of the server.
        made: what to send.
        pause: seconds of a slow client.
        patience: seconds that a client waits which does not expect an answer.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        for piece in made.pieces:
            if piece is None:
                await asyncio.sleep(pause)
            else:
                writer.write(piece)
                await writer.drain()
        if made.hangs and writer.can_write_eof():
            writer.write_eof()
        while piece := await asyncio.wait_for(reader.read(65_536), patience if made.hangs else _WAIT):
            got += piece
    except TimeoutError:
        if not made.hangs:
            got += b"HTTP/1.1 599 NO ANSWER"
    except OSError:
        pass  # it closed while we wrote
    finally:
        writer.close()
    return got


def wrong(got: bytes) -> str:
    """What must not be in an answer; "" where all is well.

    >>> wrong(b"HTTP/1.1 400 Bad Request"), wrong(b"HTTP/1.1 500 Internal")
    ('', 'status 500')
    """
    for status in map(int, _STATUS.findall(got)):
        if status >= 500 and not (status == 503 and b'{"error"' in got):
            return f"status {status}"
    if b"Traceback" in got or b'File "' in got:
        return "a traceback"
    return "a file's content" if b"root:" in got else ""


async def storm(port: int, first: int, count: int, *, clients: int, pause: float) -> tuple[Counter[str], list[str]]:
    """Attacks from ``first`` on; counts of (kind, status), and what was wrong."""
    good, found, bad = pictures(), Counter[str](), list[str]()
    numbers = iter(range(first, first + count))

    async def client() -> None:
        for number in numbers:
            made = attack(number, good)
            got = await send(port, made, pause=pause)
            statuses = [status.decode() for status in _STATUS.findall(got)]
            found[f"{made.name}: {statuses[-1] if statuses else 'closed'}"] += 1
            if why := wrong(got):
                bad.append(f"attack {number} ({made.name}): {why}: {got[:300]!r}")

    await asyncio.gather(*(client() for _ in range(clients)))
    return found, bad


def listing(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                stat = path.stat()
                found[str(path)] = (stat.st_size, stat.st_mtime_ns)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    given = parser.parse_args()
    import serving

    run = given.run.resolve()
    with tempfile.TemporaryDirectory() as place:
        inside, temporary = Path(place) / "work", Path(place) / "tmp"
        inside.mkdir()
        temporary.mkdir()
        os.environ["TMPDIR"] = str(temporary)
        os.chdir(inside)
        with open(Path(place) / "log", "wb") as log:
            server = serving.start("deepwell", run, log=log, more=("--timeout", "10"))
            try:
                _measure(server, given, run, inside, temporary)
            finally:
                code = server.stop()
        text = (Path(place) / "log").read_text()
        faults = text.count("fault ")
        print(f"exit code after SIGTERM: {code}; faults in the server's log: {faults}, lines: {text.count(chr(10)):,}")
        if "Traceback" in text:
            print(text[-3000:])


def _measure(server: Any, given: argparse.Namespace, run: Path, inside: Path, temporary: Path) -> None:
    files = pictures()
    ask = Attack("good", [request(form(*files), FORM)])
    wanted = asyncio.run(send(server.port, ask)).partition(b"\r\n\r\n")[2]
    found, bad, begun = Counter[str](), list[str](), time.monotonic()
    before = listing(inside, temporary, run)
    print(f"after one request: {server.memory():.1f} MB")
    part = max(1, given.count // 5)
    for first in range(0, given.count, part):
        some, worse = asyncio.run(
            storm(server.port, first, min(part, given.count - first), clients=given.clients, pause=25)
        )
        found += some
        bad += worse
        seconds = time.monotonic() - begun
        print(f"after {first + part:,}: {server.memory():.1f} MB, {seconds:.0f} s, wrong {len(bad)}", flush=True)
    again = asyncio.run(send(server.port, ask)).partition(b"\r\n\r\n")[2]
    by_status = Counter[str]()
    for name, count in sorted(found.items()):
        by_status[name.rpartition(": ")[2]] += count
    print("answers:", json.dumps(dict(sorted(by_status.items()))))
    for name, count in sorted(found.items()):
        print(f"  {count:6,}  {name}")
    print(f"{sum(found.values()):,} attacks, wrong: {len(bad)}", *bad[:20], sep="\n  ")
    print("files that changed or came:", sorted(set(before.items()) ^ set(listing(inside, temporary, run).items())))
    print("answers rightly afterwards:", b'"answers"' in again and same(wanted, again))


def same(a: bytes, b: bytes) -> bool:
    """The same classes as before."""
    names = [[answer["prediction"] for answer in json.loads(text)["answers"]] for text in (a, b)]
    return names[0] == names[1]


if __name__ == "__main__":
    main()
