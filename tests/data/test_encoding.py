"""Encodings are found out from bytes alone; what is no text is refused."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import pytest

from deepwell.core.errors import UserError
from deepwell.data.encoding import decode, read_text

CHINESE = "今天天气很好，我们去公园玩。这部电影真的很好看，推荐大家去看！"
TRADITIONAL = "今天天氣很好，我們去公園玩。這部電影真的很好看，推薦大家去看！"
FRENCH = "L'été dernier, à la plage, nous avons mangé des crêpes. Où êtes-vous né ? Ça va."
HEBREW = "שלום עולם, זה סרט טוב מאוד"
EMOJI = "so good 😀👩‍👩‍👧 مرحبا"


@pytest.mark.parametrize(
    ("text", "codec", "known"),
    [
        ("plain", "ascii", "UTF-8"),
        ("", "utf-8", "UTF-8"),
        (CHINESE, "utf-8", "UTF-8"),
        (EMOJI, "utf-8", "UTF-8"),
        (CHINESE, "utf-8-sig", "UTF-8 with BOM"),
        (CHINESE, "utf-16", "UTF-16 LE"),
        (EMOJI, "utf-16", "UTF-16 LE"),
        ("\ufeff" + HEBREW, "utf-16-be", "UTF-16 BE"),
        (CHINESE, "utf-32", "UTF-32 LE"),
        (FRENCH, "utf-16-le", "UTF-16 LE"),
        (FRENCH, "utf-16-be", "UTF-16 BE"),
        (CHINESE + "\n" + CHINESE, "utf-16-le", "UTF-16 LE"),
        (CHINESE, "gb18030", "GB18030"),
        ("很好", "gb18030", "GB18030"),
        ("label,text\npos,还行吧\n", "gb18030", "GB18030"),
        (TRADITIONAL, "gbk", "GB18030"),
        (CHINESE + "😀", "gb18030", "GB18030"),
        (FRENCH, "latin-1", "Latin-1"),
        ("Müller", "latin-1", "Latin-1"),
        ("Über die Straße gehen größere Männer", "latin-1", "Latin-1"),
        ("“œuvre” – déjà vu…", "cp1252", "Windows-1252"),
    ],
)
def test_encodings(text: str, codec: str, known: str) -> None:
    found = decode(text.encode(codec), name="a.txt")
    assert found.text == text.removeprefix("\ufeff")
    assert found.encoding == known
    assert ("a.txt is read as" in found.note) == (not known.startswith("UTF-8"))


def test_every_western_letter_pair_stays_western() -> None:
    letters = "äöüßéèêëàâçîïôûñáíóúåæøÄÖÜÉ"
    for first in letters:
        for second in "bcdfglmnrst ":
            word = f"die {first}{second}en Gr{first}{second}e"
            assert decode(word.encode("latin-1")).text == word


KOREAN = "오늘은 날씨가 매우 좋습니다. 우리는 공원에 갔습니다. 이 영화는 정말 재미있어요. 한국어."


@pytest.mark.parametrize(("text", "codec"), [("Привет, мир! Как дела?", "cp1251"), (KOREAN, "euc-kr")])
def test_what_may_be_another_encoding_is_said(text: str, codec: str) -> None:
    assert "save it as UTF-8" in decode(text.encode(codec)).note


def test_newlines() -> None:
    for codec in ("utf-8", "utf-16", "gb18030"):
        assert decode("好a\r\n好b\r好c\n".encode(codec)).text == "好a\n好b\n好c\n"


def test_damaged_utf8_is_read_and_the_place_is_said() -> None:
    content = (CHINESE + "\n").encode() * 3
    broken = content[:118] + b"\xff" + content[119:]
    found = decode(broken, name="reviews.csv")
    assert found.encoding == "UTF-8"
    assert found.text.count("\ufffd") in (1, 2, 3)
    assert "reviews.csv is damaged UTF-8" in found.note
    assert "the first is byte 118 (line 2)" in found.note
    cut = decode(content[:-2])
    assert cut.text.startswith(CHINESE)
    assert "1 place became U+FFFD" in cut.note


def test_a_replacement_character_that_was_written_is_no_damage() -> None:
    found = decode(("\ufffd" * 5 + CHINESE).encode()[:-1])
    assert "1 place became" in found.note


def test_utf16_cut_in_the_middle_of_a_character() -> None:
    found = decode(CHINESE.encode("utf-16")[:-1])
    assert found.text[:-1] == CHINESE[:-1]
    assert "damaged UTF-16 LE: 1 place" in found.note


def test_a_stray_zero_byte() -> None:
    found = decode(b"good\n" * 300 + b"\0" + b"bad\n" * 300, name="a.txt")
    assert "good" in found.text
    assert "a zero byte, read as blanks, the first is byte 1,500 (line 301)" in found.note


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00", r"a zero byte, the first is byte 0"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "zero bytes"),
        (bytes(range(1, 32)) * 9, "those of no text"),
        (random.Random(0).randbytes(5000), "zero bytes"),
        (b"\xff\xfe\x00\xd8", "it begins as UTF-16 LE, but byte 0"),
        (b"\xff\xfe" + b"\x00\xd8" * 50, "it begins as UTF-16 LE"),
        (b"\x81\x8d\x8f\x90\x9d" * 20, "fit no encoding that is known"),
    ],
)
def test_what_is_no_text(content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        decode(content, name="photo.txt")
    assert "photo.txt can't be read as text" in str(caught.value)
    assert "UTF-8, UTF-16, GB18030 or Latin-1" in caught.value.expected
    assert caught.value.fix


def test_random_bytes_never_raise_anything_else() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        content = rng.randbytes(rng.randrange(40))
        if rng.random() < 0.3:
            content = rng.choice([b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xff\xfe\0\0"]) + content
        with contextlib.suppress(UserError):
            assert isinstance(decode(content).text, str)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("好".encode("utf-16"))
    assert read_text(tmp_path / "a.txt").text == "好"
    with pytest.raises(UserError, match=r"none.txt can't be read"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(UserError, match="can't be read"):
        read_text(tmp_path)
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_line_of_a_million_characters() -> None:
    text = (CHINESE * 40_000)[:1_000_000]
    assert decode(text.encode("gb18030")).text == text
    assert decode(text.encode()[:-1]).text[:-1] == text[:-1]
