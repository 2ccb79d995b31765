"""What lies at a path: each recogniser looks, the first that knows it reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deepwell.core.errors import UserError, nearest
from deepwell.data.arrays import from_frame
from deepwell.data.folders import read_folder
from deepwell.data.idx import is_idx_folder, read_idx_file, read_idx_folder
from deepwell.data.named import NAMED, open_named
from deepwell.data.npz import read_npz
from deepwell.data.source import Source

_TABLES = {".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"}


def recognise(where: str | Path, *, target: str | None = None) -> Source:
    """Open a path or the name of a set.

    Args:
        where: a folder of class folders, a folder of IDX files, a ``.npz``, IDX or table file; or a set's name.
        target: the column of labels, for tables.

    Raises:
        UserError: nothing there, or nothing that is known.
    """
    path = Path(where).expanduser()
    if not path.exists():
        if str(where) in NAMED:
            return open_named(str(where))
        raise _nothing(str(where), path)
    if path.is_dir():
        return read_idx_folder(path) if is_idx_folder(path) else read_folder(path)
    name = path.name.lower()
    if name.endswith(".npz"):
        return read_npz(path)
    if "idx" in name or name.endswith("-ubyte") or name.endswith("-ubyte.gz"):
        return read_idx_file(path)
    if path.suffix.lower() in _TABLES:
        return _read_table(path, target)
    raise UserError(
        f"{path} is a file of a kind that is not known here",
        expected="a folder of class folders, a .npz, IDX, CSV, TSV, Parquet or JSON Lines file, or a set's name",
        fix="put the pictures into one folder for each class",
    )


def _nothing(where: str, path: Path) -> UserError:
    parent = path.parent if str(path.parent) else Path()
    try:
        beside = [item.name for item in parent.iterdir()] if parent.is_dir() else []
    except OSError:
        beside = []
    close = nearest(path.name, [*NAMED, *beside])
    return UserError(
        f"there is no file or folder {where}, and no set of that name",
        expected="a path, or one of " + ", ".join(NAMED),
        fix=f"did you mean '{close}'?" if close else "check the path",
    )


def _read_table(path: Path, target: str | None) -> Source:
    import polars as pl

    readers = {
        ".csv": pl.read_csv,
        ".tsv": lambda p: pl.read_csv(p, separator="\t"),
        ".parquet": pl.read_parquet,
        ".jsonl": pl.read_ndjson,
        ".ndjson": pl.read_ndjson,
    }
    try:
        frame = readers[path.suffix.lower()](path)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} can't be read as a table ({str(error).splitlines()[0]})", fix="check the file"
        ) from None
    source = from_frame(frame, target=target, base=path.parent, name=path.name)
    return replace(source, name=path.stem, origin=str(path))
