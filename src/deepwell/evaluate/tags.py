"""How good the tags of sentences are, word by word and span by span, and how sure these figures are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deepwell.core.errors import UserError
from deepwell.evaluate.bootstrap import RESAMPLES, percentiles
from deepwell.evaluate.category import Measured
from deepwell.metrics.spans import precision_recall_f1, span_counts
from deepwell.outputs.scheme_rules import known
from deepwell.outputs.schemes import problems

_ROWS = 30  # of the table in a terminal
_BLOCK = 1 << 22  # numbers drawn at once: 32 MiB
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

    Every interval is the percentile interval of 1,000 bootstrap resamples of whole sentences: the words of a sentence
    are not independent, and resampling words would make the intervals too narrow.

    Attributes:
        scheme: of the tags.
        sentences, words: numbers of them.
        accuracy: share of words with the right tag.
        precision, recall, f1: of spans, as the CoNLL script counts them; None for plain tags, which mark no spans.
        table: counts of each type of span; of each tag where tags are plain. The most frequent first.
        notes: what limits the figures.
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

    def __str__(self) -> str:
        lines = [f"{self.sentences:,} sentences, {self.words:,} words, tags: {self.scheme}"]
        for name in ("f1", "precision", "recall", "accuracy"):
            m = getattr(self, name)
            if m is not None:
                title = {"f1": "F1", "accuracy": "word accuracy"}.get(name, name)
                lines.append(f"{title:13}  {m.value:.4f}  (95 % interval {m.low:.4f} to {m.high:.4f})")
        shown = list(self.table.items())[:_ROWS]
        head = "tag" if self.f1 is None else "type"
        names = [_short(name) for name, _ in shown]
        width = max(len(head), *map(len, names), 0) if names else len(head)
        lines.append(f"{head:{width}}  precision  recall      F1     gold  answered")
        for name, (_, counts) in zip(names, shown, strict=True):
            precision, recall, f1 = counts.scores
            lines.append(
                f"{name:{width}}  {precision:9.4f}  {recall:6.4f}  {f1:6.4f}  {counts.gold:7,}  {counts.answered:8,}"
            )
        if left := len(self.table) - len(shown):
            lines.append(f"and {left:,} more, each less frequent than these")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        table = {}
        for name, counts in self.table.items():
            precision, recall, f1 = counts.scores
            table[name] = {"precision": precision, "recall": recall, "f1": f1, **counts._asdict()}
        found: dict[str, Any] = {"scheme": self.scheme, "sentences": self.sentences, "words": self.words}
        for name in ("accuracy", "precision", "recall", "f1"):
            measured = getattr(self, name)
            found[name] = None if measured is None else measured.to_json()
        return {**found, "per_tag" if self.f1 is None else "per_type": table, "notes": list(self.notes)}


def tags(
    answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], *, scheme: str, seed: int = 0
) -> TagEvaluation:
    """Measure the tags of sentences against the right ones.

    Args:
        answers, gold: tags of each sentence, as many sentences and as many tags in each.
        scheme: a name in ``outputs.schemes.SCHEMES``; all but ``plain`` mark spans.
        seed: of the resamples.

    Raises:
        UserError: an unknown scheme, no words, or numbers of sentences or of tags that differ.

    >>> found = tags([["B-PER", "O", "O"]], [["B-PER", "O", "B-LOC"]], scheme="bio")
    >>> round(found.accuracy.value, 4), found.precision.value, found.recall.value
    (0.6667, 1.0, 0.5)
    """
    plain = known(scheme) == "plain"
    _check(answers, gold)
    rows = np.zeros((len(gold), 5), dtype=np.int64)  # right words, words; right, answered and true spans
    right: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for place, (found, wanted) in enumerate(zip(answers, gold, strict=True)):
        hits = [tag for tag, other in zip(wanted, found, strict=True) if tag == other]
        rows[place, :2] = len(hits), len(wanted)
        if plain:
            right.update(hits)
            answered.update(found)
            there.update(wanted)
            continue
        for kind, counts in span_counts(wanted, found).items():
            rows[place, 2:] += counts
            for counter, count in zip((right, answered, there), counts, strict=True):
                counter[kind] += count
    table = {
        kind: Counts(right[kind], answered[kind], there[kind])
        for kind in sorted(answered | there, key=lambda kind: (-there[kind], -answered[kind], kind))
    }
    accuracy, *of_spans = _measured(rows, [_accuracy] if plain else [_accuracy, _precision, _recall, _f1], seed)
    precision, recall, f1 = of_spans or (None, None, None)
    notes = _notes(accuracy if f1 is None else f1, len(gold), "word accuracy" if plain else "F1")
    if not plain:
        notes += _span_notes(answers, gold, scheme, table)
    words = int(rows[:, 1].sum())
    return TagEvaluation(scheme, len(gold), words, accuracy, precision, recall, f1, table, notes)


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


def _accuracy(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / np.maximum(sums[:, 1], 1)


def _precision(sums: np.ndarray) -> np.ndarray:
    return sums[:, 2] / np.maximum(sums[:, 3], 1)


def _recall(sums: np.ndarray) -> np.ndarray:
    return sums[:, 2] / np.maximum(sums[:, 4], 1)


def _f1(sums: np.ndarray) -> np.ndarray:
    return 2 * sums[:, 2] / np.maximum(sums[:, 3] + sums[:, 4], 1)


def _measured(rows: np.ndarray, scores: Sequence[Callable[[np.ndarray], np.ndarray]], seed: int) -> list[Measured]:
    """Scores of sums of rows [sentences, counts], with their intervals over resampled sentences.

    Sentences with equal counts are drawn together, from a multinomial: its cost is that of the different rows.
    """
    kinds, times = np.unique(rows, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(kinds))
    drawn = [
        rng.multinomial(len(rows), times / len(rows), size=min(block, RESAMPLES - start)) @ kinds
        for start in range(0, RESAMPLES, block)
    ]
    whole, sums = rows.sum(0, keepdims=True), np.concatenate(drawn)
    return [Measured(float(score(whole)[0]), *percentiles(score(sums))) for score in scores]


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


def _short(name: str) -> str:
    """A name that fits a column of the table."""
    name = name or "(no type)"
    return name if len(name) <= 30 else name[:29] + "…"
