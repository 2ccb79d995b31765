"""Tables in text: values between commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from deepwell.core.errors import UserError

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_LIMIT = Lock()

Rows = list[list[str]]


def read_separated(text: str, *, name: str, suffix: str = ".csv") -> tuple[Rows, list[str]]:
    """Rows of a table, the names above first; all of one length.

    The separator is the one that the first line has most of. Values may stand in quotation marks, with line ends in
    them; where the marks do not close, and the lines are sound without them, they are read as they stand. Lines with
    nothing in them are left out.

    Args:
        text: of the whole file.
        name: of the file, for messages.
        suffix: ``.tsv`` prefers tabs where the first line has several separators.

    Returns:
        rows, and what a person should know.

    Raises:
        UserError: nothing in it, a line with more values than the first, a quotation mark that is not closed.

    >>> read_separated("text;label\\n'tis 'a, b';x\\n", name="t")[0]
    [['text', 'label'], ["'tis 'a, b'", 'x']]
    """
    if not text.strip():
        raise UserError(f"{name} can't be read as a table: it is empty", expected="a line of names, and rows below it")
    separator = _separator(text, suffix)
    usual = "\t" if suffix == ".tsv" else ","
    notes = [] if separator == usual else [f"{name} has a {_SEPARATORS[separator]} between its values"]
    if separator == "\t" and _marks_are_letters(text):
        numbered = _plain(text, separator)
    else:
        try:
            numbered = _quoted(text, separator, name)
            _check(numbered, separator, name)
        except UserError:
            numbered = _plain(text, separator)
            if any(len(row) != len(numbered[0][1]) for _, row in numbered) or len(numbered) < 2:
                raise
            notes.append(f"quotation marks of {name} do not pair: they are read as they stand")
    width, rows, empty = len(numbered[0][1]), [], 0
    for _, row in numbered:
        if any(row):
            rows.append((row + [""] * (width - len(row)))[:width])
        else:
            empty += 1
    if empty:
        notes.append(f"{empty:,} lines of {name} with nothing between their separators were passed over")
    return rows, notes


def _separator(text: str, suffix: str) -> str:
    first = next(line for line in text.split("\n") if line.strip())
    bare = re.sub(r'"[^"]*"', "", first)
    if suffix == ".tsv" and "\t" in bare:
        return "\t"
    best = max(_SEPARATORS, key=bare.count)  # of equals the first
    return best if bare.count(best) else ("\t" if suffix == ".tsv" else ",")


def _marks_are_letters(text: str) -> bool:
    """Whether a table with tabs has quotation marks that belong to its texts: lines are whole, marks do not pair."""
    lines = [line.split("\t") for line in text.split("\n") if line.strip()]
    if any(len(line) != len(lines[0]) for line in lines):
        return False
    opened = [value for line in lines for value in line if value.startswith('"')]
    return any(len(value) < 2 or not value.endswith('"') or value.count('"') % 2 for value in opened)


def _plain(text: str, separator: str) -> list[tuple[int, list[str]]]:
    return [(n, line.split(separator)) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def _quoted(text: str, separator: str, name: str) -> list[tuple[int, list[str]]]:
    """(line where it ends, values) of each row."""
    found: list[tuple[int, list[str]]] = []
    with _long_values():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        try:
            found += ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            began = (found[-1][0] if found else 0) + 1
            raise UserError(
                f"{name} can't be read as a table: the row that begins in line {began} has a quotation mark too many "
                f"or too few ({error})",
                expected='values such as "he said ""no"" and left"',
                fix="close the mark, or double the marks inside a value",
            ) from None
    return found


@contextmanager
def _long_values() -> Iterator[None]:
    """Texts may be longer than the 131,072 characters that the csv module allows; its limit is the whole process's."""
    with _LIMIT:
        before = csv.field_size_limit(sys.maxsize)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _check(rows: list[tuple[int, list[str]]], separator: str, name: str) -> None:
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) > width and any(row[width:]):
            raise UserError(
                f"{name} has {len(row)} values in the row that ends in line {line}, and {width} names above",
                expected=f"one value a name, with a {_SEPARATORS[separator]} between them",
                fix=f"put texts with a {_SEPARATORS[separator]} in them into quotation marks",
            )
