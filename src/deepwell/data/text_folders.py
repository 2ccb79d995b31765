"""Folders of class folders of text files."""

from __future__ import annotations

import re
from pathlib import Path

from deepwell.core.errors import UserError
from deepwell.data.encoding import read_text
from deepwell.data.folders import check_parts, class_folders, files_in, is_picture, natural, part_in, rooms, visible
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
    folders = [item for item in visible(folder) if item.is_dir()]
    parted = rooms(folders, part_in)
    files: list[Path] = []
    y: list[str] = []
    sides: list[str] = []
    notes: list[str] = []
    others = 0
    for part, room in parted or [("", folder)]:
        inside, loose = class_folders(room, is_text_file)
        # a README beside the classes is no lost sample
        if part and not inside:
            notes.append(f"{room} has no class folders: without labels it was passed over")
        elif loose > 1 or (part and loose):
            notes.append(f"{loose} texts right in {room}, in no class folder, were passed over")
        for class_folder in inside:
            every = files_in(class_folder)
            found = [path for path in every if is_text_file(path)]
            others += len(every) - len(found)
            if not found:
                notes.append(f"{class_folder} holds no texts and is no class")
            files += found
            y += [class_folder.name] * len(found)
            sides += [part] * len(found)
    if parted and len(parted) < len(folders):
        extra = [item.name for item in folders if item not in {room for _, room in parted}]
        notes.append(f"beside the parts there are the folders {', '.join(extra)}: they were passed over")
    if others:
        notes.append(f"{others:,} files that are no texts by their names were passed over")
    classes = sorted(set(y), key=lambda name: (natural(name), name))
    if len(classes) < 2:
        raise UserError(
            f"{folder} has one class only, '{classes[0]}'" if classes else f"{folder} holds no texts in class folders",
            expected="at least two folders of texts, one for each class",
            fix="add texts of what it is to be told from",
        )
    if parted:
        check_parts(folder, y, sides, "texts")
    x, more = _read(files)
    shown = ", ".join(classes[:6]) + (", ..." if len(classes) > 6 else "")
    split = f", in the parts {', '.join(dict.fromkeys(sides))}" if parted else ""
    text = f"{len(x):,} texts in {len(classes)} class folders{split}: {shown}"
    known = sides if len(set(sides)) > 1 else None
    return Source(folder.resolve().name or "texts", "text", x, y, known, str(folder), text, (*notes, *more))


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
