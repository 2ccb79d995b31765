"""Texts and sentences in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.data import tagged_columns
from deepwell.data.arrays import as_labels
from deepwell.data.column_labels import missing
from deepwell.data.joined import join
from deepwell.data.source import Source


def from_texts(
    texts: Any,
    labels: Any = None,
    *,
    validation: tuple[Any, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    name: str = "texts",
) -> Source:
    """Texts in memory, with a label each.

    Args:
        texts: strings: a list, a NumPy array, a series of polars or pandas. A missing one stands for an empty text.
        labels: one a text, or lists of them; None where there are none.
        validation, test: (texts, labels) that were held out already.
        name: for the run.

    Raises:
        UserError: other things than strings, numbers that differ, missing labels.

    >>> from_texts(["good", "bad"], ["yes", "no"]).found
    '2 texts with labels'
    """
    return _parts(_texts, (texts, labels), {"validation": validation, "test": test}, name)


def from_words(
    words: Any,
    tags: Any = None,
    *,
    validation: tuple[Any, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    name: str = "sentences",
) -> Source:
    """Sentences in memory, each a list of words with a list of tags.

    Args:
        words: lists of strings.
        tags: one a word; None where there are none.
        validation, test: (words, tags) that were held out already.
        name: for the run.

    Raises:
        UserError: unequal numbers of words and tags, an empty word, a sentence without words.

    >>> from_words([["He", "runs"]], [["PRON", "VERB"]]).answer
    'tags'
    """
    return _parts(_sentences, (words, tags), {"validation": validation, "test": test}, name)


def _parts(read: Any, train: tuple[Any, Any], held_out: dict[str, tuple[Any, Any] | None], name: str) -> Source:
    pieces = [("train", read(*train, "", name))]
    for part, pair in held_out.items():
        if pair is None:
            continue
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise UserError(f"{part} is a {type(pair).__name__}", expected="a pair (x, y)")
        pieces.append((part, read(*pair, f"{part} ", name)))
    if len(pieces) == 1:
        return pieces[0][1]
    if len({piece.y is None for _, piece in pieces}) > 1:
        raise UserError(f"{name} has labels for some parts only", expected="labels for all parts, or for none")
    if pieces[0][1].y is None:
        raise UserError(f"{name} has parts but no labels", expected="labels where a part is held out")
    joined = join(pieces, name=name, origin="")
    counts = ", ".join(f"{len(piece.x):,} to {part}" for part, piece in pieces)
    return replace(joined, found=f"{pieces[0][1].found}; given parts: {counts}")


def _listed(values: Any, what: str) -> list[Any]:
    if isinstance(values, (str, bytes, Path, dict)) or not hasattr(values, "__iter__"):
        raise UserError(f"{what} is a {type(values).__name__}", expected="a list", fix="open a path with deepwell.open")
    if hasattr(values, "columns"):
        raise UserError(
            f"{what} is a table with the columns " + ", ".join(map(str, values.columns)),
            expected="one column of it",
            fix="give a table to deepwell.frame, with target= the column of labels",
        )
    made = list(values)
    if not made:
        raise UserError(f"{what} is empty: it has no samples", expected="at least two")
    return made


def _texts(texts: Any, labels: Any, before: str, name: str) -> Source:
    x, empty = [], 0
    for row, value in enumerate(_listed(texts, f"{before}texts")):
        if missing(value):
            empty += 1
            value = ""
        if not isinstance(value, str):
            raise UserError(
                f"sample {row} of the {before}texts is of type {type(value).__name__}",
                expected="a string",
                fix="decode bytes; give sentences that are lists of words to deepwell.words",
            )
        x.append(str(value))
    y = as_labels(labels, f"{before}labels")
    if y is not None and len(y) != len(x):
        raise UserError(
            f"there are {len(x):,} {before}texts and {len(y):,} {before}labels", expected="one label a text"
        )
    notes = (f"{empty:,} of the {before}texts are empty",) if empty else ()
    return Source(name, "text", x, y, None, "", f"{len(x):,} texts" + (" with labels" if y is not None else ""), notes)


def _sentences(words: Any, tags: Any, before: str, name: str) -> Source:
    columns: dict[str, Sequence[Any]] = {"words": _listed(words, f"{before}words")}
    if tags is None:
        x = tagged_columns.read_words(columns["words"], f"the {before}words")
        return Source(name, "tokens", x, None, None, "", f"{len(x):,} sentences without tags", (), "tags")
    columns["tags"] = _listed(tags, f"{before}tags")
    if len(columns["tags"]) != len(columns["words"]):
        raise UserError(
            f"there are {len(columns['words']):,} sentences and {len(columns['tags']):,} lists of {before}tags",
            expected="one list of tags a sentence",
        )
    return replace(
        tagged_columns.read(columns, tagged_columns.Choice("words", "tags"), name=f"the {before}sentences"), name=name
    )
