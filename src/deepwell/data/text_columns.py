"""A table of texts: which column holds them, which the labels, which says what part a row belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepwell.core.errors import UserError, nearest
from deepwell.data.class_folders import part_of
from deepwell.data.column_labels import Columns, as_numbers, check_categories, missing, read_labels
from deepwell.data.source import Source

TARGETS = (
    "label", "labels", "class", "category", "categories", "sentiment", "target", "targets", "y", "polarity", "topic",
    "intent", "emotion", "genre", "标签", "类别", "类目", "分类", "情感", "情感倾向", "意图",
)  # fmt: skip
"""Usual names of a column of labels, the likeliest first."""

TEXTS = (
    "text", "texts", "review", "review_text", "sentence", "content", "message", "comment", "comment_text", "body",
    "sms", "tweet", "document", "utterance", "query", "question", "snippet", "abstract", "headline", "title", "文本",
    "评论", "内容", "句子", "正文", "评价", "微博", "问题", "标题",
)  # fmt: skip
"""Usual names of a column of texts, the likeliest first."""

SPLITS = ("split", "part", "fold", "partition", "subset", "set", "划分", "数据集")
"""Usual names of a column that says what part a row belongs to."""

_LONGEST_NAME, _FEW_NAMES = 24, 20
"""Characters of a name, and names of a column that holds labels."""

_NUMBERS_OF_ROWS = {"", "id", "idx", "index", "row", "unnamed: 0", "编号", "序号"}


@dataclass(frozen=True)
class Choice:
    """The columns of a table that are read.

    Attributes:
        text: of the texts.
        targets: of the labels: one column, or several of 0 and 1.
        split: of the names of parts; None where no column has them.
    """

    text: str
    targets: tuple[str, ...]
    split: str | None = None


def from_columns(
    columns: Columns, *, target: str | None = None, text: str | None = None, name: str = "table"
) -> Source:
    """Texts and labels of a table; see ``choose`` and ``read``.

    >>> from_columns({"id": [1, 2], "review": ["good", "bad"], "stars": [5, 1]}).found
    "2 texts in the column 'review', labels in 'stars'"
    """
    return read(columns, choose(columns, target=target, text=text, name=name), name=name)


def choose(columns: Columns, *, target: str | None = None, text: str | None = None, name: str = "table") -> Choice:
    """Which columns hold what.

    Args:
        columns: the table.
        target: the column of labels, or several columns of 0 and 1 with commas between; None: by its usual names, or
            the only column left.
        text: the column of texts; None: by its usual names, or the one with the longest strings.
        name: of the table, for messages.

    Raises:
        UserError: a column that is not there or can't be told.

    >>> choose({"split": ["train", "test"], "said": ["so", "no"], "who": ["A", "B"]}, target="who")
    Choice(text='said', targets=('who',), split='split')
    """
    known = [column for column in columns if any(not missing(value) for value in columns[column])]
    if not len(next(iter(columns.values()), ())):
        raise UserError(f"{name} has no rows", expected="one row a text")
    targets = _targets(columns, target, name)
    if text is not None and text not in columns:
        raise no_column(text, columns, name)
    split = _split_column(columns, [column for column in known if column not in (*targets, text)])
    free = [column for column in known if column not in targets and column != split]
    if not targets and (guess := _usual([c for c in free if c != text], TARGETS)):
        targets = [guess]
        free.remove(guess)
    found = text if text is not None else text_column(columns, free)
    found = found or _usual([column for column in columns if column not in targets], TEXTS)
    if found is None:
        raise _no_texts(columns, targets, name)
    if not targets:
        targets = [_only_other(columns, [column for column in free if column != found], found, name)]
    if found in targets:
        raise UserError(
            f"the column '{found}' of {name} is named for both the texts and the labels", expected="two columns"
        )
    return Choice(found, tuple(targets), split)


def read(columns: Columns, choice: Choice, *, name: str, held_out: bool = False) -> Source:
    """Texts and labels of the columns that were chosen.

    Args:
        columns: the table.
        choice: of ``choose``.
        name: of the table, for messages and the run.
        held_out: a part beside the training part: it may be small, so its labels need not repeat.

    Returns:
        kind ``text``; ``parts`` where a column tells them. Several labels a sample are lists.

    Raises:
        UserError: rows without a label, labels that are no categories, no text in any row.
    """
    x, notes = as_texts(columns[choice.text], choice.text, name)
    y = read_labels(columns, choice.targets, name)
    first, *more = choice.targets
    if not held_out and not isinstance(y[0], list):
        check_categories(y, f"the column '{first}' of {name}")
    parts = None if choice.split is None else [part_of(str(v).strip()) or "" for v in columns[choice.split]]
    labels = f"labels in '{first}'" if not more else f"as labels those of {first}, {', '.join(more)} that have a 1"
    found = f"{len(x):,} texts in the column '{choice.text}', {labels}"
    if parts is not None and len(set(parts)) > 1:
        return Source(name, "text", x, y, parts, "", f"{found}, parts in '{choice.split}'", tuple(notes))
    return Source(name, "text", x, y, None, "", found, tuple(notes))


def no_column(column: str, columns: Columns, name: str) -> UserError:
    """The error for a column that is not there, with the nearest that is."""
    close = nearest(column, columns)
    return UserError(
        f"{name} has no column '{column}'",
        expected="one of " + ", ".join(columns),
        fix=f"did you mean '{close}'?" if close else "name one of these",
    )


def _usual(columns: Sequence[str], usual: Sequence[str]) -> str | None:
    by_name = {column.strip().casefold(): column for column in reversed(columns)}
    return next((by_name[name] for name in usual if name in by_name), None)


def _targets(columns: Columns, target: str | None, name: str) -> list[str]:
    if target is None:
        return []
    if target in columns:
        return [target]
    several = [piece.strip() for piece in target.split(",")]
    if len(several) == 1:
        raise no_column(target, columns, name)
    for piece in several:
        if piece not in columns:
            raise no_column(piece, columns, name)
    return list(dict.fromkeys(several))


def _split_column(columns: Columns, free: Sequence[str]) -> str | None:
    """A column of that name whose values are all names of parts, the training part among them."""
    for column in free:
        if column.strip().casefold() in SPLITS:
            found = {part_of(str(value).strip()) for value in columns[column]}
            if None not in found and "train" in found:
                return column
    return None


def text_column(columns: Columns, free: Sequence[str]) -> str | None:
    """Of some columns the one with texts: by its usual name, else that with the longest strings; None where all are
    numbers or names of classes."""
    strings: dict[str, float] = {}
    for column in free:
        values = [value for value in columns[column] if not missing(value)]
        if (
            values
            and all(isinstance(value, str) for value in values)
            and column.strip().casefold() not in _NUMBERS_OF_ROWS
        ):
            is_number = all(isinstance(value, (int, float)) for value in as_numbers(values))
            strings[column] = 0.0 if is_number or _are_names(values) else sum(map(len, values)) / len(values)
    known = [column for column in strings if strings[column] or column.strip().casefold() in TEXTS]
    return _usual(known, TEXTS) or max(known, key=lambda column: strings[column], default=None)


def _are_names(values: Sequence[str]) -> bool:
    """Whether strings are a few short names over and over, such as labels have: no texts, though no number either."""
    known = set(values)
    short = all(len(value) <= _LONGEST_NAME and not any(map(str.isspace, value.strip())) for value in known)
    return short and len(known) <= _FEW_NAMES and 4 * len(known) <= len(values)


def _no_texts(columns: Columns, targets: Sequence[str], name: str) -> UserError:
    others = [column for column in columns if column not in targets]
    return UserError(
        f"no column of {name} holds texts" + (f" beside the labels in {', '.join(targets)}" if targets else ""),
        expected="a column of texts, or one with paths of files that are pictures, and one of labels",
        fix=f"name the column with text=... (--text): one of {', '.join(others)}; tables of numbers can't be learnt yet"
        if others
        else "check the file",
    )


def _only_other(columns: Columns, free: Sequence[str], text: str, name: str) -> str:
    plain = [c for c in free if c.strip().casefold() not in _NUMBERS_OF_ROWS and not _counts(columns[c])]
    if len(plain) == 1:
        return plain[0]
    if len(columns) == 1:
        raise UserError(
            f"{name} has one column only, '{text}'",
            expected="a column of texts and a column of labels, with a line of their names above",
            fix="check what stands between the columns: a comma, a semicolon or a tab",
        )
    raise UserError(
        f"{name} is a table, and which column holds the labels was not said",
        expected="one of " + ", ".join(column for column in columns if column != text),
        fix="name it with target=... (--target COLUMN)",
    )


def _counts(values: Sequence[Any]) -> bool:
    """Whether a column only numbers the rows, as frames do when they are written."""
    start = str(values[0])
    return start in ("0", "1") and all(str(value) == str(row) for row, value in enumerate(values, int(start)))


def as_texts(values: Sequence[Any], column: str, name: str) -> tuple[list[str], list[str]]:
    """The values of a column as texts, and what a person should know of them.

    Raises:
        UserError: lists or objects in place of texts, no text in any row.
    """
    x, empty, odd = [], [], 0
    for row, value in enumerate(values, 1):
        if missing(value):
            empty.append(row)
            x.append("")
            continue
        if isinstance(value, (list, tuple, dict, bytes)):
            raise UserError(
                f"row {row} of {name} has a {type(value).__name__} in the column '{column}'", expected="a text"
            )
        odd += not isinstance(value, str)
        x.append(str(value))
    if len(empty) == len(x):
        raise UserError(f"every text in the column '{column}' of {name} is empty", expected="a column of texts")
    notes = []
    if empty:
        are = "1 text is empty: row" if len(empty) == 1 else f"{len(empty):,} texts are empty, the first is row"
        notes.append(f"{are} {empty[0]:,} of {name}")
    if odd:
        notes.append(f"{odd:,} values in the column '{column}' are no strings: they are read as they are written")
    return x, notes
