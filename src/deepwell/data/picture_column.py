"""Which column of a table holds the paths of pictures."""

from __future__ import annotations

from pathlib import Path

from deepwell.data.column_labels import Columns, missing
from deepwell.data.folders import SUFFIXES


def picture_column(columns: Columns, *, target: str | None = None, base: Path | None = None) -> str | None:
    """The first column whose first values are paths of pictures by their suffixes, or of files below ``base``."""
    for column, values in columns.items():
        first = [value for value in values[:20] if not missing(value)][:5]
        if column == target or not first or not all(isinstance(value, (str, Path)) for value in first):
            continue
        shown = [str(value) for value in first]
        # a text is no path: a file's name that is too long is an error of the system
        if any(len(path) > 200 or "\n" in path or path != path.strip() for path in shown):
            continue
        if all("." + path.rpartition(".")[2].lower() in SUFFIXES for path in shown):
            return column
        if base is not None and all((base / path).is_file() for path in shown):
            return column
    return None
