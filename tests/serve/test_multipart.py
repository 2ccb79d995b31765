"""Bodies of uploads, as clients write them and as they should not."""

from __future__ import annotations

import pytest

from deepwell.serve.multipart import parts
from deepwell.serve.refusal import Refusal

FORM = "multipart/form-data; boundary=xx"


def body(*contents: bytes, head: bytes = b'Content-Disposition: form-data; name="a"') -> bytes:
    return b"".join(b"--xx\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for content in contents) + b"--xx--\r\n"


@pytest.mark.parametrize(
    "contents", [[b"a"], [b""], [b"\r\n"], [b"a\r\nb", b"--x", b"\r\n--x\r\n"], [bytes(range(256)) * 9]]
)
def test_contents_come_out_as_they_went_in(contents: list[bytes]) -> None:
    assert parts(body(*contents), FORM, most=9) == contents


@pytest.mark.parametrize(
    "form",
    [
        'multipart/form-data; boundary="xx"',
        "multipart/form-data; charset=utf-8; boundary=xx",
        "Multipart/Form-Data;BOUNDARY=xx; x=y",
    ],
)
def test_ways_to_write_the_boundary(form: str) -> None:
    assert parts(body(b"a"), form, most=9) == [b"a"]


def test_what_the_standard_allows() -> None:
    assert parts(b"a preamble\r\n" + body(b"a") + b"an epilogue", FORM, most=9) == [b"a"]
    assert parts(b"--xx\r\n\r\nwithout a head\r\n--xx--", FORM, most=9) == [b"without a head"]
    assert parts(b"--xx--\r\n", FORM, most=9) == []
    assert parts(body(b"a").replace(b"--xx\r\n", b"--xx  \r\n", 1), FORM, most=9) == [b"a"]


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (body(b"a"), "multipart/form-data", "names no boundary"),
        (body(b"a"), "multipart/form-data; boundary=", "names no boundary"),
        (body(b"a"), f"multipart/form-data; boundary={'x' * 71}", "names no boundary"),
        (body(b"a"), "multipart/form-data; boundary=é", "names no boundary"),
        (b"", FORM, "is empty"),
        (b"hello", FORM, "nowhere"),
        (body(b"a")[:-8], FORM, "cut off"),
        (b"--xx\r\nno end of the head", FORM, "cut off"),
        (b"--xx\r\nno end of the head\r\n--xx--", FORM, "has no end"),
        (b"--xxjunk\r\n\r\na\r\n--xx--", FORM, "line of its own"),
        (b"--xx\r\n" + b"A: " + b"a" * 9000 + b"\r\n\r\nb\r\n--xx--", FORM, "too long"),
        (body(b"YQ==", head=b"Content-Transfer-Encoding: base64"), FORM, "Transfer-Encoding"),
    ],
)
def test_broken_ones_are_named(content: bytes, form: str, words: str) -> None:
    with pytest.raises(Refusal, match="can't be read") as caught:
        parts(content, form, most=9)
    assert caught.value.status == 400 and words in str(caught.value)


def test_too_many() -> None:
    with pytest.raises(Refusal) as caught:
        parts(body(*[b"a"] * 10), FORM, most=9)
    assert caught.value.status == 413
    assert len(parts(body(*[b"a"] * 9), FORM, most=9)) == 9
