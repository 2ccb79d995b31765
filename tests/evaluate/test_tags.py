"""The evaluation of tags against hand counts, its intervals against plain resampling, and on bad input."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from sklearn import metrics as sk

from deepwell.core.errors import UserError
from deepwell.evaluate.tags import tags as evaluate
from deepwell.metrics.spans import spans
from deepwell.outputs.schemes import repair

Rows = list[list[str]]
GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "O"], ["B-LOC", "O", "B-PER"]]
ANSWERS = [["B-PER", "I-PER", "O", "O"], ["O", "B-LOC"], ["B-LOC", "O", "B-LOC"]]


def generated(sentences: int = 300, *, seed: int = 0) -> tuple[Rows, Rows]:
    rng = random.Random(seed)
    letters = ["O", "O", "O", "B-A", "I-A", "B-B", "I-B"]
    gold, answers = [], []
    for _ in range(sentences):
        row = [rng.choice(letters) for _ in range(rng.randint(1, 12))]
        wrong = rng.choice([0.0, 0.1, 0.5])  # words of a sentence are wrong together
        gold.append(repair(row, "bio"))
        answers.append(repair([rng.choice(letters) if rng.random() < wrong else tag for tag in gold[-1]], "bio"))
    return answers, gold


def test_by_hand() -> None:
    found = evaluate(ANSWERS, GOLD, scheme="bio")
    assert (found.sentences, found.words) == (3, 9)
    assert found.accuracy.value == pytest.approx(6 / 9)
    assert found.precision is not None and found.recall is not None and found.f1 is not None
    # right: PER and LOC; answered: 4; true: 4
    assert (found.precision.value, found.recall.value, found.f1.value) == (0.5, 0.5, 0.5)
    assert found.table == {"LOC": (1, 3, 2), "PER": (1, 1, 2)}
    assert found.table["LOC"].scores == pytest.approx((1 / 3, 1 / 2, 2 / 5))
    for measured in (found.accuracy, found.precision, found.recall, found.f1):
        assert measured.low <= measured.value <= measured.high


def test_plain_tags_against_scikit_learn() -> None:
    answers, gold = generated()
    found = evaluate(answers, gold, scheme="plain")
    y, answer = (np.concatenate([np.array(row) for row in rows]) for rows in (gold, answers))
    assert found.accuracy.value == pytest.approx(sk.accuracy_score(y, answer))
    assert found.precision is found.recall is found.f1 is None
    names = list(found.table)
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, answer, labels=names, zero_division=0)
    assert [counts.gold for counts in found.table.values()] == support.tolist() == sorted(support, reverse=True)
    scores = np.array([counts.scores for counts in found.table.values()])
    np.testing.assert_allclose(scores, np.stack([precision, recall, f1], 1))


def test_intervals_are_those_of_resampled_sentences() -> None:
    answers, gold = generated()
    found = evaluate(answers, gold, scheme="bio")
    hits = np.array([sum(a == b for a, b in zip(*rows, strict=True)) for rows in zip(answers, gold, strict=True)])
    lengths = np.array([len(row) for row in gold])
    right, said, true = np.array(
        [[len(set(spans(a)) & set(spans(b))), len(spans(a)), len(spans(b))] for a, b in zip(answers, gold, strict=True)]
    ).T
    drawn = np.random.default_rng(1).integers(0, len(gold), (4000, len(gold)))
    shares = hits[drawn].sum(1) / lengths[drawn].sum(1)
    scores = 2 * right[drawn].sum(1) / (said + true)[drawn].sum(1)
    assert found.f1 is not None
    for measured, values in ((found.accuracy, shares), (found.f1, scores)):
        low, high = np.percentile(values, [2.5, 97.5])
        width = high - low
        assert measured.low == pytest.approx(low, abs=0.1 * width)
        assert measured.high == pytest.approx(high, abs=0.1 * width)
    # words of a sentence are right and wrong together: the interval over words would be too narrow
    words = np.sqrt(found.accuracy.value * (1 - found.accuracy.value) / found.words)
    assert found.accuracy.high - found.accuracy.low > 1.2 * 2 * 1.96 * words


def test_the_order_of_sentences_changes_no_figure() -> None:
    answers, gold = generated()
    one, other = (evaluate(a, g, scheme="bio") for a, g in ((answers, gold), (answers[::-1], gold[::-1])))
    assert one.table == other.table and one.f1 is not None and other.f1 is not None
    for a, b in ((one.f1, other.f1), (one.accuracy, other.accuracy)):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-12)


def test_json_is_json() -> None:
    found = evaluate(*generated(), scheme="bio")
    plain = json.loads(json.dumps(found.to_json()))
    assert found.f1 is not None
    assert plain["f1"] == {"value": found.f1.value, "interval": [found.f1.low, found.f1.high]}
    assert set(plain["per_type"]) == {"A", "B"}
    counts = found.table["A"]
    assert plain["per_type"]["A"] == {
        "precision": counts.scores[0],
        "recall": counts.scores[1],
        "f1": counts.scores[2],
        "right": counts.right,
        "answered": counts.answered,
        "gold": counts.gold,
        "intervals": {name: found.intervals["A"][i].tolist() for i, name in enumerate(("precision", "recall", "f1"))},
    }
    for (low, high), value in zip(found.intervals["A"], counts.scores, strict=True):
        assert low < value < high
    assert plain["notes"] == list(found.notes)
    plain = json.loads(json.dumps(evaluate(*generated(), scheme="plain").to_json()))
    assert plain["f1"] is None and "O" in plain["per_tag"]


def test_the_text_fits_a_terminal() -> None:
    text = str(evaluate(ANSWERS, GOLD, scheme="bio"))
    assert "3 sentences, 9 words" in text and "95 % interval" in text and "LOC" in text
    assert text.index("F1") < text.index("word accuracy")
    names = [f"tag{number}" for number in range(100)]
    many = str(evaluate([names], [names], scheme="plain"))
    assert len(many.splitlines()) <= 40
    assert "and 70 more" in many and "tag69" not in many
    long = str(evaluate([["x" * 500]], [["x" * 500]], scheme="plain"))
    assert max(map(len, long.splitlines())) <= 100
    assert "(no type)" in str(evaluate([["B", "E"]], [["B", "E"]], scheme="bmes"))


def test_what_limits_the_figures_is_said() -> None:
    assert any("from 3 of them" in note for note in evaluate(ANSWERS, GOLD, scheme="bio").notes)
    answers, gold = generated(60)
    (note,) = evaluate(answers, gold, scheme="bio").notes
    assert "F1 is known to +-" in note and "sentences would give +-3" in note
    assert "word accuracy is known" in evaluate(answers, gold, scheme="plain").notes[0]
    broken = [["O", "I-A"], *answers[1:]], [["O", "O"], *gold[1:]]
    assert any(
        "answered tags of 1 of 60 sentences break the scheme bio" in n for n in evaluate(*broken, scheme="bio").notes
    )
    odd = [["B-NEW"], *answers[1:]], [["O"], *gold[1:]]
    assert any("there is none of NEW" in note for note in evaluate(*odd, scheme="bio").notes)


def test_no_span_at_all_and_empty_sentences() -> None:
    found = evaluate([["O"], []], [["O"], []], scheme="bio")
    assert found.accuracy.value == 1 and found.f1 is not None and found.f1.value == 0
    assert found.table == {}
    assert "2 sentences, 1 words" in str(found)
    json.dumps(found.to_json())


def test_bad_input_is_said() -> None:
    with pytest.raises(UserError, match="1 answered and 2 right sentences"):
        evaluate([["O"]], [["O"], ["O"]], scheme="bio")
    with pytest.raises(UserError, match=r"sentence 1 has 2 answered and 1 right tags.*cut into words"):
        evaluate([["O"], ["O", "O"]], [["O"], ["O"]], scheme="bio")
    with pytest.raises(UserError, match="no word to measure"):
        evaluate([[]], [[]], scheme="bio")
    with pytest.raises(UserError, match=r"sentence 0 is 'OO'.*a list of tags"):
        evaluate([["O", "O"]], ["OO"], scheme="bio")
    with pytest.raises(UserError, match=r"unknown scheme of tags 'boi'.*did you mean 'bio'"):
        evaluate([["O"]], [["O"]], scheme="boi")
