"""The comparison itself, on made routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deepwell.core.errors import UserError
from deepwell.export import Difference
from deepwell.export.answers import unlike
from deepwell.export.gate import compare
from deepwell.export.routes import Passage

CLASSES = ("cat", "dog")


class Made:
    """Samples are numbers; a number below zero is refused."""

    def __init__(self, change: Any = None, *, refuses: float = 0.0) -> None:
        self.change = change or (lambda passage: passage)
        self.refuses = refuses

    def passage(self, raw: Sequence[Any]) -> Passage:
        x = np.array(raw, dtype=np.float32)
        if (x < self.refuses).any():
            raise UserError("too small")
        scores = np.stack([x, 1 - x], 1)
        chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        return self.change(passage(x, scores, chances))


def passage(x: np.ndarray, scores: np.ndarray, chances: np.ndarray, names: Sequence[str] = CLASSES) -> Passage:
    answers = [
        {
            "prediction": names[int(row.argmax())],
            "confidence": float(row.max()),
            "probabilities": dict(zip(names, map(float, row), strict=True)),
        }
        for row in chances
    ]
    return Passage(x.astype(np.int64), x, scores, chances, answers)


SAMPLES = [number / 10 for number in range(20)]


def through(change: Any, **options: Any) -> Any:
    return compare(Made(), Made(change), SAMPLES, [0.5, -1.0], what="exported file", **options)


def test_the_same_passes_and_says_what_was_seen() -> None:
    found = through(lambda p: replace(p, scores=p.scores + np.float32(2e-5)))
    assert (found.samples, found.odd, found.refused, found.batches, found.answers_differ) == (20, 2, 1, (7, 1), 0)
    assert found.scores == pytest.approx(2e-5, rel=0.05)
    assert found.to_json()["probabilities"] == 0.0


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        (lambda p: replace(p, encoded=p.encoded + 1), "preprocessing", "encoded numbers of 0.0 differ by up to 1"),
        (lambda p: replace(p, encoded=p.encoded[:, None]), "preprocessing", r"shape \[7, 1\] in place of \[7\]"),
        (lambda p: replace(p, encoded=p.encoded.astype(np.float32)), "preprocessing", "are float32 in place of int64"),
        (lambda p: replace(p, prepared=p.prepared * 1.01), "preprocessing", "numbers that the network is given"),
        (lambda p: replace(p, scores=p.scores + 0.01), "body", "the scores of 0.* differ by up to 0.01"),
        (lambda p: replace(p, scores=p.scores * np.nan), "body", "differ by up to inf"),
        (lambda p: replace(p, probabilities=p.probabilities[:, ::-1]), "decoding", "the probabilities"),
        (
            lambda p: passage(p.prepared, p.scores, p.probabilities, CLASSES[::-1]),
            "decoding",
            "0.0 is answered cat in place of dog",
        ),
    ],
)
def test_a_difference_is_named_where_it_begins(change: Any, where: str, words: str) -> None:
    with pytest.raises(Difference, match=words) as found:
        through(change)
    assert found.value.where == where
    assert f"it begins in the {where}" in str(found.value)


def test_the_first_place_counts() -> None:
    """Wrong bytes make wrong scores: the bytes are named."""
    with pytest.raises(Difference) as found:
        through(lambda p: replace(p, encoded=p.encoded + 1, scores=p.scores + 1, probabilities=p.probabilities * 0))
    assert found.value.where == "preprocessing"


def test_a_layer_is_asked_for_where_scores_differ() -> None:
    with pytest.raises(Difference, match=r"first layer that differs is body\.3; the scores") as found:
        through(lambda p: replace(p, scores=p.scores + 1), first_layer=lambda batch: "body.3")
    assert found.value.layer == "body.3"


def test_infinite_scores_on_both_sides_are_equal() -> None:
    made = Made(lambda p: replace(p, scores=p.scores * np.inf))
    with np.errstate(invalid="ignore"):
        assert compare(made, made, SAMPLES, [], what="file").scores == 0.0


def test_who_refuses_what() -> None:
    with pytest.raises(Difference, match=r"it refuses what the trained model accepts \(too small"):
        compare(Made(), Made(refuses=0.05), SAMPLES, [], what="file")
    with pytest.raises(Difference, match=r"it refuses 0\.2"):
        compare(Made(), Made(refuses=0.4), [0.5] * 9, [0.2], what="file")
    with pytest.raises(Difference, match=r"it accepts, and the trained model refuses, -1\.0"):
        compare(Made(), Made(refuses=-9.0), SAMPLES, [-1.0], what="file")


def test_a_tie_is_counted_and_no_difference() -> None:
    """0.5 and 0.5: rounding decides, and either answer is right."""

    def other(p: Passage) -> Passage:
        flipped = [a | {"prediction": "dog"} if a["confidence"] < 0.500001 else a for a in p.answers]
        return replace(p, answers=flipped)

    found = through(other)
    assert found.ties == 3  # 0.5 in a batch of seven, alone, and among the odd ones
    assert found.answers_differ == 0


SURE = {"prediction": "cat", "confidence": 0.9, "probabilities": {"cat": 0.9, "dog": 0.1}}
TAGGED = {"words": ["a", "b"], "tags": ["O", "B"], "confidence": [0.9, 0.8], "spans": [{"type": "X", "start": 2}]}


@pytest.mark.parametrize(
    ("ours", "theirs", "place"),
    [
        (SURE, SURE | {"prediction": "dog"}, "prediction"),
        (SURE, SURE | {"confidence": 0.91}, "confidence"),
        (SURE, SURE | {"confidence": None}, "confidence"),
        (SURE, SURE | {"confidence": True}, "confidence"),
        (SURE, SURE | {"probabilities": {"dog": 0.1, "cat": 0.9}}, "probabilities"),
        (SURE, {k: v for k, v in SURE.items() if k != "confidence"}, ""),
        (SURE | {"prediction": 1}, SURE | {"prediction": "1"}, "prediction"),
        (SURE | {"prediction": 1}, SURE | {"prediction": True}, "prediction"),
        (TAGGED, TAGGED | {"tags": ["O", "O"]}, "tags.1"),
        (TAGGED, TAGGED | {"tags": ["O"]}, "tags"),
        (TAGGED, TAGGED | {"spans": [{"type": "X", "start": 3}]}, "spans.0.start"),
        (TAGGED, TAGGED | {"confidence": [0.9, 0.7]}, "confidence.1"),
    ],
)
def test_unlike_answers(ours: dict[str, Any], theirs: dict[str, Any], place: str) -> None:
    found = unlike(ours, theirs, 1e-4)
    assert found is not None and found.place == place and not found.tie
    assert unlike(ours, dict(ours), 1e-4) is None


def test_a_label_at_the_threshold_is_a_tie() -> None:
    ours = {"prediction": ["a"], "confidence": 0.5, "probabilities": {"a": 0.500001, "b": 0.1}}
    theirs = {"prediction": [], "confidence": 0.5, "probabilities": {"a": 0.499999, "b": 0.1}}
    found = unlike(ours, theirs, 1e-4)
    assert found is not None and found.tie
