"""Lines of words cut into columns: CoNLL's and CoNLL-U's form (https://universaldependencies.org/format.html)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from deepwell.core.errors import UserError

UNIVERSAL = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""Columns of CoNLL-U."""

_USUAL = {
    2: ("word", "tag"),
    3: ("word", "pos", "chunk"),  # CoNLL-2000
    4: ("word", "pos", "chunk", "ner"),  # CoNLL-2003
}
_BORDER = "-DOCSTART-"
_COMMENT = re.compile(r"#\s*(newdoc|newpar|sent_id|text|global|id|source|doc)\b")
_ID = re.compile(r"\d+([-.]\d+)?")
_BLANKS = re.compile(r"[ \t]+")


@dataclass
class WordColumns:
    """A file as it was cut: words of sentences, each with its columns.

    Attributes:
        sentences: [sentence][word][column].
        lines: the line of each sentence's first word.
        documents: of each sentence.
        names: of the columns; none where they are not known.
    """

    sentences: list[list[list[str]]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    names: tuple[str, ...] = ()


@dataclass
class _Shape:
    """What the first word's line says of all the others."""

    width: int = 0
    tabs: bool = False
    universal: bool = False

    def cut(self, line: str) -> list[str]:
        tabs = self.tabs if self.width else "\t" in line
        columns = line.split("\t") if tabs else _BLANKS.split(line.strip(" \t"))
        return [column.strip(" ") for column in columns]

    def is_comment(self, line: str, columns: list[str], inside: bool) -> bool:
        """``#`` may be a word: it is one where its line has as many columns as the others."""
        if not line.startswith("#"):
            return False
        odd = not self.width or len(columns) != self.width or self.universal
        return odd or (not inside and _COMMENT.match(line) is not None)


def cut(text: str, name: str, *, universal: bool = False) -> WordColumns:
    """Cut a file into sentences of words of columns.

    Columns stand between tabs, or between blanks where the first word's line has no tab. ``-DOCSTART-`` and
    ``# newdoc`` begin a document. Of CoNLL-U, tokens of several words and empty nodes are left out.

    Args:
        text: of the whole file.
        name: of the file, for messages.
        universal: it is CoNLL-U; else that is seen from ten columns of which the first is a number.

    Raises:
        UserError: lines of unequal numbers of columns, one column only, an empty word or tag; names the line.

    >>> cut("He PRON\\nran VERB\\n\\nStop VERB\\n", "t").sentences
    [[['He', 'PRON'], ['ran', 'VERB']], [['Stop', 'VERB']]]
    """
    found, shape = WordColumns(), _Shape(universal=universal)
    sentence: list[list[str]] = []
    start, border = 0, True
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if not line.strip(" \t"):
            if sentence:
                found.documents.append((found.documents[-1] if found.documents else -1) + border)
                found.sentences.append(sentence)
                found.lines.append(start)
                sentence, border = [], False
            continue
        columns = shape.cut(line)
        if columns[0].startswith(_BORDER):
            border = True
            continue
        if shape.is_comment(line, columns, bool(sentence)):
            told = line[1:].strip()
            border |= told.startswith("newdoc")
            if told.startswith("global.columns") and "=" in told:
                found.names = tuple(told.partition("=")[2].lower().split())
            continue
        if not shape.width:
            if len(columns) == 1 and not shape.universal:
                raise _one_column(number, line, name)
            _settle(shape, found, line, columns)
            columns = shape.cut(line)
        _check(shape, found, columns, f"line {number} of {name}")
        if shape.universal and found.names[0] == "id" and not columns[0].isdecimal():
            continue
        start = start if sentence else number
        sentence.append(columns)
    if not found.sentences:
        raise UserError(f"{name} has no words in it", expected="a line a word, a blank line between sentences")
    return found


def _settle(shape: _Shape, found: WordColumns, line: str, columns: list[str]) -> None:
    """Number and names of the columns, from the line of the first word."""
    shape.universal |= len(columns) == len(UNIVERSAL) and _ID.fullmatch(columns[0]) is not None
    if shape.universal:
        found.names = found.names or UNIVERSAL
        shape.width, shape.tabs = len(found.names), True
    else:
        shape.width, shape.tabs = len(columns), "\t" in line
        found.names = _USUAL.get(shape.width, ())


def _check(shape: _Shape, found: WordColumns, columns: list[str], where: str) -> None:
    count, width = len(columns), shape.width
    if count != width:
        raise UserError(
            f"{where} has {count} column{'' if count == 1 else 's'}, "
            + (f"where CoNLL-U has {width}" if shape.universal else f"the lines before have {width}"),
            expected=f"{width} columns with {'a tab' if shape.tabs else 'blanks'} between them, the same on every line",
            fix="look for a tab or blank too many or too few; put a blank line between sentences",
        )
    if "" in columns:
        lost = columns.index("")
        if lost == 0 or columns[-1] == "" or shape.universal:
            known = found.names[lost] if found.names else f"column {lost + 1}"
            raise UserError(
                f"{where} has an empty {'word' if known in ('word', 'form') or not lost else known}",
                expected="a word and its tag on every line that is not blank",
                fix="fill it in, or take the line out",
            )
    if shape.universal and found.names[0] == "id" and not _ID.fullmatch(columns[0]):
        raise UserError(f"{where} has {columns[0]!r} as its number", expected="a number, such as 1, 2-3 or 2.1")


def _one_column(number: int, line: str, name: str) -> UserError:
    return UserError(
        f"line {number} of {name} has one column only, '{line[:40]}'",
        expected="a word and its tag, with a tab or blanks between them",
        fix="add a column with the tags; texts without tags are read from a table or from class folders",
    )


def looks_like_conll(text: str) -> bool:
    """Whether a text is words in columns: groups of lines, all with one number of columns, blank lines between them.

    >>> looks_like_conll("He\\tO\\nran\\tO\\n\\nAnn\\tB\\nsat\\tO\\n"), looks_like_conll("Some prose.\\n\\nMore.\\n")
    (True, False)
    """
    widths, groups, lines, inside = set(), 0, 0, False
    piece = text[: 1 << 16]
    whole = piece if len(piece) == len(text) else piece[: piece.rfind("\n") + 1]
    for line in whole.split("\n")[:400]:
        if not line.strip(" \t"):
            inside = False
        elif line.startswith(_BORDER) or (line.startswith("#") and not inside):
            continue
        else:
            groups += not inside
            lines += 1
            inside = True
            widths.add(len(line.split("\t") if "\t" in line else _BLANKS.split(line.strip(" "))))
            if len(widths) > 1 or widths == {1}:
                return False
    return groups >= 2 and lines >= 4 and lines > groups
