"""Files of bracketed trees, and trees in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.data.arrays import as_labels
from deepwell.data.class_folders import visible
from deepwell.data.encoding import read_text
from deepwell.data.joined import by_part, join
from deepwell.data.source import Source
from deepwell.data.tree import Tree
from deepwell.data.tree_columns import as_tree, rooted

SUFFIXES = frozenset({".ptb", ".mrg", ".tree", ".trees"})
"""Of files that hold trees whatever they look like."""


def read_trees(path: Path) -> Source:
    """A file of bracketed trees: one a line, or over several lines of which only the first begins with a bracket.

    Returns:
        kind ``tree``; the label of each root is its answer, as in a sentiment treebank.

    Raises:
        UserError: no text, a tree that can't be read; names the line where it begins.
    """
    decoded = read_text(path)
    trees = [as_tree(text, f"line {line:,} of {path}") for line, text in pieces(decoded.text)]
    if not trees:
        raise UserError(f"{path} has no trees in it", expected="a tree a line, such as (3 (2 It) (4 works))")
    source = rooted(trees, path.stem)
    return replace(source, origin=str(path), notes=(decoded.note,) if decoded.note else ())


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """(line where it begins, text) of each tree; a line behind a tree that is closed begins another."""
    held: list[str] = []
    start, depth = 1, 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if line.startswith("(") or not held or depth <= 0:
            if held:
                yield start, "\n".join(held)
            held, start, depth = [line], number, 0
        else:
            held.append(line)
        depth += line.count("(") - line.count(")")
    if held:
        yield start, "\n".join(held)


def is_trees(path: Path) -> bool:
    """Whether a file holds trees: by its suffix, or a ``.txt`` of which nearly all lines begin with a bracket."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix not in ("", ".txt") or not path.is_file():
        return False
    try:
        lines = [line for line in read_text(path).text.split("\n") if line.strip()]
    except UserError:
        return False
    # a broken line among many trees is an error to be named, not another kind of file
    return bool(lines) and lines[0].startswith("(") and sum(line.startswith("(") for line in lines) >= 0.9 * len(lines)


def tree_files_in(folder: Path) -> list[tuple[str, Path]]:
    """(part, file) of the files of trees in a folder; the part is "" where no name tells the training part."""
    files = {path.name: path for path in visible(folder) if path.is_file() and is_trees(path)}
    parted = [(part, files[name]) for part, name in by_part(list(files))]
    return parted or [("", path) for path in files.values()]


def read_tree_folder(folder: Path) -> Source:
    """A folder of files of trees: its parts by their names (train, dev, test), else all of them.

    Raises:
        UserError: as ``read_trees``; no such file.
    """
    files = tree_files_in(folder)
    if not files:
        raise UserError(f"{folder} holds no file of trees", expected="such as train.txt, a tree a line")
    taken = {path for _, path in files}
    others = [path.name for path in visible(folder) if path.is_file() and is_trees(path) and path not in taken]
    notes = [f"{', '.join(others)}: passed over, the name tells no part"] if others else []
    pieces = [(part, read_trees(path)) for part, path in files]
    return join(pieces, name=folder.resolve().name or "trees", origin=str(folder), notes=notes)


def from_trees(
    trees: Any,
    labels: Any = None,
    *,
    validation: tuple[Any, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    name: str = "trees",
) -> Source:
    """Trees in memory.

    Args:
        trees: ``Tree``, bracketed strings or nested lists.
        labels: one a tree; None: the label of each root.
        validation, test: (trees, labels) that were held out already.
        name: for the run.

    Raises:
        UserError: a tree that can't be read, numbers that differ, missing labels.

    >>> from_trees(["(3 (2 It) (4 works))", "(1 (2 It) (0 fails))"]).y
    ['3', '1']
    """
    pieces = [("train", _piece(trees, labels, "", name))]
    for part, pair in (("validation", validation), ("test", test)):
        if pair is None:
            continue
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise UserError(f"{part} is a {type(pair).__name__}", expected="a pair (trees, labels)")
        pieces.append((part, _piece(*pair, f"{part} ", name)))
    return pieces[0][1] if len(pieces) == 1 else join(pieces, name=name, origin="")


def _piece(trees: Any, labels: Any, before: str, name: str) -> Source:
    if isinstance(trees, (str, bytes, Path, dict, Tree)) or not hasattr(trees, "__iter__"):
        raise UserError(f"the {before}trees are a {type(trees).__name__}", expected="a list of trees")
    x = [as_tree(tree, f"sample {row} of the {before}trees") for row, tree in enumerate(trees)]
    if not x:
        raise UserError(f"the list of {before}trees is empty", expected="at least two trees")
    if labels is None:
        return rooted(x, name)
    y = as_labels(labels, f"{before}labels")
    if len(y) != len(x):
        raise UserError(
            f"there are {len(x):,} {before}trees and {len(y):,} {before}labels", expected="one label a tree"
        )
    return Source(name, "tree", x, y, None, "", f"{len(x):,} trees with labels")
