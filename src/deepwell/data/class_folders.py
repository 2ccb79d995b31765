"""Folders of class folders: what lies in them, and which of them are parts of a split."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deepwell.core.errors import UserError, nearest

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


@dataclass
class Walked:
    """What lies in class folders.

    Attributes:
        files: of the wanted kind, in natural order; ``labels`` and ``parts`` are theirs, "" where there are no parts.
        notes: what was passed over.
        classes: the labels' names, in natural order.
    """

    files: list[Path] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.labels), key=lambda name: (natural(name), name))

    @property
    def known(self) -> list[str] | None:
        """The parts, where there is more than one: a source whose only filled part is training is not split yet."""
        return self.parts if len(set(self.parts)) > 1 else None

    def words(self, kind: str) -> str:
        """How many there are of what, for a person."""
        shown = ", ".join(self.classes[:6]) + (", ..." if len(self.classes) > 6 else "")
        split = f", in the parts {', '.join(dict.fromkeys(self.parts))}" if any(self.parts) else ""
        return f"{len(self.files):,} {kind} in {len(self.classes)} class folders{split}: {shown}"


def walk(
    folder: Path, wanted: Callable[[Path], bool], kind: str, *, named: Callable[[str], str | None], loose: int = 0
) -> Walked:
    """Find ``folder/CLASS/file`` or ``folder/PART/CLASS/file``; files may lie in folders below a class folder.

    Args:
        folder: the outermost.
        wanted: whether a file is of the kind.
        kind: its name in the plural, for remarks.
        named: the part that a folder's name stands for.
        loose: so many files beside class folders are nothing to remark on, such as a README beside texts.

    Raises:
        UserError: a folder that can't be read, a class that the training part lacks.
    """
    folders = [item for item in visible(folder) if item.is_dir()]
    parted = rooms(folders, named)
    found = Walked()
    others = 0
    for part, room in parted or [("", folder)]:
        items = visible(room)
        beside = sum(1 for item in items if item.is_file() and wanted(item))
        inside = [item for item in items if item.is_dir()]
        if part and not inside:
            found.notes.append(f"{room} has {beside} {kind} but no class folders: without labels they were passed over")
        elif inside and beside > (0 if part else loose):
            found.notes.append(f"{beside} {kind} right in {room}, in no class folder, were passed over")
        for class_folder in inside:
            files = files_in(class_folder)
            right = [path for path in files if wanted(path)]
            others += len(files) - len(right)
            if not right:
                found.notes.append(f"{class_folder} holds no {kind} and is no class")
            found.files += right
            found.labels += [class_folder.name] * len(right)
            found.parts += [part] * len(right)
    if parted and len(parted) < len(folders):
        extra = [item.name for item in folders if item not in {room for _, room in parted}]
        found.notes.append(f"beside the parts there are the folders {', '.join(extra)}: they were passed over")
    if others:
        found.notes.append(f"{others:,} files that are no {kind} by their names were passed over")
    if parted and len(found.classes) > 1:
        _check_parts(folder, found, kind)
    return found


def _check_parts(folder: Path, found: Walked, kind: str) -> None:
    """Every class of another part must be one that is trained.

    Raises:
        UserError: no training samples, or a class that the training part lacks.
    """
    trained = {label for label, side in zip(found.labels, found.parts, strict=True) if side == "train"}
    if not trained:
        raise UserError(f"the training folder of {folder} holds no {kind}", expected=f"class folders of {kind}")
    for label, side in zip(found.labels, found.parts, strict=True):
        if label not in trained:
            close = nearest(label, trained)
            raise UserError(
                f"the {side} part of {folder} has the class folder '{label}', which the training part lacks",
                expected="the same classes in every part",
                fix=f"is it '{close}'? Rename the folder" if close else f"add training {kind}, or take it out",
            )
