"""How good the tags of sentences are, word by word and span by span, and how sure these figures are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from deepwell.core.errors import UserError
from deepwell.evaluate.interval import f1_of_jaccard
from deepwell.evaluate.measured import Measured, ends
from deepwell.evaluate.ratio import grouped
from deepwell.evaluate.slices import Slice
from deepwell.evaluate.tag_counts import tag_counts, type_counts, word_counts
from deepwell.evaluate.words import score_cell, short, slice_lines, titles
from deepwell.metrics.spans import precision_recall_f1
from deepwell.outputs.scheme_rules import known
from deepwell.outputs.schemes import problems

_ROWS = 30  # of the table in a terminal
_COLUMNS = ("precision", "recall", "f1")
_WIDE = 0.03  # half-width of an interval from which the figure is called uncertain
_FEW = 30  # sentences below which resampling them says little


class Counts(NamedTuple):
    """Of a type of span, or of a tag: right answers, all answers, and how many there are."""

    right: int
    answered: int
    gold: int

    @property
    def scores(self) -> tuple[float, float, float]:
        """Precision, recall and F1; 0 where nothing was to be divided."""
        return precision_recall_f1(*self)


@dataclass(frozen=True)
class TagEvaluation:
    """Metrics pooled over all sentences.

    Every interval is that of a ratio over whole sentences (``ratio.grouped``): the words of a sentence are not
    independent, and to count them as if they were would make the intervals too narrow. Confidences of tags are not
    scaled by a temperature: with a conditional random field they come of whole sentences, and dividing its scores
    could change the tags.

    Attributes:
        scheme: of the tags.
        sentences, words: numbers of them.
        accuracy: share of words with the right tag.
        precision, recall, f1: of spans, as the CoNLL script counts them; None for plain tags, which mark no spans.
        table: counts of each type of span; of each tag where tags are plain. The most frequent first.
        notes: what limits the figures.
        intervals: of each row of the table, 95 %: [low, high] of ``precision``, ``recall`` and ``f1``.
        slices: parts of the sentences that do worse than the rest, worst first; see ``slices.worst_slices``.
    """

    scheme: str
    sentences: int
    words: int
    accuracy: Measured
    precision: Measured | None
    recall: Measured | None
    f1: Measured | None
    table: dict[str, Counts]
    notes: tuple[str, ...] = ()
    intervals: Mapping[str, np.ndarray] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.sentences:,} sentences, {self.words:,} words, tags: {self.scheme}"]
        for name in ("f1", "precision", "recall", "accuracy"):
            m = getattr(self, name)
            if m is not None:
                title = {"f1": "F1", "accuracy": "word accuracy"}.get(name, name)
                lines.append(f"{title:13}  {m}")
        shown = list(self.table.items())[:_ROWS]
        head = "tag" if self.f1 is None else "type"
        width = max(len(head), *(len(short(name)) for name, _ in shown)) if shown else len(head)
        lines.append(f"{head:{width}}  {titles(_COLUMNS)}     gold  answered")
        for name, counts in shown:
            found = self.intervals.get(name)
            cells = "  ".join(f"{score_cell(value, found, i):<16}" for i, value in enumerate(counts.scores))
            lines.append(f"{short(name):{width}}  {cells}  {counts.gold:7,}  {counts.answered:8,}")
        if left := len(self.table) - len(shown):
            lines.append(f"and {left:,} more, each less frequent than these")
        lines += slice_lines(self.slices)
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        table: dict[str, dict[str, Any]] = {}
        for name, counts in self.table.items():
            precision, recall, f1 = counts.scores
            table[name] = {"precision": precision, "recall": recall, "f1": f1, **counts._asdict()}
            if name in self.intervals:
                table[name]["intervals"] = {c: ends(self.intervals[name], i) for i, c in enumerate(_COLUMNS)}
        found: dict[str, Any] = {"scheme": self.scheme, "sentences": self.sentences, "words": self.words}
        for name in ("accuracy", "precision", "recall", "f1"):
            measured = getattr(self, name)
            found[name] = None if measured is None else measured.to_json()
        return {
            **found,
            "per_tag" if self.f1 is None else "per_type": table,
            "slices": [part.to_json() for part in self.slices],
            "notes": list(self.notes),
        }


def tags(answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], *, scheme: str) -> TagEvaluation:
    """Measure the tags of sentences against the right ones.

    Args:
        answers, gold: tags of each sentence, as many sentences and as many tags in each.
        scheme: a name in ``outputs.schemes.SCHEMES``; all but ``plain`` mark spans.

    Raises:
        UserError: an unknown scheme, no words, or numbers of sentences or of tags that differ.

    >>> found = tags([["B-PER", "O", "O"]], [["B-PER", "O", "B-LOC"]], scheme="bio")
    >>> round(found.accuracy.value, 4), found.precision.value, found.recall.value
    (0.6667, 1.0, 0.5)
    """
    plain = known(scheme) == "plain"
    _check(answers, gold)
    words = word_counts(answers, gold)  # [sentences, 2]: right words, words
    where, kinds, counts = tag_counts(answers, gold) if plain else type_counts(answers, gold)
    table, intervals = _table(where, kinds, counts)
    accuracy = Measured(float(words[:, 0].sum() / words[:, 1].sum()), *grouped(*words.T).tolist())
    precision, recall, f1 = (None, None, None) if plain else _overall(where, counts, len(gold))
    notes = _notes(accuracy if f1 is None else f1, len(gold), "word accuracy" if plain else "F1")
    if not plain:
        notes += _span_notes(answers, gold, scheme, table)
    total = int(words[:, 1].sum())
    return TagEvaluation(scheme, len(gold), total, accuracy, precision, recall, f1, table, notes, intervals)


def _table(where: np.ndarray, kinds: list[str], counts: np.ndarray) -> tuple[dict[str, Counts], dict[str, np.ndarray]]:
    """Counts and intervals of each type or tag, the most frequent first."""
    names, place = np.unique(np.array(kinds, dtype=object), return_inverse=True) if kinds else (np.zeros(0), where)
    sums = np.zeros((len(names), 3), dtype=np.int64)
    np.add.at(sums, place, counts)
    order = np.array(sorted(range(len(names)), key=lambda i: (-sums[i, 2], -sums[i, 1], names[i])), dtype=np.int64)
    by_kind = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place, minlength=len(names)))[:-1])
    table = {str(names[i]): Counts(*sums[i].tolist()) for i in order}
    return table, {str(names[i]): _intervals(counts[by_kind[i]]) for i in order}


def _overall(where: np.ndarray, counts: np.ndarray, sentences: int) -> list[Measured]:
    """Precision, recall and F1 of all spans."""
    rows = np.zeros((sentences, 3), dtype=np.int64)
    np.add.at(rows, where, counts)
    values, found = precision_recall_f1(*rows.sum(0).tolist()), _intervals(rows)
    return [Measured(value, *ends(found, i)) for i, value in enumerate(values)]


def _intervals(rows: np.ndarray) -> np.ndarray:
    """95 % intervals of precision, recall and F1, [3, 2], of right, answered and true ones in each sentence [n, 3]."""
    right, answered, gold = rows.T
    found = grouped(right[:, None].repeat(3, 1), np.stack([answered, gold, answered + gold - right], 1))
    return np.stack([found[0], found[1], f1_of_jaccard(found[2])])


def _check(answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> None:
    if len(answers) != len(gold):
        raise UserError(f"there are {len(answers)} answered and {len(gold)} right sentences", expected="as many")
    for place, (found, wanted) in enumerate(zip(answers, gold, strict=True)):
        if isinstance(found, str) or isinstance(wanted, str):
            raise UserError(
                f"sentence {place} is {(found if isinstance(found, str) else wanted)!r:.40}", expected="a list of tags"
            )
        if len(found) != len(wanted):
            raise UserError(
                f"sentence {place} has {len(found)} answered and {len(wanted)} right tags",
                expected="as many",
                fix="look at how the sentence was cut into words, and whether it was shortened",
            )
    if not any(map(len, gold)):
        raise UserError("there is no word to measure", expected="at least one sentence with a word")


def _notes(figure: Measured, sentences: int, name: str) -> tuple[str, ...]:
    """What a reader of the figures should know before comparing them."""
    half = (figure.high - figure.low) / 2
    if sentences < _FEW:
        return (f"few sentences: from {sentences} of them the intervals can't be trusted; take {_FEW} or more",)
    if half <= _WIDE:
        return ()
    # the half-width falls with the square root of the number of sentences
    wanted = int(np.ceil(sentences * (half / _WIDE) ** 2 / 10) * 10)
    return (
        f"few sentences: {name} is known to +-{100 * half:.0f} points; about {wanted:,} sentences would give "
        f"+-{100 * _WIDE:.0f}",
    )


def _span_notes(
    answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], scheme: str, table: dict[str, Counts]
) -> tuple[str, ...]:
    """What is odd about the tags."""
    notes = []
    for whose, rows in (("answered", answers), ("right", gold)):
        broken = sum(bool(problems(row, scheme)) for row in rows)
        if broken:
            notes.append(
                f"the {whose} tags of {broken:,} of {len(rows):,} sentences break the scheme {scheme}; their spans are "
                f"read as the CoNLL script reads them"
            )
    missing = [kind or "(no type)" for kind, counts in table.items() if not counts.gold]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        notes.append(f"answered, but among the right spans there is none of {shown}")
    return tuple(notes)
