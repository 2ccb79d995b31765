"""Word vectors from text files."""

from __future__ import annotations

import gzip
import itertools
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import torch
from torch import Tensor

from deepwell.core.errors import UserError

_LOOKED_AT = 100
"""Lines from which the width is told; words with spaces make some lines longer."""


def load_vectors(path: str | Path, vocabulary: list[str]) -> tuple[Tensor, int]:
    """The vectors that a file in the text format of GloVe, word2vec or fastText has for the words of a vocabulary.

    A line is a word, a space, and its numbers, in UTF-8; the first line may hold the number of words and the width
    instead. A word may have spaces in it. The file may be compressed (``.gz``). A word that the file has only in
    small letters gets that vector; of a word that occurs twice the first counts. The file is read line by line.

    Args:
        path: of the file.
        vocabulary: words in the order of the wanted rows.

    Returns:
        float32 [len(vocabulary), width], zeros where a word has no vector; and how many words have one.

    Raises:
        UserError: no such file, no vectors in it, or a line (its number is named) with other than its width of
            finite numbers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "vectors.txt"
    ...     _ = file.write_text("2 3\\nthe 0.5 1 0\\nNew York 1 2 3\\n")
    ...     load_vectors(file, ["New York", "moon", "The"])
    (tensor([[1.0000, 2.0000, 3.0000],
            [0.0000, 0.0000, 0.0000],
            [0.5000, 1.0000, 0.0000]]), 2)
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is no file", expected="a text file of word vectors", fix="check the path")
    exact: dict[bytes, list[int]] = {}
    small: dict[bytes, list[int]] = {}
    for row, word in enumerate(vocabulary):
        exact.setdefault(word.encode(), []).append(row)
        small.setdefault(word.lower().encode(), []).append(row)
    with _opened(path) as file:
        try:
            return _read(path, file, exact, small, len(vocabulary))
        except (OSError, EOFError) as error:
            raise UserError(
                f"{path} can't be read: {error}", expected="a text file of word vectors", fix="fetch it again"
            ) from error


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _read(
    path: Path, file: BinaryIO, exact: dict[bytes, list[int]], small: dict[bytes, list[int]], rows: int
) -> tuple[Tensor, int]:
    lines = _lines(file)
    head = list(itertools.islice(lines, _LOOKED_AT))
    header = _header(head[0][1]) if head else None
    if header is not None:
        head = head[1:]
    width = header or _width(path, head)
    if not head:
        raise UserError(f"{path} has no vectors", expected="a line for each word: the word and its numbers")
    vectors = torch.zeros(rows, width)
    sure, maybe = set[int](), set[int]()
    for number, line in itertools.chain(head, lines):
        # most words have no space: then the line need not be cut to know its word and its width
        word = line[: line.find(b" ")] if line.count(b" ") == width else _word(path, number, line, width)
        own = [row for row in exact.get(word, ()) if row not in sure]
        near = [row for row in small.get(word, ()) if row not in sure and row not in maybe]
        if own or near:
            vectors[list({*own, *near})] = _numbers(path, number, line, width)
            sure.update(own)
            maybe.update(near)
    return vectors, len(sure | maybe)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Number and content, blank lines left out. Only a line feed ends a line: words may hold other separators."""
    for number, line in enumerate(file, 1):
        text = line.rstrip(b"\r\n\t ").replace(b"\t", b" ")
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        if text:
            yield number, text


def _header(line: bytes) -> int | None:
    """The width that a header line tells, or None where the line is none."""
    parts = line.split(b" ")
    return int(parts[1]) if len(parts) == 2 and all(part.isdigit() for part in parts) and int(parts[1]) else None


def _width(path: Path, head: list[tuple[int, bytes]]) -> int:
    """The most frequent number of fields after the first."""
    widths = Counter(line.count(b" ") for _, line in head)
    width = max(widths, key=lambda w: (widths[w], -w), default=0)
    if head and not width:
        raise _wrong(path, head[0][0], "has a word and no numbers", "a word, a space and its numbers")
    return width


def _word(path: Path, number: int, line: bytes, width: int) -> bytes:
    """The word of a line that has more or fewer spaces than numbers."""
    parts = line.split(b" ")
    words = parts[:-width]
    # "the 0.1 0.2 0.3" at width 2 is a vector too long, not the word "the 0.1"
    if not words or any(b"." in part and _number(part) is not None for part in words[1:]):
        raise _wrong(path, number, f"has {len(parts) - 1} numbers", f"{width}, as the other lines have")
    return b" ".join(words)


def _numbers(path: Path, number: int, line: bytes, width: int) -> Tensor:
    values = []
    for part in line.split(b" ")[-width:]:
        value = _number(part)
        if value is None or not math.isfinite(value):
            raise _wrong(path, number, f"has {part.decode(errors='replace')!r:.40}", "a finite number")
        values.append(value)
    return torch.tensor(values)


def _number(part: bytes) -> float | None:
    try:
        return float(part)
    except ValueError:
        return None


def _wrong(path: Path, number: int, came: str, expected: str) -> UserError:
    fix = "fetch the file again; a file in word2vec's binary format must be turned into text first"
    return UserError(f"line {number} of {path} {came}", expected=expected, fix=fix)
