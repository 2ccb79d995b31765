"""Where the samples of ``deepwell predict`` are: typed, in files, in folders, on standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deepwell.cli.commands import say
from deepwell.core.errors import UserError

Samples = Iterator[tuple[str, Any]]
"""(name for a person, sample)."""

_LONGEST_PATH = 1000
_PROSE = frozenset(
    {".txt", ".text", ".md", ".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json", ".conll", ".conllu"}
)
"""A word that ends so and is no file is a file's name misspelt, not a text."""


class _Piece(NamedTuple):
    """A text that was typed or is a line, or a file with what it says."""

    name: str
    text: str
    file: Path | None = None


def found_in(inputs: list[str], kind: str, *, text: str | None = None) -> Samples:
    """The samples that the user named, in that order.

    Args:
        inputs: texts, files and folders; ``-`` reads standard input.
        kind: of the model's input.
        text: the column of texts, where files are tables.

    Raises:
        UserError: nothing there, an empty text, a file that can't be read.
    """
    if kind == "image":
        return _pictures(inputs, text)
    return _written(inputs, kind, text)


def _pictures(inputs: list[str], column: str | None) -> Samples:
    from deepwell.data.folders import pictures_in
    from deepwell.data.text_table import SUFFIXES

    tables = [text for text in inputs if Path(text).suffix.lower() in SUFFIXES]
    if column is not None and not tables:
        raise UserError("--text names a column, and this model takes pictures", fix="leave --text out")
    for text in inputs:
        place = _place(text)
        if place is not None and place.is_file() and text in tables:
            yield from ((str(file), file) for _, file in _table(place, "image", column))
        elif place is not None and place.is_dir():
            found = pictures_in(place)
            if not found:
                raise UserError(f"{place} holds no pictures", fix="name pictures, or a folder of them")
            yield from ((str(file), file) for file in found)
        elif place is not None:
            yield str(place), place
        else:
            raise UserError(
                f"there is no file '{text[:100]}', and this model takes pictures",
                expected="a picture, a folder of pictures or a table of their paths",
                fix="check the path",
            )


def _written(inputs: list[str], kind: str, column: str | None) -> Samples:
    from deepwell.data.text_table import SUFFIXES

    tables = 0
    for text in inputs:
        place = None if text == "-" else _place(text)
        for file in _files(place) if place is not None and place.is_dir() else [place]:
            if file is not None and file.suffix.lower() in SUFFIXES and not _is_columns(file, kind):
                tables += 1
                yield from _table(file, kind, column)
            else:
                yield from _READERS[kind](_piece(text, file))
    if column is not None and not tables:
        raise UserError(f"--text names the column '{column}', and there is no table", fix="leave --text out")


def _place(text: str) -> Path | None:
    """The file or folder of that name; None where it is a text."""
    if not text.strip():
        raise UserError("an empty text was given", expected="a text, a file or a folder", fix="write it in quotes")
    try:
        place = Path(text)
        return place if len(text) <= _LONGEST_PATH and place.exists() else None
    except (OSError, ValueError):  # too long for a name, or with a zero in it
        return None


def _files(folder: Path) -> list[Path]:
    from deepwell.data import conll, text_table, trees
    from deepwell.data.class_folders import files_in
    from deepwell.data.text_folders import is_text_file

    known = conll.SUFFIXES | text_table.SUFFIXES | trees.SUFFIXES
    every = files_in(folder)
    files = [file for file in every if file.suffix.lower() in known or is_text_file(file)]
    if not files:
        raise UserError(f"{folder} holds no texts", fix="name a folder of text files, or write the text itself")
    if len(files) < len(every):
        say(f"note: {len(every) - len(files):,} files of {folder} are no texts by their names: they were passed over")
    return files


def _piece(text: str, file: Path | None) -> Iterator[_Piece]:
    """What was typed, the lines of standard input, or a file."""
    from deepwell.data.encoding import decode, read_text

    if file is not None:
        found = read_text(file)
        if found.note:
            say(f"note: {found.note}")
        if not found.text.strip():
            say(f"note: {file} is empty")
        yield _Piece(str(file), found.text, file)
    elif text == "-":
        found = decode(sys.stdin.buffer.read(), name="standard input")
        if found.note:
            say(f"note: {found.note}")
        lines = [(number, line) for number, line in enumerate(found.text.split("\n"), 1) if line.strip()]
        if not lines:
            raise UserError("standard input holds no text", expected="a text a line")
        yield from (_Piece(line.strip(), line) for _, line in lines)
    else:
        if not any(map(str.isspace, text)):
            if Path(text).suffix.lower() in _PROSE:
                raise UserError(f"there is no file {text}", expected="a text, a file or a folder", fix="check the path")
            if "/" in text:
                say(f"note: there is no file {text}; it is read as a text")
        yield _Piece(text, text)


def _is_columns(file: Path, kind: str) -> bool:
    from deepwell.data.conll import is_conll

    return kind == "tokens" and is_conll(file)


def _table(file: Path, kind: str, column: str | None) -> Samples:
    from deepwell.data.text_table import read_samples

    samples, found = read_samples(file, kind, text=column)
    say(f"{file}: the column '{found}' of {len(samples):,} rows")
    yield from ((f"{file}:{row}", sample) for row, sample in enumerate(samples, 1))


def _texts(pieces: Iterator[_Piece]) -> Samples:
    return ((piece.name, piece.text) for piece in pieces)


def _sentences(pieces: Iterator[_Piece]) -> Samples:
    from deepwell.data.conll import is_conll, read_conll

    for name, text, file in pieces:
        if file is None:
            yield name, text
        elif is_conll(file):
            yield from ((f"{name}:{number}", words) for number, words in enumerate(read_conll(file).x, 1))
        else:
            yield from ((f"{name}:{number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _trees(pieces: Iterator[_Piece]) -> Samples:
    from deepwell.data.tree_columns import as_tree
    from deepwell.data.trees import pieces as cut

    for name, text, file in pieces:
        if file is None:
            yield name, as_tree(text, f"'{text[:40]}'")
        else:
            yield from ((f"{name}:{line}", as_tree(tree, f"line {line:,} of {name}")) for line, tree in cut(text))


_READERS = {"text": _texts, "tokens": _sentences, "tree": _trees}
