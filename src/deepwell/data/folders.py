"""Folders of class folders of pictures."""

from __future__ import annotations

import re
from pathlib import Path

from deepwell.core.errors import UserError
from deepwell.data.source import Source

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_PART_NAMES = {
    "train": {"train", "training", "trn", "训练", "训练集"},
    "validation": {"validation", "val", "valid", "dev", "验证", "验证集"},
    "test": {"test", "testing", "tst", "eval", "测试", "测试集"},
}
_IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}


def natural(path: Path | str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts 2 before 10.

    >>> sorted(["b10", "b2"], key=natural)
    ['b2', 'b10']
    """
    pieces = re.split(r"(\d+)", str(path))
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p.lower()) for p in pieces if p)


def _visible(folder: Path) -> list[Path]:
    try:
        items = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} can't be read ({error.strerror})", fix="check its permissions") from None
    kept = [item for item in items if not item.name.startswith(".") and item.name.lower() not in _IGNORED]
    return sorted(kept, key=lambda item: natural(item.name))


def pictures_in(folder: Path) -> list[Path]:
    """Every picture in a folder and below, by its suffix, in natural order."""
    found: list[Path] = []
    for item in _visible(folder):
        if item.is_dir():
            found += pictures_in(item)
        elif item.suffix.lower() in SUFFIXES:
            found.append(item)
    return found


def _part_of(name: str) -> str | None:
    return next((part for part, names in _PART_NAMES.items() if name.lower() in names), None)


def read_folder(folder: Path) -> Source:
    """Recognise ``folder/CLASS/picture`` or ``folder/PART/CLASS/picture``.

    Raises:
        UserError: empty, no class folders, one class only.
    """
    items = _visible(folder)
    if not items:
        raise UserError(f"{folder} is empty", expected="one folder of pictures for each class")
    folders = [item for item in items if item.is_dir()]
    parts = {item: part for item in folders if (part := _part_of(item.name)) is not None}
    if parts and "train" in parts.values() and len(parts) == len(folders):
        rooms = [(part, room) for room, part in parts.items()]
    else:
        rooms = [("", folder)]
    x: list[Path] = []
    y: list[str] = []
    sides: list[str] = []
    others = 0
    notes: list[str] = []
    for part, room in rooms:
        for class_folder in [item for item in _visible(room) if item.is_dir()]:
            found = pictures_in(class_folder)
            others += sum(1 for p in class_folder.rglob("*") if p.is_file() and not p.name.startswith(".")) - len(found)
            if not found:
                notes.append(f"{class_folder} holds no pictures and is no class")
            x += found
            y += [class_folder.name] * len(found)
            sides += [part] * len(found)
    if others > 0:
        notes.append(f"{others} files that are no pictures were passed over")
    classes = sorted(set(y), key=natural)
    if not x:
        loose = sum(1 for item in items if item.suffix.lower() in SUFFIXES)
        came = f"{folder} has {loose} pictures but no class folders" if loose else f"{folder} holds no pictures"
        raise UserError(
            came,
            expected="one folder for each class, such as cat/ and dog/, with pictures in it",
            fix="move the pictures into class folders, or give a table with a path and a label column",
        )
    if len(classes) == 1:
        raise UserError(
            f"{folder} has one class only, '{classes[0]}'",
            expected="at least two folders of pictures",
            fix="add pictures of what it is to be told from",
        )
    shown = ", ".join(classes[:6]) + (", ..." if len(classes) > 6 else "")
    split = f", in the parts {', '.join(part for part, _ in rooms)}" if rooms[0][0] else ""
    found_text = f"{len(x):,} pictures in {len(classes)} class folders{split}: {shown}"
    return Source(
        folder.resolve().name or "pictures",
        "image",
        x,
        y,
        sides if rooms[0][0] else None,
        str(folder),
        found_text,
        tuple(notes),
    )
