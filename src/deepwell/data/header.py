"""The line of names above a table, or that it has none."""

from __future__ import annotations

from collections.abc import Sequence

from deepwell.data.text_columns import SPLITS, TARGETS, TEXTS


def named(rows: Sequence[Sequence[str]], *, known: Sequence[str] = ()) -> tuple[dict[str, list[str]], bool]:
    """Rows of strings as columns, and whether they had no line of names.

    The first row is names, unless one of its values is a label that other rows have too. Names that are empty or
    occur twice get a number; columns without a name and without a value are left out.

    Args:
        rows: of one length.
        known: names that the first row must have, or it is none of names.

    >>> named([["ham", "see you"], ["spam", "win"], ["ham", "ok"], ["ham", "so"], ["ham", "no"]])[0]["column_1"]
    ['ham', 'spam', 'ham', 'ham', 'ham']
    """
    first, rest = [str(value).strip() for value in rows[0]], rows[1:]
    plain = [f"column_{place}" for place in range(1, len(first) + 1)]
    wanted = [piece.strip() for name in known for piece in name.split(",")]
    usual = {name.casefold() for name in first} & {*TARGETS, *TEXTS, *SPLITS}
    unnamed = bool(wanted) and not set(wanted) & set(first) and set(wanted) <= set(plain)
    if not usual and not wanted and len(rows) >= 4:
        for place, value in enumerate(first):
            cells = [row[place].strip() for row in rest]
            unnamed |= bool(value) and value in cells and len(set(cells)) <= len(cells) / 2
    if unnamed:
        return dict(zip(plain, map(list, zip(*rows, strict=True)), strict=True)), True
    columns: dict[str, list[str]] = {}
    for place, name in enumerate(first):
        cells = [row[place] for row in rest]
        if not name and not any(cells) and place:
            continue
        name = name or plain[place]
        columns[f"{name}_{place + 1}" if name in columns else name] = cells
    return columns, False
