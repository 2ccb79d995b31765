"""Table files, and folders of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.data import tagged_columns, text_columns, tree_columns
from deepwell.data.arrays import from_frame
from deepwell.data.class_folders import visible
from deepwell.data.column_labels import Columns, as_numbers, missing
from deepwell.data.encoding import read_text
from deepwell.data.header import named as named_columns
from deepwell.data.joined import by_part, join
from deepwell.data.json_lines import read_json_lines
from deepwell.data.picture_column import picture_column
from deepwell.data.separated import read_separated
from deepwell.data.source import Source
from deepwell.data.text_memory import from_texts as from_texts
from deepwell.data.text_memory import from_words as from_words

SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"})
"""Of table files."""

_Choice = text_columns.Choice | tagged_columns.Choice | tree_columns.Choice | None


@dataclass(frozen=True)
class _Table:
    columns: Columns
    path: Path
    notes: tuple[str, ...] = ()


def read_table(path: Path, *, target: str | None = None, text: str | None = None) -> Source:
    """A CSV, TSV, Parquet or JSON Lines file: of texts, of paths of pictures, of lists of words, or of trees.

    Args:
        path: the file.
        target: the column of labels; see ``text_columns.choose``.
        text: the column of texts, words or trees.

    Raises:
        UserError: unreadable, or columns that can't be told.
    """
    table = _open(path, named=(target, text))
    return replace(_read(table, _choose(table, target, text), target), name=path.stem, origin=str(path))


def read_samples(path: Path, kind: str, *, text: str | None = None) -> tuple[list[Any], str]:
    """Texts, sentences, trees or pictures of a table whose answers are not known or not asked for.

    Args:
        path: the file.
        kind: ``text``, ``tokens``, ``tree`` or ``image``, as in ``Source``.
        text: the column that holds them; None: by its usual names, or by what is in it.

    Returns:
        the samples, and their column. Sentences may be strings; pictures are their paths, from the table's folder.

    Raises:
        UserError: unreadable, or no such column.
    """
    table = _open(path, named=(text,))
    columns, name = table.columns, path.name
    if not len(next(iter(columns.values()), ())):
        raise UserError(f"{name} has no rows", expected="a row for each sample", fix="check the file")
    if text is not None and text not in columns:
        raise text_columns.no_column(text, columns, name)
    found = text
    if found is None and kind == "tokens":
        found = tagged_columns.words_column(columns)
    if found is None and kind == "image":
        found = _picture_column(table, None)
    elif found is None:
        find = tree_columns.trees_column if kind == "tree" else text_columns.text_column
        found = find(columns, list(columns))
    if found is None:
        what = {"text": "texts", "tokens": "sentences", "tree": "trees", "image": "paths of pictures"}[kind]
        raise UserError(
            f"{name} has no column of {what}",
            expected=f"a column of {what}, a row each",
            fix=f"name the column with --text: one of {', '.join(columns)}",
        )
    values = columns[found]
    if kind == "image":
        empty = next((row for row, value in enumerate(values, 1) if missing(value)), None)
        if empty is not None:
            raise UserError(f"row {empty} of {name} has no path in '{found}'", expected="a picture's path in each row")
        return [path.parent / str(value) for value in values], found
    if kind == "tree":
        return [tree_columns.as_tree(value, f"row {row} of {name}") for row, value in enumerate(values, 1)], found
    if kind == "tokens" and isinstance(values[0], (list, tuple)):
        return tagged_columns.read_words(values, name), found
    return text_columns.as_texts(values, found, name)[0], found


def tables_in(folder: Path) -> list[tuple[str, Path]]:
    """(part, file) of tables named by their part, the training part first; none where there is no training table."""
    files = {path.name: path for path in visible(folder) if path.suffix.lower() in SUFFIXES and path.is_file()}
    return [(part, files[name]) for part, name in by_part(list(files))]


def read_tables(folder: Path, *, target: str | None = None, text: str | None = None) -> Source:
    """A folder of tables named by their part, such as ``train.csv`` and ``test.csv``; several of one part are joined.

    A table without labels is passed over, and that is said: tests of competitions have none.

    Raises:
        UserError: as ``read_table``; a table that lacks the column of texts.
    """
    files = tables_in(folder)
    first = _open(files[0][1], named=(target, text))
    choice = _choose(first, target, text)
    pieces = [(files[0][0], _read(first, choice, target))]
    taken = {path for _, path in files}
    others = [path.name for path in visible(folder) if path.suffix.lower() in SUFFIXES and path not in taken]
    notes = [f"{', '.join(others)}: passed over, the name tells no part"] if others else []
    for part, path in files[1:]:
        table = _open(path, named=(target, text))
        if isinstance(choice, text_columns.Choice):
            if choice.text not in table.columns:
                raise text_columns.no_column(choice.text, table.columns, path.name)
            bare = [c for c in choice.targets if all(map(missing, table.columns.get(c, ())))]
            if bare and part != "train":
                notes.append(f"{path.name} has no labels in '{bare[0]}': it was passed over")
                continue
            if choice.targets[0] not in table.columns:
                raise text_columns.no_column(choice.targets[0], table.columns, path.name)
        pieces.append((part, _read(table, choice, target, held_out=part != "train")))
    return join(pieces, name=folder.resolve().name or "tables", origin=str(folder), notes=notes)


def _choose(table: _Table, target: str | None, text: str | None) -> _Choice:
    """What kind of table it is, by which of its columns are read; None for one of pictures."""
    columns, name = table.columns, table.path.name
    if text is None and _picture_column(table, target) is not None:
        return None
    return (
        tagged_columns.find(columns, target=target, text=text, name=name)
        or tree_columns.find(columns, target=target, text=text, name=name)
        or text_columns.choose(columns, target=target, text=text, name=name)
    )


def _read(table: _Table, choice: _Choice, target: str | None, *, held_out: bool = False) -> Source:
    name = table.path.name
    if isinstance(choice, text_columns.Choice):
        # in a folder of parts a file is one part, whatever a column says
        source = text_columns.read(table.columns, choice, name=name, held_out=held_out)
    elif isinstance(choice, tagged_columns.Choice):
        source = tagged_columns.read(table.columns, choice, name=name)
    elif isinstance(choice, tree_columns.Choice):
        source = tree_columns.read(table.columns, choice, name=name)
    else:
        source = from_frame(
            _frame(table, target),
            target=target,
            base=table.path.parent,
            name=name,
        )
    return replace(source, notes=(*table.notes, *source.notes))


def _picture_column(table: _Table, target: str | None) -> str | None:
    return picture_column(table.columns, target=target, base=table.path.parent)


def _frame(table: _Table, target: str | None) -> Any:
    """A frame for ``from_frame``, numbers as numbers; nested columns that are not asked for have no place in it."""
    import polars as pl

    columns = {}
    for name, values in table.columns.items():
        cells = [None if missing(value) else value for value in values]
        if any(isinstance(cell, (list, tuple, dict)) for cell in cells) and name != target:
            continue
        if all(isinstance(cell, str) for cell in cells):
            cells = as_numbers([str(cell) for cell in cells])
        columns[name] = pl.Series(name, cells, strict=False)
    return pl.DataFrame(columns)


def _open(path: Path, named: tuple[str | None, ...]) -> _Table:
    """A table file as columns."""
    import polars as pl

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            why = (str(error).splitlines() or [""])[0]
            raise UserError(f"{path} can't be read as a table ({why})", fix="check the file") from None
        return _Table({column: frame[column].to_list() for column in frame.columns}, path)
    found = read_text(path)
    notes = (found.note,) if found.note else ()
    if suffix in (".jsonl", ".ndjson"):
        return _Table(read_json_lines(found.text, name=str(path)), path, notes)
    rows, more = read_separated(found.text, name=str(path), suffix=suffix)
    columns, unnamed = named_columns(rows, known=[name for name in named if name is not None])
    if unnamed:
        more.append(f"{path.name} has no line of names: its columns are called {', '.join(columns)}")
    return _Table(columns, path, (*notes, *more))
