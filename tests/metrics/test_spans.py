"""Spans against hand counts, a table made with seqeval 1.2.2, and seqeval itself where it is installed."""

from __future__ import annotations

import itertools
import random

import pytest

from deepwell.metrics.spans import Span, precision_recall_f1, span_counts, spans

# right tags, answered tags, and of each type (right, answered, gold) as seqeval 1.2.2 counts in its default mode, which
# is that of conlleval. It calls the type of a bare letter "_"; here it is empty.
FROZEN = [
    ("B-A I-A O B-B", "B-A I-A O B-B", {"A": (1, 1, 1), "B": (1, 1, 1)}),
    ("B-A I-A O B-B", "B-A O O B-B", {"A": (0, 1, 1), "B": (1, 1, 1)}),
    ("I-A I-A O", "B-A I-A O", {"A": (1, 1, 1)}),
    ("I-A I-B", "B-A I-B", {"A": (1, 1, 1), "B": (1, 1, 1)}),
    ("I-A B-A", "I-A I-A", {"A": (0, 1, 2)}),
    ("O E-A E-A", "O S-A S-A", {"A": (2, 2, 2)}),
    ("B-A E-A I-A", "B-A E-A S-A", {"A": (2, 2, 2)}),
    ("S-A I-A E-A", "S-A B-A E-A", {"A": (2, 2, 2)}),
    ("B-A I-B E-A", "B-A B-B E-A", {"A": (2, 2, 2), "B": (1, 1, 1)}),
    ("B I O I", "B I O B", {"": (2, 2, 2)}),
    ("B I E S O", "B E I S O", {"": (1, 3, 2)}),
    ("B-a-b I-a-b I-a", "B-a-b I-a-b B-a", {"a": (1, 1, 1), "a-b": (1, 1, 1)}),
    ("", "", {}),
    ("O", "O", {}),
    ("B-B I-A I-B O B-A S-B", "B-B I-A E-A O B-A S-B", {"A": (1, 2, 2), "B": (2, 2, 3)}),
    ("B-A S-B I-B O B-A E-A O I-B", "B-A S-B I-B O B-A E-A O I-B", {"A": (2, 2, 2), "B": (3, 3, 3)}),
    (
        "I-A B-A E-A B-B B-A S-B B-A O E-A E-B",
        "I-A B-A E-A B-B B-A S-B E-A O E-A E-B",
        {"A": (5, 5, 5), "B": (3, 3, 3)},
    ),
    (
        "B-B E-B S-A B-A B-A S-B I-B I-A B-B I-A E-B I-B",
        "B-B E-B B-B B-A B-A S-B B-A S-A B-B I-A E-B E-B",
        {"A": (4, 5, 5), "B": (5, 6, 6)},
    ),
    (
        "S-A I-B B-B O E-B B-B I-A B-A E-B O E-A S-A I-A E-A",
        "S-A E-B B-B O E-B I-B S-A B-B E-B O E-A S-A I-A E-A",
        {"A": (5, 5, 6), "B": (4, 5, 5)},
    ),
    ("O E-B I-A S-A S-A O I-A I-B", "O E-B I-A S-A O O S-B I-B", {"A": (2, 2, 4), "B": (2, 3, 2)}),
    (
        "I-B I-B B-A E-B I-B O E-A B-A E-A E-B",
        "I-B I-B B-A E-B I-B O E-A B-A I-B E-B",
        {"A": (2, 3, 3), "B": (3, 4, 4)},
    ),
    (
        "S-A B-B B-B E-B B-A B-A E-B E-B E-B E-B S-A B-A",
        "S-A S-A B-B E-B B-A B-A B-B E-B E-B E-B S-A B-A",
        {"A": (5, 6, 5), "B": (3, 4, 6)},
    ),
    (
        "S-A S-B B-B I-A B-B E-A S-B S-B S-B B-B E-A E-A E-A I-B",
        "E-A S-B B-B O E-B E-A S-B E-B B-B B-B E-A E-A E-A I-B",
        {"A": (5, 5, 6), "B": (8, 8, 8)},
    ),
    (
        "E-B O E-B B-B B-A B-A I-B E-A E-B I-A I-B B-B B-A I-B E-B I-B",
        "B-A I-A O B-B I-A B-A I-B E-A I-A I-A I-B B-B B-A I-B I-B E-A",
        {"A": (4, 7, 5), "B": (5, 5, 9)},
    ),
]


def test_by_hand() -> None:
    assert spans(["B-PER", "I-PER", "O", "B-LOC"]) == [Span(0, 2, "PER"), Span(3, 4, "LOC")]
    assert spans([]) == spans(["O"]) == []
    # I begins a span after O, after another type, and after a span that is over
    assert spans(["I-A", "I-A", "I-B", "O", "I-B"]) == [Span(0, 2, "A"), Span(2, 3, "B"), Span(4, 5, "B")]
    assert spans(["S-A", "I-A", "E-A", "I-A"]) == [Span(0, 1, "A"), Span(1, 3, "A"), Span(3, 4, "A")]
    assert spans(["B-A", "B-A"]) == [Span(0, 1, "A"), Span(1, 2, "A")]
    assert spans(["B", "M", "M", "E", "S", "B", "E"]) == [Span(0, 4, ""), Span(4, 5, ""), Span(5, 7, "")]
    # the type is all after the first hyphen
    assert spans(["B-work-of-art", "I-work-of-art"]) == [Span(0, 2, "work-of-art")]
    # other letters before a type are inside; bare tags that are none of the letters mark nothing
    assert spans(["B-A", "Q-A", "O", "Q-A"]) == [Span(0, 2, "A"), Span(3, 4, "A")]
    assert spans(["NN", "IN", ".", "VBZ"]) == []
    assert spans(["B-A", "NN", "I-A", ".", "I-A"]) == [Span(0, 1, "A"), Span(2, 3, "A"), Span(4, 5, "A")]


@pytest.mark.parametrize(("gold", "answered", "counts"), FROZEN)
def test_frozen_counts(gold: str, answered: str, counts: dict[str, tuple[int, int, int]]) -> None:
    assert span_counts(gold.split(), answered.split()) == counts


def test_counts_of_types_add_up_to_the_whole() -> None:
    """F1 of 2 right among 3 answered and 4 true spans."""
    gold = ["B-NP", "I-NP", "B-VP", "B-NP", "I-NP", "O", "B-PP"]
    answered = ["B-NP", "I-NP", "B-VP", "B-NP", "O", "O", "O"]
    counts = span_counts(gold, answered)
    assert counts == {"NP": (1, 2, 2), "PP": (0, 0, 1), "VP": (1, 1, 1)}
    precision, recall, f1 = precision_recall_f1(*(sum(part) for part in zip(*counts.values(), strict=True)))
    assert (precision, recall, f1) == pytest.approx((2 / 3, 1 / 2, 4 / 7))


def test_nothing_to_divide() -> None:
    assert precision_recall_f1(0, 0, 0) == precision_recall_f1(0, 3, 0) == precision_recall_f1(0, 0, 3) == (0, 0, 0)
    assert precision_recall_f1(3, 3, 3) == (1, 1, 1)


def test_spans_never_overlap_and_hold_no_outside_word() -> None:
    rng = random.Random(0)
    letters = ["O", *(f"{letter}-{kind}" for letter in "BIMESQ" for kind in "XY"), *"BIMES"]
    for _ in range(2000):
        tags = [rng.choice(letters) for _ in range(rng.randint(0, 12))]
        found = spans(tags)
        assert all(one.stop <= other.start for one, other in itertools.pairwise(found))
        covered = {place for span in found for place in range(span.start, span.stop)}
        assert covered == {place for place, tag in enumerate(tags) if tag != "O"}
        assert all(span.type == tags[place].partition("-")[2] for span in found for place in range(*span[:2]))


@pytest.mark.parametrize("kinds", [["-A", "-B"], ["-A", "-A-B", ""], [""]], ids=["typed", "mixed", "bare"])
def test_random_tags_against_seqeval(kinds: list[str]) -> None:
    labelling = pytest.importorskip("seqeval.metrics.sequence_labeling")
    rng = random.Random(1)
    tags = ["O", *(letter + kind for letter in "BIES" for kind in kinds)]
    for _ in range(5000):
        row = [rng.choice(tags) for _ in range(rng.randint(1, 15))]
        theirs = [
            Span(start, stop + 1, kind if kind != "_" else "") for kind, start, stop in labelling.get_entities(row)
        ]
        assert spans(row) == theirs, row
