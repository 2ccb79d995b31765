"""Sentences in columns: files of CoNLL-2003 and its kin (the word first, its tag last), and of CoNLL-U."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from deepwell.core.errors import UserError, nearest
from deepwell.data.class_folders import part_in, visible
from deepwell.data.encoding import read_text
from deepwell.data.joined import join
from deepwell.data.source import PARTS, Source
from deepwell.data.tagged_columns import describe, documents
from deepwell.data.word_columns import UNIVERSAL, WordColumns, cut, looks_like_conll

SUFFIXES = frozenset({".conll", ".conllu", ".iob", ".bio", ".bmes", ".bioes", ".iob2"})
"""Of files that hold columns whatever they look like."""

_BY_SHAPE = {"", ".txt", ".tsv", ".train", ".dev", ".test", ".testa", ".testb", ".valid"}
_SHARED_TASK = {"testa": "validation", "testb": "test"}
_BLANK = "\u2423"


def read_conll(path: Path, *, target: str | None = None) -> Source:
    """A file of words in columns.

    Columns stand between tabs, or between blanks where the first word's line has no tab. Lines that begin with ``#``
    are comments, unless they have as many columns as the others: then ``#`` is a word. ``-DOCSTART-`` and
    ``# newdoc`` begin a document. Of CoNLL-U, tokens of several words and empty nodes are left out.

    Args:
        path: the file.
        target: the column of tags: its number, counted from 1, or its name: ``pos``, ``chunk``, ``ner`` where there
            are three or four; of CoNLL-U also a name within MISC. None: the last one, UPOS in CoNLL-U.

    Returns:
        kind ``tokens``, answer ``tags``; ``groups`` are documents, where there are enough of them.

    Raises:
        UserError: no text, lines of unequal numbers of columns, an empty word or tag; names the line.
    """
    name, decoded = str(path), read_text(path)
    found = cut(decoded.text, name, universal=path.suffix.lower() == ".conllu")
    word, tag = _places(found, target, name)
    x, y, blanks = [], [], 0
    for start, sentence in zip(found.lines, found.sentences, strict=True):
        words = []
        for columns in sentence:
            shown = columns[word]
            if not shown.strip():  # a blank of another kind, such as the ideographic one, is a character of its text
                shown, blanks = _BLANK, blanks + 1
            words.append(shown)
        x.append(words)
        y.append(_tags(sentence, tag, start, name))
    if isinstance(tag, int) and found.names == UNIVERSAL and all(t == "_" for tags in y for t in tags):
        raise UserError(
            f"the column {found.names[tag]} of {name} is empty ('_' for every word)",
            expected="a column with tags",
            fix="name another one with target=..., such as xpos",
        )
    notes = [decoded.note] if decoded.note else []
    if blanks:
        notes.append(f"{blanks:,} words of {name} are blanks: they are read as {_BLANK}")
    groups, more = documents(found.documents)
    read = tag if isinstance(tag, str) else (found.names[tag] if found.names else f"column {tag + 1}")
    return Source(
        path.stem,
        "tokens",
        x,
        y,
        None,
        name,
        f"{describe(x, y)} (in {read})",
        (*notes, *more),
        "tags",
        groups,
    )


def _places(found: WordColumns, target: str | None, name: str) -> tuple[int, int | str]:
    """Where the words and the tags are; of a tag within MISC its name."""
    names, width = found.names, len(found.sentences[0][0])
    word = names.index("form") if "form" in names else 0
    if target is None:
        return word, names.index("upos") if "upos" in names else width - 1
    wanted = target.strip().lower()
    if wanted in names and names.index(wanted) != word:
        return word, names.index(wanted)
    if re.fullmatch(r"-?\d+", wanted):
        place = int(wanted) - 1 if int(wanted) > 0 else width + int(wanted)
        if 0 <= place < width and place != word:
            return word, place
    within: set[str] = set()
    if names[-1:] == ("misc",):
        within = {key for sentence in found.sentences for columns in sentence for key in _misc(columns)}
    key = next((key for key in sorted(within) if key.lower() == wanted), None)
    if key is not None:
        return word, key
    known = [*(n for n in names if n != names[word]), *sorted(within)] if names else []
    close = nearest(wanted, known)
    raise UserError(
        f"{name} has no column of tags '{target}'",
        expected=f"a number from 1 to {width}, not {word + 1} (the words)"
        + (f", or one of {', '.join(known)}" if known else ""),
        fix=f"did you mean '{close}'?" if close else "",
    )


def _misc(columns: list[str]) -> dict[str, str]:
    """``Name=Value|Name=Value`` in the last column of CoNLL-U."""
    pairs = (pair.partition("=") for pair in columns[-1].split("|"))
    return {key: value for key, equal, value in pairs if equal and value}


def _tags(sentence: list[list[str]], tag: int | str, start: int, name: str) -> list[str]:
    if isinstance(tag, str):
        return [_misc(columns).get(tag, "O") for columns in sentence]
    found = [columns[tag] for columns in sentence]
    if "" in found:
        raise UserError(
            f"the sentence that begins in line {start} of {name} has no tag for word {found.index('') + 1}",
            expected="a tag for every word",
        )
    return found


def is_conll(path: Path) -> bool:
    """Whether a file is words in columns, by its suffix, or by its shape where the suffix says little."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix not in _BY_SHAPE or not path.is_file():
        return False
    try:
        return looks_like_conll(read_text(path).text)
    except UserError:
        return False


def conll_files_in(folder: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """(part, file) of the words in columns in a folder, and names of those passed over.

    The parts are told by the files' names; where none tells the training part, all are taken, with the part "".
    """
    known = [path for path in visible(folder) if path.is_file() and is_conll(path)]
    found = []
    for path in known:
        part = _SHARED_TASK.get(path.suffix.lower()[1:]) or part_in(path.name)
        if part is not None:
            found.append((part, path))
    if not any(part == "train" for part, _ in found):
        return [("", path) for path in known], []
    taken = {path for _, path in found}
    return sorted(found, key=lambda pair: PARTS.index(pair[0])), [path.name for path in known if path not in taken]


def read_conll_folder(folder: Path, *, target: str | None = None) -> Source:
    """A folder of files of words in columns: parts by their names (train, dev, test), else each file a document.

    Raises:
        UserError: as ``read_conll``; no such file.
    """
    files, others = conll_files_in(folder)
    if not files:
        raise UserError(f"{folder} holds no file of words in columns", expected="such as train.conll and test.conll")
    notes = [f"{', '.join(others)}: passed over, the name tells no part"] if others else []
    pieces = [(part, read_conll(path, target=target)) for part, path in files]
    groups = None
    if not files[0][0] and all(piece.groups is None for _, piece in pieces):
        groups, more = documents([number for number, (_, piece) in enumerate(pieces) for _ in piece.x])
        notes += more
    joined = join(pieces, name=folder.resolve().name or "words", origin=str(folder), notes=notes)
    return joined if groups is None else replace(joined, groups=groups)
