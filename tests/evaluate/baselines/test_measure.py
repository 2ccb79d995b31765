"""Baselines of a learner's data, of every input and output kind, against hand calculations."""

from __future__ import annotations

import importlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import blobs

import deepwell as dw
from deepwell import baselines_of
from deepwell.core.errors import UserError
from deepwell.data.tree import parse
from deepwell.evaluate.baselines import Difference
from deepwell.evaluate.baselines.baseline import Baseline
from deepwell.evaluate.baselines.budget import Growth
from deepwell.evaluate.baselines.estimators import Candidate
from deepwell.evaluate.measured import Measured
from deepwell.learner import Learner

measuring = importlib.import_module("deepwell.evaluate.baselines.measure")  # the package has a function of its name


def sentences(count: int) -> tuple[list[list[str]], list[list[str]]]:
    draw = random.Random(0)
    made = []
    for _ in range(count):
        name = [draw.choice(["Ada", "Alan"]), draw.choice(["Byron", "Turing"])]
        made.append(([*name, "visits", draw.choice(["Oslo", "Kyoto"])], ["B-PER", "I-PER", "O", "B-LOC"]))
    return [[*words, str(i)] for i, (words, _) in enumerate(made)], [[*tags, "O"] for _, tags in made]


def texts(count: int) -> tuple[list[str], list[str]]:
    draw = random.Random(0)
    words = {"yes": ["good", "great", "好"], "no": ["bad", "poor", "坏"]}
    labels = [draw.choice(["yes", "no"]) for _ in range(count)]
    return [f"film {i} is {draw.choice(words[label])}" for i, label in enumerate(labels)], labels


def data_of(kind: str) -> dw.Data:
    if kind == "image":
        return dw.arrays(*blobs(240), test=0.25)
    if kind == "floats":
        x, y = blobs(240)
        return dw.arrays(x.astype(np.float32) * 7 - 300, y, test=0.25)
    if kind == "text":
        return dw.texts(*texts(200), test=0.25)
    if kind == "tokens":
        return dw.words(*sentences(120), test=0.25)
    if kind == "tree":
        made = [
            (f"({label} ({label} {word}) (0 w{i}))", label) for i in range(80) for label, word in ((1, "a"), (2, "b"))
        ]
        return dw.trees([parse(text) for text, _ in made], [label for _, label in made], test=0.25)
    x, y = texts(200)
    return dw.texts(x, [[label, "film"] if i % 3 else [label] for i, label in enumerate(y)], test=0.25)


@pytest.mark.parametrize("kind", ["image", "floats", "text", "tokens", "tree", "label-sets"])
def test_every_kind_has_baselines_that_learn(kind: str) -> None:
    learner = Learner(data_of(kind))
    told: list[str] = []
    learner.say = told.append
    found = learner.baselines(5)
    assert told == []
    names = [baseline.name for baseline in found]
    wanted = {"tokens": 3, "label-sets": 4}.get(kind, 6)
    assert len(set(names)) == len(names) == wanted
    assert names[0].startswith("majority")
    for baseline in found:
        assert 0 <= baseline.score.low <= baseline.score.value <= baseline.score.high <= 1
        assert (baseline.samples, baseline.of) == (len(learner.prepared().split.train),) * 2
        assert len(baseline.answers) == len(learner.prepared().split.test)
        assert baseline.against is None
        assert baseline.note == ""
    least = 0.8 if kind == "label-sets" else 0.95
    assert min(b.score.value for b in found[1:]) > least, [str(b) for b in found]
    assert found[0].score.value < 0.8


def test_majority_and_scores_by_hand() -> None:
    learner = Learner(data_of("image"))
    prepared = learner.prepared()
    targets = prepared.targets.numpy()
    for baseline in learner.baselines(5):
        right = np.array(baseline.answers) == targets[prepared.split.test]
        assert baseline.score.value == right.mean()
    usual = np.bincount(targets[prepared.split.train]).argmax()
    assert set(learner.baselines(5)[0].answers) == {usual}


def test_the_deep_model_is_compared_and_the_cache_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(data_of("image"), model="mlp")
    first = learner.baselines(5)
    learner.fit(epochs=3, progress=False)

    def never(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setattr(baselines_of, "measure", never)
    again = learner.baselines(5)
    decoded, targets = learner.decoded("test")
    accuracy = np.mean([int(row.argmax()) == int(y) for row, y in zip(decoded, targets, strict=True)])
    for before, now in zip(first, again, strict=True):
        assert (now.answers, now.score, now.tried) == (before.answers, before.score, before.tried)
        assert now.against is not None
        assert now.against.value == pytest.approx(accuracy - now.score.value)
    assert again[0].against is not None and again[0].against.verdict == "better"
    with pytest.raises(AssertionError, match="measured again"):
        learner.baselines(50)  # more time may give better ones
    other = Learner(dw.arrays(*blobs(240, seed=1), test=0.25))
    with pytest.raises(AssertionError, match="measured again"):
        other.baselines(5)


def test_a_damaged_cache_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPWELL_CACHE", str(tmp_path))
    learner = Learner(data_of("image"))
    found = learner.baselines(5)
    (file,) = (tmp_path / "baselines").iterdir()
    for content in ("", "[]", '{"seconds": 5, "baselines": [{"name": 3}]}', '{"seconds": "a", "baselines": []}'):
        file.write_text(content)
        assert [b.score for b in learner.baselines(5)] == [b.score for b in found]


def test_one_that_fails_is_told_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measuring._one

    def one(candidate: Any, *rest: Any) -> Baseline:
        if candidate.name == "perceptron":
            raise MemoryError("no room")
        return whole(candidate, *rest)

    monkeypatch.setattr(measuring, "_one", one)
    told: list[str] = []
    learner = Learner(data_of("image"), say=told.append)
    assert "perceptron" not in [b.name for b in learner.baselines(5)]
    assert told == ["baseline perceptron failed: no room"]


def test_sizes_repeat_a_measurement_and_say_so() -> None:
    learner = Learner(data_of("image"))
    prepared = learner.prepared()
    train, test = (baselines_of._part(learner.data, prepared, name) for name in ("train", "test"))
    few = dict.fromkeys(["RBF SVM", "perceptron"], 40)
    twice = [measuring.measure(train, test, input=prepared.input, output=prepared.output, sizes=few) for _ in range(2)]
    for first, second in zip(*twice, strict=True):
        assert first.answers == second.answers
    by_name = {b.name: b for b in twice[0]}
    assert by_name["RBF SVM"].samples == 40
    assert "learnt from 40 of" in str(by_name["RBF SVM"])
    assert by_name["linear SVM"].samples == len(train)


def test_a_bound_of_iterations_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.linear_model import LogisticRegression

    hasty = Candidate("hasty", lambda _: LogisticRegression(max_iter=1), Growth(1, 0))
    monkeypatch.setattr(measuring, "ONE_OF_SEVERAL", (hasty,))
    (found,) = Learner(data_of("image")).baselines(5)
    assert found.note == "stopped at its bound of iterations"
    assert "[stopped at its bound of iterations]" in str(found)


def test_the_verdict_says_where_the_baselines_were_short_of_samples() -> None:
    def one(samples: int, low: float, high: float) -> Baseline:
        told = "better" if low > 0 else "worse" if high < 0 else "within noise"
        score, gap = Measured(0.8, 0.7, 0.9), Difference((low + high) / 2, low, high, 0.5, told, None)
        return Baseline("RBF SVM", score, "accuracy", 1.0, samples, 100, [], "", "", "", [], gap)

    assert baselines_of.verdict([one(100, 0.1, 0.2)]).endswith("all 1 baselines; the best is RBF SVM")
    assert "1 of them learnt from a part" in baselines_of.verdict([one(40, 0.1, 0.2)])
    assert "not better beyond noise than RBF SVM" in baselines_of.verdict([one(100, -0.1, 0.2)])
    assert "worse beyond noise than RBF SVM" in baselines_of.verdict([one(100, -0.2, -0.1), one(100, 0.1, 0.2)])
    assert baselines_of.verdict([]) == ""


def test_errors() -> None:
    with pytest.raises(UserError, match="nothing is held out"):
        Learner(dw.arrays(*blobs(60), validation=0.0, test=0.0)).baselines(1)


def test_json_there_and_back() -> None:
    learner = Learner(data_of("tokens"))
    for baseline in learner.baselines(5):
        assert Baseline.from_json(baseline.to_json(answers=True)).answers == baseline.answers
        assert "answers" not in baseline.to_json()
