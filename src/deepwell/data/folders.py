"""Folders of class folders of pictures."""

from __future__ import annotations

from pathlib import Path

from deepwell.core.errors import UserError
from deepwell.data.class_folders import files_in, part_of, visible, walk
from deepwell.data.source import Source

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its suffix."""
    return path.suffix.lower() in SUFFIXES


def pictures_in(folder: Path) -> list[Path]:
    """Every picture in a folder and below, by its suffix, in natural order.

    Raises:
        UserError: a folder that can't be read.
    """
    return [path for path in files_in(folder) if is_picture(path)]


def read_folder(folder: Path) -> Source:
    """Recognise ``folder/CLASS/picture`` or ``folder/PART/CLASS/picture``.

    Hidden files and what systems leave behind (``__MACOSX``, ``Thumbs.db``) are passed over. Pictures may lie
    in folders below a class folder. Names of parts: train, validation, test, their usual synonyms, and 训练,
    验证, 测试.

    Raises:
        UserError: empty, unreadable, no class folders, one class only, a class that the training part lacks.
    """
    items = visible(folder)
    if not items:
        raise UserError(
            f"{folder} is empty", expected="one folder of pictures for each class", fix="check that it is the one"
        )
    found = walk(folder, is_picture, "pictures", named=part_of)
    if not found.files:
        raise _no_pictures(folder, items)
    if len(found.classes) == 1:
        raise UserError(
            f"{folder} has one class only, '{found.classes[0]}'",
            expected="at least two folders of pictures",
            fix="add pictures of what it is to be told from",
        )
    name = folder.resolve().name or "pictures"
    text, notes = found.words("pictures"), tuple(found.notes)
    return Source(name, "image", found.files, found.labels, found.known, str(folder), text, notes)


def _no_pictures(folder: Path, items: list[Path]) -> UserError:
    loose = sum(1 for item in items if item.suffix.lower() in SUFFIXES)
    return UserError(
        f"{folder} has {loose} pictures but no class folders" if loose else f"{folder} holds no pictures",
        expected="one folder for each class, such as cat/ and dog/, with pictures in it",
        fix="move the pictures into class folders, or give a table with a path and a label column",
    )
