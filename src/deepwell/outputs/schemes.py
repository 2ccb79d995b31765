"""How tags mark spans: IOB2, IOB1 and IOBES, checked, repaired, converted, and as constraints of a tagger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from deepwell.core.errors import UserError
from deepwell.metrics.spans import Span, spans
from deepwell.outputs.scheme_rules import RULES, SCHEMES, faults, forms, known, split

__all__ = ["SCHEMES", "allowed", "convert", "problems", "recognise", "repair"]

_DOUBTFUL = 0.01  # share of broken tags above which bare letters are taken for plain tags
_BROKEN = 0.5  # the same for letters with a type, whose form says more


def recognise(sequences: Iterable[Sequence[str]]) -> str:
    """The scheme that tags follow: ``bio``, ``iob1``, ``bioes`` or ``plain``.

    Tags mark spans where each is O or a letter, a hyphen and a type (``B-PER``). E, S and M make it ``bioes``; of
    ``bio`` and ``iob1`` the one that fewer tags break, ``bio`` where it makes no difference. Bare letters are taken for
    spans only where little else can be meant: B, I and O, or B, E and S (with I, M or O), and hardly one tag breaks
    the scheme. All else is plain: parts of speech such as ``NN``, ``IN`` or ``NN-TL``, and letters that lack their
    companions. Name the scheme yourself where this is wrong.

    Args:
        sequences: tags of each sentence.

    >>> recognise([["B-PER", "I-PER", "O"]]), recognise([["I-PER", "O"]]), recognise([["S", "B", "E"]])
    ('bio', 'iob1', 'bioes')
    >>> recognise([["NN", "IN", "I", "O"]])
    'plain'
    """
    rows = [("O", *row, "O") for row in sequences]
    tags = {tag for row in rows for tag in row[1:-1]}
    marks = {split(tag) for tag in tags}
    letters = {mark.letter for mark in marks if mark and mark.letter}
    typed = any(mark.type for mark in marks if mark)
    if letters & set("MES"):
        names, complete = ["bioes"], typed or set("BES") <= letters
    else:
        names, complete = ["bio", "iob1"], "B" in letters or "O" in tags if typed else {"B", "I", "O"} <= tags
    if None in marks or not letters or not complete:
        return "plain"
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    broken = {name: sum(count * sum(map(bool, faults(name, *pair))) for pair, count in pairs.items()) for name in names}
    best = min(names, key=broken.__getitem__)
    marked = sum(count for (_, tag), count in pairs.items() if tag != "O")
    return best if broken[best] <= (_BROKEN if typed else _DOUBTFUL) * marked else "plain"


def problems(sequence: Sequence[str], scheme: str) -> list[tuple[int, str]]:
    """Where and why the tags of a sentence break their scheme: positions from 0, in their order.

    Args:
        sequence: tags of one sentence.
        scheme: a name in ``SCHEMES``. Under ``plain`` nothing can be broken.

    Raises:
        UserError: an unknown scheme.

    >>> problems(["O", "I-PER"], "bio")
    [(1, 'no span of type PER is open before it')]
    """
    name, found = known(scheme), []
    for position, pair in enumerate(pairwise(("O", *sequence, "O"))):
        left, right = faults(name, *pair)
        if left:
            found.append((position - 1, left))
        if right:
            found.append((position, right))
    return found


def repair(sequence: Sequence[str], scheme: str) -> list[str]:
    """Tags of the scheme that mark the spans which ``metrics.spans`` reads in these; right tags stay as they are.

    Args:
        sequence: tags of one sentence.
        scheme: a name in ``SCHEMES``. Under ``plain`` all stays; ``bmes`` writes M for a middle that has to be
            made, the others I, and an M that stands stays.

    Raises:
        UserError: an unknown scheme.

    >>> repair(["O", "I-PER", "I-PER", "E-LOC"], "bioes")
    ['O', 'B-PER', 'E-PER', 'S-LOC']
    """
    if known(scheme) == "plain" or not problems(sequence, scheme):
        return list(sequence)
    tags = _write(spans(sequence), len(sequence), scheme)
    if known(scheme) == "bioes":
        # the middles of a repaired sentence keep their spelling
        for position, (old, new) in enumerate(zip(sequence, tags, strict=True)):
            if new[0] in "IM" and old[0] in "IM":
                tags[position] = old
    return tags


def convert(sequence: Sequence[str], source: str, target: str) -> list[str]:
    """The same spans in the tags of another scheme.

    Args:
        sequence: tags of one sentence that follow ``source``.
        source, target: names in ``SCHEMES``; ``bmes`` writes M where ``bioes`` writes I.

    Raises:
        UserError: an unknown scheme, tags that break theirs, or ``plain`` on one side only.

    >>> convert(["B-PER", "I-PER", "O", "B-LOC"], "bio", "bioes")
    ['B-PER', 'E-PER', 'O', 'S-LOC']
    """
    ends = {known(source), known(target)}
    if ends == {"plain"}:
        return list(sequence)
    if "plain" in ends:
        raise UserError(
            f"tags were to be converted from {source} to {target}",
            expected="two schemes that mark spans: plain tags mark none",
            fix="choose both of bio, iob1, bioes, bmes",
        )
    if wrong := problems(sequence, source):
        position, why = wrong[0]
        raise UserError(
            f"word {position + 1} has the tag {sequence[position]!r}: {why}",
            expected=f"tags of the scheme {source}",
            fix=f"repair them first: repair(tags, {source!r})",
        )
    return _write(spans(sequence), len(sequence), target)


def allowed(tags: Sequence[str], scheme: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What may follow what: a sentence that keeps to it has no ``problems``, and the other way round.

    Args:
        tags: different tags, T of them.
        scheme: a name in ``SCHEMES``; ``plain`` allows all.

    Returns:
        bool [T, T], from the row's tag to the column's; bool [T], where a sentence may start; bool [T], where it may
        end.

    Raises:
        UserError: an unknown scheme, or a tag that is none of it.

    >>> moves, start, end = allowed(["B-X", "I-X", "O"], "bio")
    >>> moves.astype(int).tolist(), start.tolist()
    ([[1, 1, 1], [1, 1, 1], [1, 0, 1]], [True, False, True])
    """
    name, count = known(scheme), len(tags)
    if name == "plain":
        return np.ones((count, count), dtype=bool), np.ones(count, dtype=bool), np.ones(count, dtype=bool)
    rules = RULES[name]
    marks = [split(tag, rules.letters) for tag in tags]
    if None in marks:
        raise UserError(
            f"{tags[marks.index(None)]!r} is not a tag of {name}",
            expected=f"O and {forms(rules)}",
            fix="repair the tags, or use the scheme plain",
        )
    read = [mark for mark in marks if mark is not None]
    types = {kind: number for number, kind in enumerate(sorted({mark.type for mark in read}))}
    kinds = np.array([types[mark.type] for mark in read], dtype=np.int64)
    opens = np.array([mark.opens(rules) for mark in read], dtype=bool)
    continues = np.array([mark.continues(rules) for mark in read], dtype=bool)
    joined = (kinds[:, None] == kinds) & opens[:, None] & continues
    moves = joined | ~continues
    if rules.must_close:
        moves &= joined | ~opens[:, None]
    return moves, ~continues, ~opens if rules.must_close else np.ones(count, dtype=bool)


def _write(found: Sequence[Span], length: int, scheme: str) -> list[str]:
    """The tags of a sentence with these spans."""
    name, tags = known(scheme), ["O"] * length
    middle = "M" if scheme == "bmes" else "I"
    before = Span(0, -1, "")
    for span in found:
        letters = [middle] * (span.stop - span.start)
        if name == "bioes":
            letters[0], letters[-1] = ("S", "S") if len(letters) == 1 else ("B", "E")
        elif name == "bio" or (before.stop == span.start and before.type == span.type):
            letters[0] = "B"
        tags[span.start : span.stop] = [f"{letter}-{span.type}" if span.type else letter for letter in letters]
        before = span
    return tags
