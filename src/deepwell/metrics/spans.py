"""Spans of tagged words, found and counted as the CoNLL-2000 evaluation script does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_LETTERS = frozenset("BIMES")
_ALONE = frozenset("BS")  # letters that begin a span whatever came before
_LAST = frozenset("ES")  # letters after which a span is over
_OUTSIDE = frozenset(("O", "."))


class Span(NamedTuple):
    """Words ``start`` to ``stop - 1`` of a sentence; ``type`` is empty where the tags are bare letters."""

    start: int
    stop: int
    type: str


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans that the tags of one sentence mark, in their order.

    Read as ``conlleval`` reads them (Tjong Kim Sang and Buchholz 2000, aclanthology.org/W00-0726), so tags that break
    their scheme have spans too: a span begins at B and S, after O, after E and S, and where the type changes; it ends
    before all these and at the end of the sentence. That serves IOB1, IOB2 and IOBES alike. M is read as I (Chinese
    word segmentation writes B, M, E, S), and so is any other letter that stands before a type. The type is all that
    follows the first hyphen. A bare tag that is none of these letters marks nothing.

    Args:
        tags: of one sentence.

    >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
    [Span(start=0, stop=2, type='PER'), Span(start=3, stop=4, type='LOC'), Span(start=4, stop=5, type='LOC')]
    """
    found = []
    start, open_type, over = 0, None, False  # over: the last word's letter ends its span
    for position, tag in enumerate(tags):
        letter, hyphen, kind = tag.partition("-")
        if tag in _OUTSIDE or not (hyphen or letter in _LETTERS):
            if open_type is not None:
                found.append(Span(start, position, open_type))
            open_type = None
            continue
        if open_type is None or over or kind != open_type or letter in _ALONE:
            if open_type is not None:
                found.append(Span(start, position, open_type))
            start, open_type = position, kind
        over = letter in _LAST
    if open_type is not None:
        found.append(Span(start, len(tags), open_type))
    return found


def span_counts(gold: Sequence[str], answered: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """(right, answered, gold) of each type of span in one sentence; counts of sentences add up.

    A span is right where the gold tags have one with the same start, stop and type.

    Args:
        gold, answered: tags, as many.

    >>> span_counts(["B-PER", "I-PER", "O"], ["B-PER", "O", "B-LOC"])
    {'LOC': (0, 1, 0), 'PER': (0, 1, 1)}
    """
    there, found = set(spans(gold)), set(spans(answered))
    right, answers, wanted = (Counter(span.type for span in part) for part in (there & found, found, there))
    return {kind: (right[kind], answers[kind], wanted[kind]) for kind in sorted(answers.keys() | wanted.keys())}


def precision_recall_f1(right: int, answered: int, gold: int) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean, as shares from 0 to 1; 0 where nothing was to be divided.

    Args:
        right: right answers.
        answered: all answers.
        gold: all that there was to find.

    >>> precision_recall_f1(1, 2, 4)
    (0.5, 0.25, 0.3333333333333333)
    """
    precision = right / answered if answered else 0.0
    recall = right / gold if gold else 0.0
    return precision, recall, 2 * right / (answered + gold) if answered + gold else 0.0
