"""What is too much, too slow or of the wrong form is refused with its status and with words."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.serve.made import in_base64, png

from deepwell.core.errors import UserError
from deepwell.serve.limits import Limits

JSON = {"content-type": "application/json"}


def refused(answer: Any, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in error["came"], error
    assert {"came", "expected", "fix"} <= error.keys()
    assert "Traceback" not in answer.text


def test_bytes_by_their_claim_and_by_count(client: Callable[..., Any]) -> None:
    served = client("text", max_bytes=1000)
    refused(served.post("/predict", json={"inputs": ["a" * 1000]}), 413, "the body has 1,0")

    def chunked() -> Iterator[bytes]:
        for _ in range(5):
            yield b"a" * 300

    answer = served.post("/predict", content=chunked(), headers=JSON)
    refused(answer, 413, "more than 1,000 bytes")
    assert answer.headers["connection"] == "close"
    assert served.post("/predict", json={"inputs": ["a" * 900]}).status_code == 200
    assert "deepwell_body_bytes_held 0" in served.get("/metrics").text


def test_pixels_by_the_header(client: Callable[..., Any]) -> None:
    served = client("image", max_pixels=10_000)
    refused(served.post("/predict", files={"a": png(0, (101, 100))}), 413, "input 0 has 100 x 101 pixels")
    refused(served.post("/predict", files=[("a", png(0, (60, 100))), ("a", png(0, (60, 100)))]), 413, "input 1 has")
    assert served.post("/predict", files={"a": png(0, (100, 100))}).status_code == 200


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that claims so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8_000, 12_000, 20_000, 2**31 - 1])
def test_bombs(side: int, client: Callable[..., Any]) -> None:
    served = client("image")
    for answer in (
        served.post("/predict", files={"a": bomb(side)}),
        served.post("/predict", json={"inputs": [in_base64(bomb(side))]}),
    ):
        refused(answer, 413, "pixels")


def test_inputs_and_parts(client: Callable[..., Any]) -> None:
    served = client("text", max_inputs=3)
    refused(served.post("/predict", json={"inputs": ["a"] * 4}), 413, "4 inputs")
    refused(served.post("/predict", files=[("a", b"x")] * 4), 413, "more than 3 parts")
    assert served.post("/predict", files=[("a", b"x")] * 3).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no JSON"),
        (b"{", 400, "no JSON: "),
        (b"nonsense", 400, "line 1, column 1"),
        (b"\xff\xfe{}", 400, "no UTF-8"),
        (b'{"inputs": ["\xe4"]}', 400, "no UTF-8 (byte 13)"),
        (b"[" * 40_000, 400, "nested too deeply"),
        (b'{"inputs":' * 5_000, 400, ""),
        (b"[],[" * 30_000, 413, "brackets"),
        (b'{"inputs": [' + b"1" * 5000 + b"]}", 400, "too long"),
        (b"[]", 422, "the JSON is a list"),
        (b"null", 422, "null"),
        (b"7", 422, "a number"),
        (b'"a"', 422, "a string"),
        (b"{}", 422, "without 'inputs'"),
        (b'{"inputs": "a"}', 422, "'inputs' is a string"),
        (b'{"inputs": []}', 422, "empty list"),
        (b'{"inputs": ["a"], "path": "/etc/passwd"}', 422, "'path'"),
    ],
)
def test_json_of_another_form(body: bytes, status: int, words: str, client: Callable[..., Any]) -> None:
    refused(client("text").post("/predict", content=body, headers=JSON), status, words)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "image/png", "application/xml", "application/jsonx", "multipart/mixed"]
)
def test_other_content_types(kind: str, client: Callable[..., Any]) -> None:
    refused(client("text").post("/predict", content=b"{}", headers={"content-type": kind}), 415, "Content-Type")


def test_routes_and_methods(client: Callable[..., Any]) -> None:
    served = client("text")
    for path in ("/x", "/predict/", "/%2e%2e/%2e%2e/etc/passwd", "/page/index.html", "/etc/passwd"):
        refused(served.get(path), 404, "no such route")
    answer = served.get("/predict")
    refused(answer, 405, "another method")
    assert answer.headers["allow"] == "POST"
    refused(served.delete("/health"), 405, "another method")
    assert served.head("/health").status_code == 200


def test_limits_are_checked() -> None:
    for name, value in (("max_batch", 0), ("queue", 1.5), ("timeout", 0), ("max_delay", -1), ("max_bytes", True)):
        with pytest.raises(UserError, match=f"{name} is"):
            Limits(**{name: value})
    with pytest.raises(UserError, match="the queue holds 10"):
        Limits(queue=10)
    assert Limits.of("text", queue=10).max_inputs == 10
    with pytest.raises(UserError, match="max_held"):
        Limits(max_bytes=1 << 40)


def test_answers_are_json_that_every_reader_takes(client: Callable[..., Any]) -> None:
    answer = client("text").post("/predict", json={"inputs": ["好"]})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    json.loads(answer.content.decode("utf-8"), parse_constant=pytest.fail)
