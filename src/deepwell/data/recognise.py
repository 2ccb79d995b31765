"""What lies at a path: each recogniser looks, the first that knows it reads it."""

from __future__ import annotations

from pathlib import Path

from deepwell.core.errors import UserError, nearest
from deepwell.data.class_folders import visible
from deepwell.data.conll import conll_files_in, is_conll, read_conll, read_conll_folder
from deepwell.data.download import Progress
from deepwell.data.folders import SUFFIXES, is_picture, read_folder
from deepwell.data.idx import is_idx_file, is_idx_folder, read_idx_file, read_idx_folder
from deepwell.data.named import NAMED, open_named
from deepwell.data.npz import read_npz
from deepwell.data.source import Source
from deepwell.data.text_folders import inside, is_text_file, read_text_folder
from deepwell.data.text_table import SUFFIXES as TABLES
from deepwell.data.text_table import read_table, read_tables, tables_in
from deepwell.data.trees import is_trees, read_tree_folder, read_trees, tree_files_in

_TEXT_ADVICE = (
    "put texts into one folder for each class, or into a table with a text and a label column; put words into lines "
    "with their tags, a blank line between sentences; put trees into brackets, one a line"
)
_ADVICE = {
    ".npy": "save pictures and labels together with np.savez(path, x=pictures, y=labels)",
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"), "unpack it, and give the folder"),
    **dict.fromkeys(SUFFIXES, "give the folder that holds one folder of pictures for each class"),
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth"), "such a file may run code as it is read: save it as .npz"),
    **dict.fromkeys(("", ".txt", ".text", ".md"), _TEXT_ADVICE),
    **dict.fromkeys((".xls", ".xlsx", ".ods"), "save the sheet as .csv, and give that"),
    ".json": "write one object a line (JSON Lines), and name it .jsonl",
}


def recognise(
    where: str | Path, *, target: str | None = None, text: str | None = None, progress: Progress | None = None
) -> Source:
    """Open a path or the name of a set.

    Args:
        where: a folder of class folders of pictures or texts; a folder of IDX files; a ``.npz`` or IDX file; a table
            of pictures' paths, texts, words or trees; words in columns (CoNLL) or bracketed trees; a folder with
            such tables or files, named train, dev, test; or a set's name.
        target: the column of labels or tags, for tables and CoNLL.
        text: the column of texts, for tables.
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
        _no_columns(str(where), target, text)
        return open_named(str(where), progress=progress)
    return _folder(path, target, text) if path.is_dir() else _file(path, target, text)


def _file(path: Path, target: str | None, text: str | None) -> Source:
    suffix = path.suffix.lower()
    # a .tsv may be words in columns
    if suffix in TABLES and not (suffix == ".tsv" and text is None and is_conll(path)):
        return read_table(path, target=target, text=text)
    _no_columns(str(path), None, text)
    if suffix == ".npz":
        _no_columns(str(path), target, None)
        return read_npz(path)
    if is_idx_file(path) or "-ubyte" in path.name.lower():
        _no_columns(str(path), target, None)
        return read_idx_file(path)
    if is_conll(path):
        return read_conll(path, target=target)
    _no_columns(str(path), target, None)
    if is_trees(path):
        return read_trees(path)
    raise UserError(
        f"{path} is a file of a kind that is not known here",
        expected="a folder of class folders, a .npz, IDX, CSV, TSV, Parquet or JSON Lines file, words in columns "
        "(CoNLL), bracketed trees, or a set's name",
        fix=_ADVICE.get(suffix, "put the pictures into one folder for each class"),
    )


def _folder(path: Path, target: str | None, text: str | None) -> Source:
    if is_idx_folder(path):
        _no_columns(str(path), target, text)
        return read_idx_folder(path)
    texts, pictures = inside(path)
    if pictures and pictures >= texts:
        _no_columns(str(path), target, text)
        return read_folder(path)
    if tables_in(path):
        return read_tables(path, target=target, text=text)
    _no_columns(str(path), None, text)
    if tree_files_in(path):
        _no_columns(str(path), target, None)
        return read_tree_folder(path)
    if conll_files_in(path)[0]:
        return read_conll_folder(path, target=target)
    _no_columns(str(path), target, None)
    loose = [item for item in visible(path) if item.is_file()]
    # pictures or nothing right in a folder: what is said of that is read_folder's
    if texts or sum(map(is_text_file, loose)) > sum(map(is_picture, loose)):
        return read_text_folder(path)
    return read_folder(path)


def _no_columns(where: str, target: str | None, text: str | None) -> None:
    for name, column in (("target", target), ("text", text)):
        if column is not None:
            raise UserError(
                f"{name} names the column '{column}', and {where} is no table",
                expected=f"a table (CSV, TSV, Parquet, JSON Lines) where a {name} is named",
                fix=f"leave the {name} out, or give the table",
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
