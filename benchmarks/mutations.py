"""Requests that a stranger or a broken client might send, each a function of its number: for ``mutated_requests.py``
and for the test of it."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable
from typing import NamedTuple

SECRET = "/etc/passwd"


class Attack(NamedTuple):
    """What is sent.

    Attributes:
        name: of its kind.
        pieces: written one after another; None is a pause of ``Limits.body_seconds`` or more.
        hangs: the client goes away at once, and waits for no answer.
    """

    name: str
    pieces: list[bytes | None]
    hangs: bool = False


def request(
    body: bytes,
    content_type: str = "application/json",
    *,
    path: str = "/predict",
    method: str = "POST",
    length: int | None = None,
    more: str = "",
) -> bytes:
    """A whole request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}"
    head += f"Content-Type: {content_type}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode("latin-1", "replace") + body


def form(*contents: bytes, name: str = "a.png", mark: str = "mark") -> bytes:
    """A multipart body."""
    head = f'--{mark}\r\nContent-Disposition: form-data; name="inputs"; filename="{name}"\r\n'.encode(
        "utf-8", "replace"
    )
    parts = b"".join(head + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n" for content in contents)
    return parts + f"--{mark}--\r\n".encode()


FORM = "multipart/form-data; boundary=mark"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def bomb(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG that claims that size."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _flipped(draw: random.Random, content: bytes, most: int = 20) -> bytes:
    made = bytearray(content)
    for _ in range(draw.randint(1, most)):
        made[draw.randrange(len(made))] = draw.randrange(256)
    return bytes(made)


def _cut(draw: random.Random, content: bytes) -> bytes:
    return content[: draw.randrange(len(content))]


def _truncated_file(draw: random.Random, good: list[bytes]) -> Attack:
    return Attack("truncated file", [request(form(_cut(draw, draw.choice(good))), FORM)])


def _flipped_file(draw: random.Random, good: list[bytes]) -> Attack:
    return Attack("flipped bytes in a file", [request(form(_flipped(draw, draw.choice(good))), FORM)])


def _noise_file(draw: random.Random, good: list[bytes]) -> Attack:
    starts = [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM",
        b"II*\0",
        b"RIFF\0\0\0\0WEBP",
        b"%!PS-Adobe",
    ]
    return Attack("noise as a file", [request(form(draw.choice(starts) + draw.randbytes(draw.randint(0, 3000))), FORM)])


def _bomb(draw: random.Random, good: list[bytes]) -> Attack:
    side = draw.choice([5_000, 9_000, 15_000, 60_000, 2**31 - 1])
    file = bomb(side, draw.choice([side, 1, 7]), zlib.compress(bytes(200_000)))
    if draw.random() < 0.5:
        return Attack("bomb", [request(form(*[file] * draw.choice([1, 5])), FORM)])
    return Attack("bomb", [request(json.dumps({"inputs": [{"image": base64.b64encode(file).decode()}]}).encode())])


def _text_bomb(draw: random.Random, good: list[bytes]) -> Attack:
    """A small picture with a compressed text of hundreds of megabytes beside it."""
    text = b"comment\0\0" + zlib.compress(bytes(draw.choice([1, 20]) << 20))
    file = good[0][:33] + _chunk(b"zTXt", text) + good[0][33:]
    return Attack("text bomb", [request(form(file), FORM)])


_VALUES: list[object] = [
    None, True, 0, -1, 1.5, 1e308, "", "x", SECRET, "../" * 20 + "etc/passwd", "file:///etc/passwd",
    "http://127.0.0.1:1/", [], {}, [[]], {"image": None}, {"image": 5}, {"image": SECRET}, {"image": "====", "x": 1},
    {"image": {"image": "AA"}},
    {"path": SECRET}, {"array": []}, {"array": [[]]}, {"array": "x"}, {"array": [[None]]}, {"array": [[1], [2, 3]]},
    {"array": [[1e39]]}, {"array": [[10**400]]}, {"array": [[[[1]]]]}, "\ud800", "\0", "a" * 3000,
    {"__class__": "x"},
]  # fmt: skip


def _wrong_json(draw: random.Random, good: list[bytes]) -> Attack:
    values = [draw.choice(_VALUES) for _ in range(draw.randint(0, 4))]
    document: object = {"inputs": values}
    if draw.random() < 0.3:
        document = draw.choice(
            [values, {"input": values}, {"inputs": draw.choice(_VALUES)}, {"inputs": values, "x": 1}]
        )
    return Attack("JSON of wrong types", [request(json.dumps(document).encode())])


def _broken_json(draw: random.Random, good: list[bytes]) -> Attack:
    body = json.dumps({"inputs": [{"image": base64.b64encode(draw.choice(good)).decode()}]}).encode()
    body = _cut(draw, body) if draw.random() < 0.5 else _flipped(draw, body, 4)
    return Attack("broken JSON", [request(body)])


def _deep_json(draw: random.Random, good: list[bytes]) -> Attack:
    deep = draw.choice([900, 1100, 40_000, 400_000])
    unit = draw.choice([b"[", b'{"a":', b'{"inputs":[', b"[{"])
    return Attack("deep JSON", [request(unit * deep)])


def _huge_json(draw: random.Random, good: list[bytes]) -> Attack:
    unit = draw.choice([b"[],", b"1,", b'"",', b"{},", b'"\\u0000",', b"1e1,"])
    body = b'{"inputs":[' + unit * (draw.choice([10_000, 300_000, 1_000_000]) // len(unit)) + b"0]}"
    return Attack("huge JSON", [request(body)])


def _numbers(draw: random.Random, good: list[bytes]) -> Attack:
    number = draw.choice([b"9" * 5000, b"1e999999", b"-" + b"9" * 400, b"NaN", b"Infinity", b"0x10", b"1" * 100_000])
    where = draw.choice([b'{"inputs":[%s]}', b'{"inputs":[{"array":[[%s]]}]}', b"%s"])
    return Attack("numbers", [request(where % number)])


def _encodings(draw: random.Random, good: list[bytes]) -> Attack:
    text = json.dumps({"inputs": ["好 text"]}, ensure_ascii=False)
    body = draw.choice([
        text.encode("utf-16"), text.encode("utf-32"), text.encode("gb18030"), b"\xef\xbb\xbf" + text.encode(),
        text.encode()[:-5], b'{"inputs":["\xc0\xaf"]}', b'{"inputs":["\xed\xa0\x80"]}', draw.randbytes(200),
    ])  # fmt: skip
    kind = draw.choice(["application/json", "application/json; charset=utf-16", "application/json;;;", "text/json"])
    more = draw.choice(["", "Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n"])
    return Attack("wrong encodings", [request(body, kind, more=more)])


def _types(draw: random.Random, good: list[bytes]) -> Attack:
    kind = draw.choice(
        [
            "",
            "text/plain",
            "image/png",
            "application/x-www-form-urlencoded",
            "multipart/mixed; boundary=mark",
            "a" * 5000,
        ]
    )
    return Attack("content types", [request(form(good[0]), kind)])


def _multipart(draw: random.Random, good: list[bytes]) -> Attack:
    body = form(*[draw.choice(good) for _ in range(draw.randint(1, 3))])
    kind = draw.choice([
        FORM, "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=" + "m" * 200, 'multipart/form-data; boundary="mark', FORM + "; boundary=mark2",
    ])  # fmt: skip
    body = draw.choice([body, _cut(draw, body), _flipped(draw, body), body.replace(b"\r\n", b"\n"), b"--mark" * 5000,
                        body.replace(b"\r\n\r\n", b"\r\n"), b"--mark\r\n" + b"A: b\r\n" * 5000 + body])  # fmt: skip
    return Attack("broken multipart", [request(body, kind)])


def _many_parts(draw: random.Random, good: list[bytes]) -> Attack:
    count = draw.choice([0, 257, 3000])
    return Attack("many parts", [request(form(*[b"x"] * count), FORM)])


def _names(draw: random.Random, good: list[bytes]) -> Attack:
    name = draw.choice(
        [
            "../../../tmp/evil.png",
            SECRET,
            "C:\\evil",
            "a\0b",
            "x" * 4000,
            "\u202egnp.exe",
            "|touch evil",
            "$(touch evil)",
        ]
    )
    return Attack("file names", [request(form(good[0], name=name), FORM)])


def _paths(draw: random.Random, good: list[bytes]) -> Attack:
    path = draw.choice([
        "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/static/../app.py",
        "/.env", "/predict/../model", "/predict%00", "/%ff%fe", "/predict;x=1", "/" + "a" * 20_000, "/docs/../../..",
        "*", "predict",
        "http://127.0.0.1:1/predict", "/\\..\\..\\etc", "/model.safetensors", "/page/index.html",
        "/predict?" + "a=b&" * 5000, "/explain?target=../../x", "/explain?lang=%00", "/explain?method=__import__('os')",
    ])  # fmt: skip
    method = draw.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "A" * 300])
    return Attack("paths and methods", [request(form(good[0]), FORM, path=path, method=method)])


def _lengths(draw: random.Random, good: list[bytes]) -> Attack:
    more = draw.choice([
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Length: 3\r\n", "Expect: 100-continue\r\n", "Expect: nonsense\r\n",
        "Connection: upgrade\r\nUpgrade: h2c\r\n",
    ])  # fmt: skip
    length = draw.choice([None, -1, 0, 5, 10**6, 10**12, 10**30])
    return Attack("lengths", [request(form(good[0]), FORM, length=length, more=more)], hangs=draw.random() < 0.8)


def _chunked(draw: random.Random, good: list[bytes]) -> Attack:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    head += f"Content-Type: {FORM}\r\n\r\n".encode()
    body = form(good[0])
    chunk = draw.choice([
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), b"%x\r\n%s" % (len(body) + 9, body), b"zz\r\n", b"-5\r\n",
        b"ffffffffffffffffffff\r\n", b"5;" + b"x" * 9000 + b"\r\n", b"3\r\nabc\r\n" * 3000 + b"0\r\n\r\n",
    ])  # fmt: skip
    return Attack("chunks", [head + chunk], hangs=draw.random() < 0.9)


def _heads(draw: random.Random, good: list[bytes]) -> Attack:
    head = draw.choice([
        b"A: " + b"b" * 100_000, b"A: b\r\n" * 20_000, b"A\r\n", b": b\r\n", b"A : b\r\n", b"A: \0\r\n",
        b"A: b\r\n c\r\n",
        b"A" * 70_000, b"\xff\xfe: x\r\n", b"Authorization: Bearer " + b"x" * 60_000 + b"\r\n",
        b"Host: \r\nHost: y\r\n",
    ])  # fmt: skip
    return Attack(
        "heads",
        [b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n\r\n"],
        hangs=draw.random() < 0.5,
    )


def _no_http(draw: random.Random, good: list[bytes]) -> Attack:
    sent = draw.choice([
        draw.randbytes(draw.randint(1, 5000)), b"\x16\x03\x01" + draw.randbytes(200), b"\n" * 5000, good[0],
        b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n",
    ])  # fmt: skip
    return Attack("no HTTP", [sent], hangs=True)


def _flipped_request(draw: random.Random, good: list[bytes]) -> Attack:
    return Attack("flipped bytes in a request", [_flipped(draw, request(form(draw.choice(good)), FORM))], hangs=True)


def _pipelined(draw: random.Random, good: list[bytes]) -> Attack:
    one = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    return Attack("pipelined", [one * draw.choice([3, 500]) + request(form(good[0]), FORM)], hangs=draw.random() < 0.5)


def _leaves(draw: random.Random, good: list[bytes]) -> Attack:
    whole = request(form(*good), FORM)
    return Attack("leaves in the middle", [_cut(draw, whole)], hangs=True)


def _slow(draw: random.Random, good: list[bytes]) -> Attack:
    whole = request(form(*good), FORM)
    place = draw.randrange(len(whole))
    return Attack("slow", [whole[:place], None])


_USUAL: list[Callable[[random.Random, list[bytes]], Attack]] = [
    _truncated_file, _flipped_file, _noise_file, _bomb, _text_bomb, _wrong_json, _broken_json, _deep_json, _huge_json,
    _numbers, _encodings, _types, _multipart, _many_parts, _names, _paths, _lengths, _chunked, _heads, _no_http,
    _flipped_request, _pipelined, _leaves,
]  # fmt: skip
_SLOW_EVERY = 100


def attack(number: int, good: list[bytes]) -> Attack:
    """The attack of that number.

    Args:
        number: from 0; every hundredth is a slow client.
        good: files of pictures that the server would answer.
    """
    draw = random.Random(number)
    if number % _SLOW_EVERY == _SLOW_EVERY - 1:
        return _slow(draw, good)
    return _USUAL[number % len(_USUAL)](draw, good)
