"""Folders of class folders of pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from deepwell.core.errors import UserError, nearest
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
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in pieces if p)


def visible(folder: Path) -> list[Path]:
    """What a person sees in a folder, in an order that is the same on every machine."""
    try:
        items = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} can't be read ({error.strerror})", fix="check its permissions") from None
    kept = [item for item in items if not item.name.startswith(".") and item.name.lower() not in _IGNORED]
    return sorted(kept, key=lambda item: (natural(item.name), item.name))


def files_in(folder: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """Every file in a folder and below, in natural order; a link to a folder above is not followed.

    Raises:
        UserError: a folder that can't be read.
    """
    real = folder.resolve()
    if real in above:
        return []
    found: list[Path] = []
    for item in visible(folder):
        try:
            inside = item.is_dir()
        except OSError as error:
            raise UserError(f"{item} can't be read ({error.strerror})", fix="check its permissions") from None
        if inside:
            found += files_in(item, (*above, real))
        else:
            found.append(item)
    return found


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its suffix."""
    return path.suffix.lower() in SUFFIXES


def pictures_in(folder: Path) -> list[Path]:
    """Every picture in a folder and below, by its suffix, in natural order.

    Raises:
        UserError: a folder that can't be read.
    """
    return [path for path in files_in(folder) if is_picture(path)]


def part_of(name: str) -> str | None:
    """The part that a name stands for: its usual synonyms, in English and Chinese.

    >>> part_of("dev"), part_of("cat")
    ('validation', None)
    """
    return next((part for part, names in _PART_NAMES.items() if name.lower() in names), None)


def part_in(name: str) -> str | None:
    """The part that a longer name tells of: a piece of it, where only one part is named.

    >>> part_in("en_ewt-ud-dev.conllu"), part_in("train-test.csv")
    ('validation', None)
    """
    found = {part for piece in re.split(r"[^\w]+|_", name) if (part := part_of(piece)) is not None}
    return found.pop() if len(found) == 1 else None


def rooms(folders: list[Path], named: Callable[[str], str | None] = part_of) -> list[tuple[str, Path]]:
    """(part, folder) of a source that is split already; none where its folders are classes.

    A training folder has class folders in it and a second part, or nothing, beside it. So ``bus/`` and
    ``train/`` with pictures right in them stay two classes.
    """
    known = [(part, folder) for folder in folders if (part := named(folder.name)) is not None]
    training = [folder for part, folder in known if part == "train"]
    if not training or not all(any(item.is_dir() for item in visible(folder)) for folder in training):
        return []
    several = len({part for part, _ in known}) > 1
    return known if several or len(known) == len(folders) else []


def class_folders(room: Path, wanted: Callable[[Path], bool] = is_picture) -> tuple[list[Path], int]:
    """Class folders, and the number of wanted files that lie beside them."""
    items = visible(room)
    loose = sum(1 for item in items if item.is_file() and wanted(item))
    return [item for item in items if item.is_dir()], loose


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
    folders = [item for item in items if item.is_dir()]
    parted = rooms(folders)
    x: list[Path] = []
    y: list[str] = []
    sides: list[str] = []
    others = 0
    notes: list[str] = []
    for part, room in parted or [("", folder)]:
        inside, loose = class_folders(room)
        if loose and inside:
            notes.append(f"{loose} pictures right in {room}, in no class folder, were passed over")
        elif part and loose:
            notes.append(f"{room} has {loose} pictures but no class folders: without labels they were passed over")
        for class_folder in inside:
            files = files_in(class_folder)
            found = [path for path in files if is_picture(path)]
            others += len(files) - len(found)
            if not found:
                notes.append(f"{class_folder} holds no pictures and is no class")
            x += found
            y += [class_folder.name] * len(found)
            sides += [part] * len(found)
    if parted and len(parted) < len(folders):
        extra = [item.name for item in folders if part_of(item.name) is None]
        notes.append(f"beside the parts there are the folders {', '.join(extra)}: they were passed over")
    if others:
        notes.append(f"{others} files that are no pictures were passed over")
    if not x:
        raise _no_pictures(folder, items)
    classes = sorted(set(y), key=lambda name: (natural(name), name))
    if len(classes) == 1:
        raise UserError(
            f"{folder} has one class only, '{classes[0]}'",
            expected="at least two folders of pictures",
            fix="add pictures of what it is to be told from",
        )
    if parted:
        check_parts(folder, y, sides)
    shown = ", ".join(classes[:6]) + (", ..." if len(classes) > 6 else "")
    split = f", in the parts {', '.join(dict.fromkeys(sides))}" if parted else ""
    text = f"{len(x):,} pictures in {len(classes)} class folders{split}: {shown}"
    name = folder.resolve().name or "pictures"
    # a source whose only filled part is the training one is not split yet
    known = sides if len(set(sides)) > 1 else None
    return Source(name, "image", x, y, known, str(folder), text, tuple(notes))


def _no_pictures(folder: Path, items: list[Path]) -> UserError:
    loose = sum(1 for item in items if item.suffix.lower() in SUFFIXES)
    return UserError(
        f"{folder} has {loose} pictures but no class folders" if loose else f"{folder} holds no pictures",
        expected="one folder for each class, such as cat/ and dog/, with pictures in it",
        fix="move the pictures into class folders, or give a table with a path and a label column",
    )


def check_parts(folder: Path, y: list[str], sides: list[str], kind: str = "pictures") -> None:
    """Every class of another part must be one that is trained.

    Raises:
        UserError: no training samples, or a class that the training part lacks.
    """
    trained = {label for label, side in zip(y, sides, strict=True) if side == "train"}
    if not trained:
        raise UserError(f"the training folder of {folder} holds no {kind}", expected=f"class folders of {kind}")
    for label, side in zip(y, sides, strict=True):
        if label not in trained:
            close = nearest(label, trained)
            raise UserError(
                f"the {side} part of {folder} has the class folder '{label}', which the training part lacks",
                expected="the same classes in every part",
                fix=f"is it '{close}'? Rename the folder" if close else f"add training {kind}, or take it out",
            )
