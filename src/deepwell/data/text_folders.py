"""Folders of class folders of text files."""

from __future__ import annotations

import re
from pathlib import Path

from deepwell.core.errors import UserError
from deepwell.data.class_folders import files_in, part_in, visible, walk
from deepwell.data.encoding import read_text
from deepwell.data.folders import is_picture
from deepwell.data.source import Source

SUFFIXES = frozenset({"", ".txt", ".text", ".md", ".markdown", ".rst", ".eml"})
"""Of text files; none at all, as corpora of mail and news have it."""

_NUMBER = re.compile(r"\.(\d+|[0-9a-f]{16,})")
"""What stands behind the last point of a name, and is no suffix: a number or a digest."""


def is_text_file(path: Path) -> bool:
    """Whether a file is a text by its name.

    >>> [is_text_file(Path(name)) for name in ("a.txt", "53068", "00001.7c53336b37003a9286aba55d2945844c", "a.png")]
    [True, True, True, False]
    """
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or _NUMBER.fullmatch(suffix) is not None


def inside(folder: Path) -> tuple[int, int]:
    """How many texts and how many pictures, by their names, lie in the folders of a folder."""
    files = [path for item in visible(folder) if item.is_dir() for path in files_in(item)]
    return sum(map(is_text_file, files)), sum(map(is_picture, files))


def read_text_folder(folder: Path) -> Source:
    """Recognise ``folder/CLASS/text`` or ``folder/PART/CLASS/text``, and read the texts.

    Hidden files and what systems leave behind are passed over. Texts may lie in folders below a class folder. The
    name of a part may be a piece of a longer one, as in ``news-bydate-train``.

    Raises:
        UserError: no class folders, one class only, a class that the training part lacks, a file that is no text.
    """
    # a README beside the classes is no lost sample
    found = walk(folder, is_text_file, "texts", named=part_in, loose=1)
    if len(found.classes) < 2:
        one = found.classes[0] if found.classes else ""
        raise UserError(
            f"{folder} has one class only, '{one}'" if one else f"{folder} holds no texts in class folders",
            expected="at least two folders of texts, one for each class",
            fix="add texts of what it is to be told from",
        )
    x, notes = _read(found.files)
    name, text = folder.resolve().name or "texts", found.words("texts")
    return Source(name, "text", x, found.labels, found.known, str(folder), text, (*found.notes, *notes))


def _read(files: list[Path]) -> tuple[list[str], list[str]]:
    """Texts, and what is to be said of their encodings."""
    x: list[str] = []
    by_encoding: dict[str, list[Path]] = {}
    damaged: list[str] = []
    empty: list[Path] = []
    for path in files:
        found = read_text(path)
        x.append(found.text)
        if "U+FFFD" in found.note or "zero byte" in found.note:
            damaged.append(found.note)
        elif found.note:
            by_encoding.setdefault(found.encoding, []).append(path)
        if not found.text.strip():
            empty.append(path)
    if len(empty) == len(x):
        raise UserError(f"all {len(x):,} texts are empty", expected="texts", fix=f"look at {files[0]}")
    notes = [f"{_count(paths)} read as {known}, such as {paths[0]}" for known, paths in sorted(by_encoding.items())]
    notes += damaged[:5]
    if len(damaged) > 5:
        notes.append(f"and {len(damaged) - 5:,} more texts are damaged")
    if empty:
        notes.append(f"{_count(empty)} empty, such as {empty[0]}")
    return x, notes


def _count(paths: list[Path]) -> str:
    return "1 text is" if len(paths) == 1 else f"{len(paths):,} texts are"
