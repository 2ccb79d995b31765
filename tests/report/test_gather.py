"""From learners to pages: figures equal those of ``evaluate``, mistakes and doubtful labels are the right samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import blobs
from tests.report.test_page import Reader, figures

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.learner import Learner
from deepwell.report.page import render
from deepwell.reporting import facts_of


def trained(tmp_path: Path | None = None, **options: Any) -> Learner:
    """A small network on squares, of which a few training labels are wrong."""
    x, y = blobs(240)
    labels = np.array(["cat", "dog", "bird"])[y]
    learner = Learner(dw.arrays(x, labels, test=0.25), model="mlp", epochs=2, threads=1, **options)
    learner.fit(progress=False, out=None if tmp_path is None else tmp_path / "run")
    return learner


def test_facts_of_a_learner_in_memory() -> None:
    learner = trained()
    facts = facts_of(learner)
    assert facts.evaluation["accuracy"] == learner.evaluate_part("test").to_json()["accuracy"]
    assert facts.part == "test" and facts.command == "" and facts.run == ""
    assert len(facts.training.epochs) == 2 and facts.training.band is not None
    assert facts.card.parts == {"train": 156, "validation": 24, "test": 60}
    assert sum(counts["test"] for counts in facts.card.classes.values()) == 60
    assert facts.findings == learner.findings
    for language in ("en", "zh"):
        assert len(Reader(render(facts, language)).all("section")) == 14  # type: ignore[arg-type]


def test_mistakes_are_the_wrong_answers_worst_first() -> None:
    learner = trained(learning_rate=1e-5)
    facts = facts_of(learner)
    answers = learner.predict(learner.raw("test"))
    wanted = [str(learner.data.source.y[i]) for i in learner.prepared().places(learner.prepared().split.test)]
    wrong = [(a, w) for a, w in zip(answers, wanted, strict=True) if a["prediction"] != w]
    assert facts.wrong == len(wrong) > 2
    chances = [one.chance for one in facts.mistakes]
    assert chances == sorted(chances)  # type: ignore[type-var]
    assert chances[0] == pytest.approx(min(a["probabilities"][w] for a, w in wrong))
    assert all(one.given != one.answered and one.sample.picture for one in facts.mistakes)
    assert facts.mistakes[0].attribution is not None


def test_labels_that_were_made_wrong_are_shown() -> None:
    x, y = blobs(300)
    labels = np.array(["cat", "dog", "bird"])[y]
    wrong = [10, 50, 90, 130]
    labels[wrong] = np.array(["dog", "bird", "cat"])[y[wrong]]
    learner = Learner(dw.arrays(x, labels, test=0.0, validation=0.1), model="mlp", epochs=2, threads=1)
    learner.fit(progress=False)
    facts = facts_of(learner)
    assert facts.part == "validation" and facts.suspects is not None
    in_training = {f"#{n}" for n in wrong if n in learner.prepared().split.train}
    first = [one.sample.name for one in facts.suspects[:3]]
    assert len(first) == 3 and in_training.issuperset(first), "a list to look through has the planted ones on top"
    assert all(one.given == labels[int(one.sample.name[1:])] for one in facts.suspects)


def test_the_page_has_the_figures_of_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from deepwell.cli.main import main

    run = tmp_path / "run"
    assert main(["train", "digits", "--model", "mlp", "--epochs", "2", "--out", str(run), "--no-baselines"]) == 0
    assert main(["report", str(run), "--json"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = figures((run / "report.html").read_text(encoding="utf-8"))
    assert found.pop((None, "accuracy")) == told["accuracy"]["value"]
    assert [found.pop((None, f"accuracy.{end}")) for end in ("low", "high")] == told["accuracy"]["interval"]
    for (label, name), value in found.items():
        if label is not None:
            assert value == told["per_class"][label][name]
        elif name.endswith((".low", ".high")):
            name, _, end = name.partition(".")
            assert value == told[name]["interval"][end == "high"]
        else:
            assert value == (told[name]["value"] if isinstance(told[name], dict) else told[name])


def test_tags_and_label_sets_and_trees_have_pages() -> None:
    words = [["Anna", "lives", "in", "Rome"], ["in", "Paris", "Bob", "sleeps"], ["Rome", "is", "old"]] * 12
    tags = [["B-PER", "O", "O", "B-LOC"], ["O", "B-LOC", "B-PER", "O"], ["B-LOC", "O", "O"]] * 12
    texts = [f"{a} and {b} number {n}" for n in range(20) for a, b in (("red", "round"), ("blue", "long"))]
    sets = [["red", "round"] if "red" in text else ["blue"] for text in texts]
    made = [
        Learner(dw.words(words, tags, test=0.3), model="bilstm-crf", epochs=1),
        Learner(dw.texts(texts, sets, test=0.3), model="embedding-bag", epochs=1),
    ]
    for learner in made:
        learner.fit(progress=False, check=False)
        facts = facts_of(learner)
        assert facts.output in ("tags", "label-sets") and facts.wrong and facts.mistakes
        for language in ("en", "zh"):
            reader = Reader(render(facts, language))  # type: ignore[arg-type]
            assert facts.mistakes[0].sample.name in reader.text
        if facts.output == "tags":
            assert set(facts.card.classes) == {"PER", "LOC"} and reader.all("mark")


def test_nothing_trained_is_nothing_to_report(tmp_path: Path) -> None:
    x, y = blobs(60)
    with pytest.raises(UserError, match="not trained yet"):
        Learner(dw.arrays(x, y, test=0.2), model="mlp").report(tmp_path / "r.html")


def test_a_place_that_cant_be_written_is_said(tmp_path: Path) -> None:
    learner = trained()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="can't be written"):
        learner.report(tmp_path / "file" / "report.html")
    path = learner.report(tmp_path / "new" / "report.html", "zh")
    assert "概要" in path.read_text(encoding="utf-8")


def test_findings_are_kept_with_the_run(tmp_path: Path) -> None:
    learner = trained(tmp_path)
    kept = json.loads((tmp_path / "run" / "findings.json").read_text(encoding="utf-8"))
    assert [one["code"] for one in kept] == [finding.code for finding in learner.findings]
