"""What lies at a path: each recogniser looks, the first that knows it reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deepwell.core.errors import UserError, nearest
from deepwell.data.arrays import from_frame
from deepwell.data.download import Progress
from deepwell.data.folders import SUFFIXES, read_folder
from deepwell.data.idx import is_idx_file, is_idx_folder, read_idx_file, read_idx_folder
from deepwell.data.named import NAMED, open_named
from deepwell.data.npz import read_npz
from deepwell.data.source import Source

_TABLES = {".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"}
_ADVICE = {
    ".npy": "save pictures and labels together with np.savez(path, x=pictures, y=labels)",
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"), "unpack it, and give the folder"),
    **dict.fromkeys(SUFFIXES, "give the folder that holds one folder of pictures for each class"),
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth"), "such a file may run code as it is read: save it as .npz"),
}


def recognise(where: str | Path, *, target: str | None = None, progress: Progress | None = None) -> Source:
    """Open a path or the name of a set.

    Args:
        where: a folder of class folders, a folder of IDX files, a ``.npz``, IDX or table file; or a set's name.
        target: the column of labels, for tables.
        progress: told of a download; see ``download.Progress``.

    Raises:
        UserError: nothing there, or nothing that is known.

    >>> recognise("digits").found
    '1,797 handwritten digits of 8x8, shipped with deepwell'
    """
    if not str(where).strip():
        raise UserError("the path is empty", expected="a path, or one of " + ", ".join(NAMED))
    path = Path(where).expanduser()
    if not path.exists():
        if str(where) not in NAMED:
            raise _nothing(str(where), path)
        _no_target(str(where), target)
        return open_named(str(where), progress=progress)
    if path.suffix.lower() in _TABLES and path.is_file():
        return _read_table(path, target)
    _no_target(str(path), target)
    if path.is_dir():
        return read_idx_folder(path) if is_idx_folder(path) else read_folder(path)
    if path.suffix.lower() == ".npz":
        return read_npz(path)
    if is_idx_file(path) or "-ubyte" in path.name.lower():
        return read_idx_file(path)
    raise UserError(
        f"{path} is a file of a kind that is not known here",
        expected="a folder of class folders, a .npz, IDX, CSV, TSV, Parquet or JSON Lines file, or a set's name",
        fix=_ADVICE.get(path.suffix.lower(), "put the pictures into one folder for each class"),
    )


def _no_target(where: str, target: str | None) -> None:
    if target is not None:
        raise UserError(
            f"target names the column '{target}', and {where} is no table",
            expected="a table (CSV, TSV, Parquet, JSON Lines) where a target is named",
            fix="leave the target out, or give the table",
        )


def _nothing(where: str, path: Path) -> UserError:
    above = path.parent
    while not above.is_dir() and above != above.parent:
        path, above = above, above.parent
    try:
        beside = [item.name for item in above.iterdir()]
    except OSError:
        beside = []
    close = nearest(path.name, [*NAMED, *beside])
    if close is None:
        fix = "check the path" if above == Path() else f"check the path: {above} is there, {path} is not"
    else:
        fix = f"did you mean '{close if close in NAMED else above / close}'?"
    return UserError(
        f"there is no file or folder {where}, and no set of that name",
        expected="a path, or one of " + ", ".join(NAMED),
        fix=fix,
    )


def _read_table(path: Path, target: str | None) -> Source:
    import polars as pl

    readers = {
        ".csv": lambda p: pl.read_csv(p, infer_schema_length=None),
        ".tsv": lambda p: pl.read_csv(p, separator="\t", infer_schema_length=None),
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
