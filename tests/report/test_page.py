"""The page, as text: whole, escaped, the same figures, in both languages."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from tests.report import made

from deepwell.core.errors import UserError
from deepwell.report.outputs import OUTPUTS
from deepwell.report.page import SECTIONS, render
from deepwell.report.words import LANGUAGES, Words, table


class Reader(HTMLParser):
    """Checks that tags are closed in order, and keeps elements, text and attributes."""

    _VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def figures(page: str) -> dict[tuple[str | None, str], float]:
    """Every figure of the page by (class or None, name)."""
    found = {}
    for attributes in Reader(page).all("data"):
        if name := attributes.get("data-figure"):
            found[attributes.get("data-of"), name] = float(attributes["value"] or "nan")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("classes", [2, 14, 15, 100])
def test_every_section_is_there(classes: int, language: Any) -> None:
    page = render(made.facts(classes), language)
    reader = Reader(page)
    there = [attributes["id"] for attributes in reader.all("section")]
    assert there == list(OUTPUTS["category"].SECTIONS) == list(SECTIONS)
    assert [a["href"] for a in reader.all("a")] == [f"#{name}" for name in there]
    assert "{{" not in reader.text and "None" not in reader.text and "nan" not in reader.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_tags_and_texts_have_their_own(language: Any) -> None:
    reader = Reader(render(made.of_tags(), language))
    assert [a["id"] for a in reader.all("section")] == list(OUTPUTS["tags"].SECTIONS)
    marks = [a["class"] for a in reader.all("mark")]
    assert marks == ["both", "one", "both"], "Anna is right on both sides, New York was missed"
    assert "<b>New York" in reader.text
    text = Reader(render(made.facts(input="text"), language))
    assert "because" in text.text


def test_nothing_is_fetched_and_no_handler_is_inline() -> None:
    page = render(made.facts())
    reader = Reader(page)
    assert not reader.all("link")
    assert all((a["src"] or "").startswith("data:") for a in reader.all("img"))
    assert not re.search(r"url\(|@import|https?://", page)
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    policy = next(a["content"] for a in reader.all("meta") if a.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe-eval" not in policy


def test_figures_are_those_of_the_evaluation_to_the_last_digit() -> None:
    facts = made.facts(12)
    found, told = figures(render(facts)), facts.evaluation
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert found[None, name] == told[name]["value"]
        assert [found[None, f"{name}.low"], found[None, f"{name}.high"]] == told[name]["interval"]
    assert found[None, "calibration_error"] == told["calibration_error"]
    assert found[None, "temperature"] == told["temperature"]
    for label, row in told["per_class"].items():
        for name in ("precision", "recall", "f1", "samples"):
            assert found[label, name] == row[name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_labels_are_text(language: Any) -> None:
    plain = Reader(render(made.facts(5), language))
    facts = made.facts(5, special=made.HOSTILE, name=made.HOSTILE[0], model=made.HOSTILE[1])
    page = render(facts, language)
    reader = Reader(page)
    assert [tag for tag, _ in reader.elements] == [tag for tag, _ in plain.elements], "a label became an element"
    for label in made.HOSTILE:
        assert label in reader.text
    assert "49" not in reader.text or "{{ 7*7 }}" in reader.text
    assert page.count("<script>") == 1


def test_chinese_and_long_labels() -> None:
    long = "a name that nobody would give a class " * 10
    page = render(made.facts(20, special=["猫", "狗", long]), "zh")
    reader = Reader(page)
    assert "猫" in reader.text and long in reader.text
    assert '<html lang="zh-Hans">' in page


def test_counts_of_a_small_matrix_and_shares_of_its_rows_are_read() -> None:
    facts = made.facts(2)
    matrix = np.array(facts.evaluation["confusion"])
    text = Reader(render(facts)).text
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = 100 * matrix[row, column] / matrix[row].sum()
        assert f"{matrix[row, column]}{share:.1f}%" in text


def test_many_classes_are_drawn_and_far_more_are_chosen_from() -> None:
    hundred = render(made.facts(100, samples=3_000))
    assert "chart heat" in hundred and len(hundred) < 600_000
    many = made.facts(300, samples=3_000)
    page = render(many)
    assert "The 150 classes with the most mistakes, of 300." in page
    assert len(page) < 2_000_000


@pytest.mark.parametrize(("verdict", "key"), [("better", "beaten"), ("worse", "lost"), ("within noise", "noise")])
def test_the_verdict_on_baselines_is_that_of_the_paired_comparison(verdict: str, key: str) -> None:
    words = Words("en")
    page = Reader(render(made.facts(baselines=made.baselines(0.5, verdict)))).text
    assert words(f"baselines.{key}", name="linear SVM", value="0.5000") in page
    alone = Reader(render(made.facts(baselines=None))).text
    assert words("baselines.unknown") in alone and "deepwell baselines runs/made-1" in alone


def test_calibration_is_said_in_words() -> None:
    def bins(confidence: float, accuracy: float) -> list[dict[str, Any]]:
        one = {"low": 0.8, "high": 1.0, "samples": 100, "confidence": confidence, "accuracy": accuracy}
        return [{**one, "interval": [accuracy - 0.05, min(1, accuracy + 0.05)]}]

    base = made.facts().evaluation
    for confidence, accuracy, wanted in ((0.9, 0.89, "Yes"), (0.95, 0.7, "too sure"), (0.8, 0.95, "too modest")):
        changed = {"reliability": bins(confidence, accuracy), "calibration_error": abs(confidence - accuracy)}
        assert wanted in Reader(render(made.facts(evaluation={**base, **changed}))).text


def test_nothing_known_is_said_so() -> None:
    """A run without a log, baselines, findings, suspects, mistakes: every section stands, with a sentence."""
    from deepwell.report.facts import DataCard, ReportFacts

    evaluation = made.evaluation(["a", "b"])
    evaluation |= {"reliability": [], "accuracy": {"value": 0.5, "interval": None}}
    bare = ReportFacts("x", "image", "category", evaluation, card=DataCard(parts={"train": 1}))
    for language in LANGUAGES:
        reader = Reader(render(bare, language))
        assert len(reader.all("section")) == len(SECTIONS)
        words = Words(language)
        for key in ("curves.none", "time.none", "mistakes.none", "labels.unknown", "findings.unknown", "uses.unknown"):
            assert words(key) in reader.text
        assert words("summary.no_luck") in reader.text


def test_slices_are_listed() -> None:
    one = {"attribute": "brightness", "value": "", "low": 0.1, "high": 0.2, "samples": 40}
    one |= {"score": 0.5, "interval": [0.4, 0.6], "rest": 0.1, "p": 0.001}
    named = {**one, "attribute": "<i>camera</i>", "value": "<b>old</b>", "low": None, "high": None}
    evaluation = {**made.facts().evaluation, "slices": [one, named]}
    text = Reader(render(made.facts(evaluation=evaluation), "zh")).text
    assert "亮度" in text and "0.1 至 0.2" in text and "<b>old</b>" in text and "50.0%" in text


def test_a_test_part_that_was_looked_at_often_warns() -> None:
    text = Reader(render(made.facts(uses={"looks": 40, "runs": 30}, often=True))).text
    assert "40 times, by 30 runs" in text and "That is often" in text


# ---- words


def test_both_languages_have_the_same_words() -> None:
    english, chinese = table("en"), table("zh")
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert places(text) == places(chinese[key]), key
    kept = {"f1", "RBF", "float32", "bfloat16", "interval", "page"}
    for key, text in chinese.items():
        if not any(word in key for word in kept) and key not in ("listed", "sentence_gap", "slices.range"):
            assert any(ord(c) > 0x2E7F for c in text), f"{key} is not Chinese: {text}"


def places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_an_unknown_language_or_answer_is_an_error() -> None:
    with pytest.raises(UserError, match="language 'fr' is unknown"):
        render(made.facts(), "fr")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no report for boxes"):
        render(made.facts(output="boxes"))


def test_the_page_depends_on_its_facts_alone() -> None:
    assert render(made.facts()) == render(made.facts())


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from deepwell.report import page

    monkeypatch.setitem(sys.modules, "jinja2", None)
    page._environment.cache_clear()
    with pytest.raises(UserError, match=re.escape('pip install "deepwell[report]"')):
        render(made.facts())
    monkeypatch.undo()
    page._environment.cache_clear()


def test_log_scores_may_be_missing_in_the_middle() -> None:
    training = made.training()
    rows = [dict(row) for row in training.epochs]
    rows[2]["val_loss"] = math.nan
    del rows[3]["val_accuracy"]
    changed = made.facts(training=type(training)(rows, best_epoch=2, monitor="val_loss"))
    assert "nan" not in Reader(render(changed)).text.lower().replace("finance", "")
