"""Several files of one kind as one source, each a part of it or a piece of a part."""

from __future__ import annotations

from collections.abc import Sequence

from deepwell.core.errors import UserError
from deepwell.data.class_folders import natural, part_in
from deepwell.data.source import PARTS, Source


def by_part(names: Sequence[str]) -> list[tuple[str, str]]:
    """(part, name) of those that tell a part, the training part first; none where no name tells the training part.

    >>> by_part(["test.csv", "readme.csv", "train-2.csv", "train-1.csv"])
    [('train', 'train-1.csv'), ('train', 'train-2.csv'), ('test', 'test.csv')]
    """
    found = [(part, name) for name in names if (part := part_in(name)) is not None]
    found.sort(key=lambda pair: (PARTS.index(pair[0]), natural(pair[1]), pair[1]))
    return found if found and found[0][0] == "train" else []


def join(pieces: Sequence[tuple[str, Source]], *, name: str, origin: str, notes: Sequence[str] = ()) -> Source:
    """One source of the samples of several.

    Args:
        pieces: (part, source), in order; the part is "" where the files are no parts.
        name, origin: of the whole.
        notes: what a person should know, beside the pieces' own notes.

    Raises:
        UserError: they are not of one kind.
    """
    first = pieces[0][1]
    for _, piece in pieces:
        if (piece.kind, piece.answer) != (first.kind, first.answer):
            raise UserError(
                f"{first.name} in {origin} holds {first.kind} with {first.answer}, and {piece.name} holds {piece.kind} "
                f"with {piece.answer}",
                expected="parts of one kind",
                fix="give one file, or take out what does not belong to it",
            )
    x = [item for _, piece in pieces for item in piece.x]
    y = [label for _, piece in pieces for label in piece.y]
    parts = [part for part, piece in pieces for _ in range(len(piece.x))]
    groups = None
    if any(piece.groups is not None for _, piece in pieces):
        # a document lies in one file: equal numbers of two files are two documents
        pairs = [
            (number, group)
            for number, (_, piece) in enumerate(pieces)
            for group in (piece.groups if piece.groups is not None else range(len(piece.x)))
        ]
        known = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
        groups = [known[pair] for pair in pairs]
    several = len(set(parts)) > 1
    found = first.found
    if len(pieces) > 1:
        counts = {part: parts.count(part) for part in dict.fromkeys(parts)}
        shown = ", ".join(f"{count:,} in {part}" for part, count in counts.items()) if several else f"{len(x):,} in all"
        found = f"{len(pieces)} files, the first with {first.found}; {shown}"
    every = tuple(dict.fromkeys((*notes, *(note for _, piece in pieces for note in piece.notes))))
    return Source(name, first.kind, x, y, parts if several else None, origin, found, every, first.answer, groups)
