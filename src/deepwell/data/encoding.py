"""Bytes of a text file to a string: which encoding it has is found out from the bytes, and said."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from deepwell.core.errors import UserError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32 LE"),  # begins with the mark of UTF-16 LE, so it is looked for before it
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32 BE"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 LE"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 BE"),
)
_CONTROL = bytes([*range(1, 9), *range(14, 27), *range(28, 32), 127])
_MANY_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_WANTED = "text in UTF-8, UTF-16, GB18030 or Latin-1"

# the commonest characters of Chinese, simplified and traditional: in running text about one in four
_COMMON = frozenset(
    "的一是不了在人有我他这那个们中来上大为和国地到以说时要就出会可也你对生能而子得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日这個們來為國說時會對過發後裡經麼學現當"
    "沒動還進樣開從實這"
)
_LOOKED_AT = 1 << 20
"""Bytes from which it is judged what the encoding may be; the whole is then decoded strictly."""


@dataclass(frozen=True)
class Decoded:
    """What bytes say.

    Attributes:
        text: with ``\\n`` at the end of each line.
        encoding: its name, as a person knows it.
        note: what a person should know of it; "" for sound UTF-8.
    """

    text: str
    encoding: str
    note: str


def decode(content: bytes, *, name: str = "") -> Decoded:
    """Find out the encoding of a text and read it.

    In this order: a byte order mark; zero bytes where UTF-16 has them; UTF-8; UTF-8 with a few damaged bytes, which
    become U+FFFD; GB18030, where the characters are such as Chinese has; else Windows-1252, or Latin-1.

    Args:
        content: the whole file.
        name: of the file, for messages.

    Raises:
        UserError: it is no text.

    >>> decode("r\\u00e9sum\\u00e9".encode("latin-1")).text, decode("中文".encode("gb18030")).encoding
    ('résumé', 'GB18030')
    """
    name = name or "the text"
    for mark, codec, known in _MARKS:
        if content.startswith(mark):
            return _marked(content[len(mark) :], codec, known, name)
    if b"\0" in content:
        return _with_zeros(content, name)
    if _is_binary(content):
        raise _no_text(name, "its bytes are those of no text")
    try:
        return Decoded(_lines(content.decode("utf-8")), "UTF-8", "")
    except UnicodeDecodeError as error:
        first = error.start
    return _broken_utf8(content, first, name) or _chinese(content, name) or _western(content, name)


def read_text(path: str | Path) -> Decoded:
    """Read a file whose encoding is not known.

    Raises:
        UserError: it can't be opened, or is no text.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})", fix="check the path and its permissions") from None
    return decode(content, name=str(path))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _no_text(name: str, why: str) -> UserError:
    return UserError(
        f"{name} can't be read as text: {why}", expected=_WANTED, fix="check that it is the right file, or save it anew"
    )


def _place(content: bytes, at: int) -> str:
    """Where a byte is, as an editor shows it."""
    line = content.count(b"\n", 0, at) + 1
    return f"byte {at:,} (line {line:,})"


def _places(count: int) -> str:
    return "1 place became" if count == 1 else f"{count:,} places became"


def _damage(content: bytes, text: str) -> int:
    """Places that could not be decoded: U+FFFD that were not written."""
    return text.count("\ufffd") - content.count("\ufffd".encode())


def _is_binary(content: bytes) -> bool:
    piece = content[:_LOOKED_AT]
    controls = len(piece) - len(piece.translate(None, _CONTROL))
    return controls > 0.05 * len(piece)


def _marked(content: bytes, codec: str, known: str, name: str) -> Decoded:
    note = "" if codec == "utf-8" else f"{name} is read as {known}"
    try:
        return Decoded(_lines(content.decode(codec)), known, note)
    except UnicodeDecodeError as error:
        first = error.start
    text = content.decode(codec, "replace")
    damaged = text.count("\ufffd")
    # the last character cut off is no reason to refuse a file, a tenth of them is
    if damaged > max(1, len(text) // 10) or damaged == len(text):
        raise _no_text(name, f"it begins as {known}, but {_place(content, first)} and others do not fit")
    note = f"{name} is damaged {known}: {_places(damaged)} U+FFFD, the first is {_place(content, first)}"
    return Decoded(_lines(text), known, note)


def _with_zeros(content: bytes, name: str) -> Decoded:
    """UTF-16 without a mark: lines and blanks, and of most scripts every letter, have a zero as their high byte."""
    even, odd = content[0::2].count(0), content[1::2].count(0)
    for codec, known, zeros, others in (
        ("utf-16-le", "UTF-16 LE", odd, even),
        ("utf-16-be", "UTF-16 BE", even, odd),
    ):
        if len(content) % 2 or zeros <= 8 * others:
            continue
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        odd_ones = sum(
            (ord(c) < 32 and c not in "\t\n\r\f\v\x1b") or "\ue000" <= c <= "\uf8ff" for c in text[:_LOOKED_AT]
        )
        if odd_ones <= len(text) // 100:
            return Decoded(_lines(text), known, f"{name} is read as {known}; it has no byte order mark")
    zeros = even + odd
    counted = "a zero byte" if zeros == 1 else f"{zeros:,} zero bytes"
    if zeros > len(content) // 1000 + 1 or _is_binary(content) or len(content) < 50:
        raise _no_text(name, f"it has {counted}, the first is {_place(content, content.index(0))}")
    found = decode(content.replace(b"\0", b" "), name=name)
    more = f"{name} has {counted}, read as blanks, the first is {_place(content, content.index(0))}"
    return Decoded(found.text, found.encoding, f"{found.note}; {more}" if found.note else more)


def _broken_utf8(content: bytes, first: int, name: str) -> Decoded | None:
    """UTF-8 of which most, and not all, is sound; None where the bytes above 127 are rather another encoding."""
    piece = content[max(0, first - _LOOKED_AT) : first + _LOOKED_AT]
    damaged = _damage(piece, piece.decode("utf-8", "replace"))
    sound = sum(1 for _ in _MANY_BYTES.finditer(piece))
    # bytes of other encodings look like one character of UTF-8 now and then, never like several for each that fails
    if sound < 4 * damaged and not (damaged == 1 and sound and first >= len(content) - 3):
        return None
    text = content.decode("utf-8", "replace")
    note = f"{name} is damaged UTF-8: {_places(_damage(content, text))} U+FFFD, the first is {_place(content, first)}"
    return Decoded(_lines(text), "UTF-8", note)


def _chinese(content: bytes, name: str) -> Decoded | None:
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    return Decoded(_lines(text), "GB18030", f"{name} is read as GB18030") if _is_chinese(text[:_LOOKED_AT]) else None


def _is_chinese(text: str) -> bool:
    """Whether what was read as GB18030 is plausible: nearly all of it in frequent characters.

    An accented letter of Latin-1 and the letter behind it also make one character of GB18030, but a rare one, whose
    second byte is below 128. Korean in EUC-KR fits into the rows of frequent characters; it
    has blanks between its words, and not the commonest of Chinese.
    """
    codes = [c.encode("gb18030") for c in text if c > "\x7f"]
    pairs = [code for code in codes if len(code) == 2]
    if len(pairs) < 0.9 * len(codes):
        return False
    signs = [code for code in pairs if 0xA1 <= code[0] <= 0xA9]
    words = [code for code in pairs if not 0xA1 <= code[0] <= 0xA9 or code[1] < 0xA1]
    if not words:
        return bool(signs)
    frequent = sum(0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1 for code in words) / len(words)
    low = sum(code[1] < 0x80 for code in words) / len(words)
    common = sum(c in _COMMON for c in text) / len(words)
    spaced = sum(a > "\x7f" and b == " " and c > "\x7f" for a, b, c in zip(text, text[1:], text[2:], strict=False))
    if spaced > 0.1 * len(words) and common < 0.05:
        return False
    if len(words) >= 50 and len(set(words)) >= 20:
        return common >= 0.03 and low < 0.6
    return (frequent >= 0.7 and low < 0.2) or (common >= 0.1 and low < 0.5)


def _western(content: bytes, name: str) -> Decoded:
    high = [byte for byte in content[:_LOOKED_AT] if byte > 127]
    try:
        text = content.decode("cp1252")
        known = "Windows-1252" if any(byte < 0xA0 for byte in high) else "Latin-1"
    except UnicodeDecodeError as error:
        # five bytes have no character there; a text has hardly a control character of Latin-1 in their place
        strange = sum(byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) for byte in high)
        if strange > max(1, len(high) // 100):
            raise _no_text(name, f"{_place(content, error.start)} and others fit no encoding that is known") from None
        text, known = content.decode("latin-1"), "Latin-1"
    note = f"{name} is read as {known}"
    if len(high) > 0.4 * len(content[:_LOOKED_AT]):
        note += "; most of its letters are beyond ASCII, so it may be another encoding: save it as UTF-8 to be sure"
    return Decoded(_lines(text), known, note)
