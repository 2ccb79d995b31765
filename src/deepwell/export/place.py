"""Where an export is written: all its files or none of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deepwell.core.errors import UserError

READER = "reader"
_CACHE = "__pycache__"


def target(path: str | Path, suffix: str) -> Path:
    """The file to write: ``path`` itself, ``path`` with the suffix, or ``model`` in a folder.

    Raises:
        UserError: another suffix, or a file that is there already.

    >>> target("pets", ".onnx").name
    'pets.onnx'
    """
    path = Path(path)
    if path.is_dir():
        path = path / f"model{suffix}"
    elif path.suffix != suffix:
        if path.suffix in (".onnx", ".pt2", ".pt", ".pth", ".safetensors"):
            raise UserError(
                f"the file is to be called {path.name}",
                expected=f"a name that ends in {suffix}",
                fix=f"call it {path.with_suffix(suffix).name}, or choose another --to",
            )
        path = path.with_name(path.name + suffix)
    return path


def check_free(path: Path, names: list[str]) -> None:
    """Nothing of these names is in the way.

    Raises:
        UserError: a file that is there already, a folder ``reader`` that holds something else.
    """
    for name in names:
        if (path.parent / name).exists():
            raise UserError(
                f"{path.parent / name} is there already",
                expected="a new name: nothing is overwritten",
                fix="choose another --out, or remove it",
            )
    own = {file.name for file in (Path(__file__).parent / READER).iterdir()}
    folder = path.parent / READER
    there = {file.name for file in folder.iterdir()} if folder.is_dir() else {READER} if folder.exists() else set()
    if strange := sorted(there - own - {_CACHE}):
        raise UserError(
            f"{folder} holds {strange[0]}, which is not of deepwell's reader",
            expected="a folder in which the reader may be written",
            fix="choose another folder with --out",
        )


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A folder beside ``path``; what it holds in the end goes where ``path`` is, and on any error it is removed.

    Raises:
        UserError: a folder that can't be written, a full disk.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}.", dir=path.parent))
    except OSError as error:
        raise UserError(
            f"{path.parent} can't be written ({error.strerror})", fix="choose another place with --out"
        ) from None
    try:
        yield folder
        for part in sorted(folder.iterdir(), key=lambda part: part.name == path.name):  # the model itself last
            if part.is_dir():
                shutil.copytree(part, path.parent / part.name, dirs_exist_ok=True)
            else:
                os.replace(part, path.parent / part.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path} can't be written ({reason})", fix="choose another place or make room") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ship(folder: Path) -> None:
    """Put the reader into a folder: plain Python and NumPy, for those who have no deepwell."""
    shutil.copytree(Path(__file__).parent / READER, folder / READER, ignore=shutil.ignore_patterns(_CACHE))
