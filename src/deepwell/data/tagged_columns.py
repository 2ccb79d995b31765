"""A table of sentences: a column with lists of words and one with lists of their tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepwell.core.errors import UserError
from deepwell.data.column_labels import Columns, missing
from deepwell.data.source import Source

_WORDS = ("tokens", "words", "token", "word", "characters", "chars", "词", "字", "text", "sentence")
_TAGS = (
    "tags", "labels", "ner_tags", "pos_tags", "ner", "pos", "upos", "upos_tags", "xpos", "xpos_tags", "chunk_tags",
    "bio", "tag", "label", "entities", "标签",
)  # fmt: skip
_DOCUMENTS = ("document", "doc", "doc_id", "document_id")
_ENOUGH = 10
"""With fewer documents whole ones can't be held out in the shares asked for."""


@dataclass(frozen=True)
class Choice:
    """The columns of words and of tags."""

    words: str
    tags: str


def find(columns: Columns, *, target: str | None, text: str | None, name: str) -> Choice | None:
    """The columns of words and tags; None where the table is none of sentences.

    Raises:
        UserError: there are lists of words and no lists of tags; a column that is named is none of lists.
    """
    lists = [column for column, values in columns.items() if _are_lists(values)]
    by_name = {column.strip().casefold(): column for column in lists}
    words = text if text is not None else words_column(columns)
    if words not in lists or not _strings(columns[words]):
        return None
    if target is not None:
        if target in columns and target not in lists:
            return None
        tags = target if target in lists else None
    else:
        tags = next((by_name[usual] for usual in _TAGS if usual in by_name and by_name[usual] != words), None)
        others = [column for column in lists if column != words]
        tags = others[0] if tags is None and len(others) == 1 else tags
    if tags is None:
        others = [column for column in columns if column != words]
        raise UserError(
            f"{name} has lists of words in '{words}', and no column "
            + (f"'{target}'" if target else "with lists of tags is known by its name"),
            expected="one of " + ", ".join(others) if others else "a column with one tag a word",
            fix="name it with target=... (--target COLUMN)",
        )
    return Choice(words, tags)


def words_column(columns: Columns) -> str | None:
    """The column with lists of words by its usual name, or None."""
    by_name = {column.strip().casefold(): column for column, values in columns.items() if _are_lists(values)}
    return next((by_name[usual] for usual in _WORDS if usual in by_name), None)


def _are_lists(values: Sequence[Any]) -> bool:
    known = [value for value in values[:20] if value is not None]
    return bool(known) and all(isinstance(value, (list, tuple)) for value in known)


def _strings(values: Sequence[Any]) -> bool:
    return all(isinstance(word, str) for value in values[:20] if value is not None for word in value)


def read(columns: Columns, choice: Choice, *, name: str) -> Source:
    """Sentences with their tags.

    Args:
        columns: the table; a column ``document`` says which sentences belong together.
        choice: of ``find``.
        name: of the table, for messages and the run.

    Returns:
        kind ``tokens``, answer ``tags``. Sentences without words are left out, and that is said.

    Raises:
        UserError: unequal numbers of words and tags, an empty word, a missing tag.
    """
    words = read_words(columns[choice.words], name)
    x, y, kept, empty = [], [], [], 0
    for row, (sentence, tags) in enumerate(zip(words, columns[choice.tags], strict=True)):
        if not hasattr(tags, "__len__") or isinstance(tags, (str, dict)):
            raise UserError(
                f"row {row + 1} of {name} has {tags!r} in place of its tags", expected="a list with one tag a word"
            )
        if len(tags) != len(sentence):
            raise UserError(
                f"row {row + 1} of {name} has {len(sentence):,} words and {len(tags):,} tags",
                expected="one tag a word",
                fix="check how the sentence was cut into words",
            )
        lost = next((place for place, tag in enumerate(tags) if missing(tag)), None)
        if lost is not None:
            raise UserError(
                f"row {row + 1} of {name} has no tag for word {lost + 1}, '{sentence[lost]}'", expected="one tag a word"
            )
        if not sentence:
            empty += 1
            continue
        x.append(sentence)
        y.append([str(tag) for tag in tags])
        kept.append(row)
    if not x:
        raise UserError(f"{name} has no words", expected="sentences, each a list of words")
    notes = [f"{empty:,} rows of {name} have no words: they were left out"] if empty else []
    column = next((column for column in columns if column.strip().casefold() in _DOCUMENTS), None)
    groups = None
    if column is not None:
        groups, more = documents([str(columns[column][row]) for row in kept])
        notes += more
    return Source(name, "tokens", x, y, None, "", describe(x, y), tuple(notes), "tags", groups)


def read_words(values: Sequence[Any], name: str) -> list[list[str]]:
    """Lists of words, checked.

    Raises:
        UserError: a sentence that is no list, a word that is empty or no string; names the row.
    """
    found = []
    for row, value in enumerate(values, 1):
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
            raise UserError(
                f"row {row} of {name} is a {type(value).__name__}",
                expected="a list of words",
                fix="cut it into words, text.split()" if isinstance(value, str) else "",
            )
        sentence = list(value)
        for place, word in enumerate(sentence, 1):
            if not isinstance(word, str) or not word.strip():
                raise UserError(
                    f"row {row} of {name} has {word!r} as word {place}",
                    expected="words: strings with something in them",
                    fix="leave empty words out, with their tags",
                )
        found.append([str(word) for word in sentence])
    return found


def describe(x: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> str:
    """One sentence on what was found.

    >>> describe([["He", "runs"]], [["PRON", "VERB"]])
    '1 sentence of 2 words, 2 tags: PRON, VERB'
    """
    known = sorted({tag for tags in y for tag in tags})
    shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    count = "1 sentence" if len(x) == 1 else f"{len(x):,} sentences"
    return f"{count} of {sum(map(len, x)):,} words, {len(known):,} tag{'' if len(known) == 1 else 's'}: {shown}"


def documents(names: Sequence[Any]) -> tuple[list[int] | None, list[str]]:
    """Numbers of documents as ``Source.groups``, and what to say; None where there are too few to hold whole ones out.

    >>> documents(["a", "a", "b"])
    (None, ['2 documents are too few to hold whole ones out: sentences are drawn from all of them'])
    """
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    if len(known) >= _ENOUGH:
        return [known[name] for name in names], [f"{len(known):,} documents: each stays on one side of a split"]
    if len(known) < 2:
        return None, []
    return None, [f"{len(known)} documents are too few to hold whole ones out: sentences are drawn from all of them"]
