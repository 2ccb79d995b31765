"""Texts, words and trees as they are used in Python: what is refused, and what must not be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deepwell as dw

TEXTS = [f"the film was {'bad' if i % 2 else 'good'} number {i}" for i in range(40)]
LABELS = ["no" if i % 2 else "yes" for i in range(40)]


def fit(learner: dw.Learner, **options: Any) -> dw.Learner:
    learner.fit(epochs=1, threads=1, progress=False, **options)
    return learner


def test_open_takes_the_column_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("one,two,kind\n" + "".join(f"{a},{a} again,{b}\n" for a, b in zip(TEXTS, LABELS, strict=True)))
    assert dw.open(path, text="one", target="kind").source.x == TEXTS
    with pytest.raises(dw.UserError, match="did you mean 'one'"):
        dw.open(path, text="on", target="kind")
    with pytest.raises(dw.UserError, match=r"open was given a list.*texts, words or trees"):
        fit(dw.Learner(dw.texts(TEXTS, LABELS))).evaluate(TEXTS)  # type: ignore[arg-type]


def test_an_option_of_another_kind_is_named() -> None:
    with pytest.raises(dw.UserError, match=r"max_lenght is no option.*did you mean max_length\?"):
        dw.texts(TEXTS, LABELS, max_lenght=3)
    with pytest.raises(dw.UserError, match=r"size is no option of how text data.*leave size out \(--size\)"):
        dw.texts(TEXTS, LABELS, size=3)


def test_without_a_validation_part() -> None:
    learner = fit(dw.Learner(dw.texts(TEXTS, LABELS, validation=0.0)))
    assert learner.settings.monitor is None


def test_a_finished_run_is_not_written_over(tmp_path: Path) -> None:
    fit(dw.Learner(dw.texts(TEXTS, LABELS)), out=tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(dw.UserError, match="holds another run"):
        fit(dw.Learner(dw.texts(TEXTS, LABELS), seed=1), out=tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before
    fit(dw.Learner(dw.texts(TEXTS, LABELS)), out=tmp_path / "run", resume=True)


def test_half_characters_are_never_learnt(tmp_path: Path) -> None:
    """A text that was cut within an emoji has half of it, and no file can hold that."""
    learner = fit(dw.Learner(dw.texts([f"{text} \ud83d x" for text in TEXTS], LABELS)))
    learner.save(tmp_path / "model.safetensors")
    assert dw.load(tmp_path / "model.safetensors").predict(["\ud83d good"])


def test_tags_are_repaired_where_asked() -> None:
    words, tags = [["Ada", "ran"]] * 20 + [["in", "Oslo"]], [["B-PER", "O"]] * 20 + [["O", "I-LOC"]]
    with pytest.raises(dw.UserError, match=r"sentence 21, word 2 has the tag 'I-LOC'.*repair_tags=True"):
        dw.Learner(dw.words(words, tags)).prepared()
    prepared = dw.Learner(dw.words(words, tags), repair_tags=True).prepared()
    assert "B-LOC" in prepared.output.classes
    with pytest.raises(dw.UserError, match="a category has no tags"):
        dw.Learner(dw.texts(TEXTS, LABELS), repair_tags=True).prepared()


def test_what_each_word_weighed_can_be_read() -> None:
    model = fit(dw.Learner(dw.texts(TEXTS, LABELS, minimum_count=1), "attention")).saved()
    for text, weighed in zip(TEXTS[:3], model.attention(TEXTS[:3]), strict=True):
        assert [word for word, _ in weighed] == text.split()
        assert sum(share for _, share in weighed) == pytest.approx(1, abs=1e-3)
    with pytest.raises(dw.UserError, match=r"'lstm' has no attention to show.*--model attention"):
        fit(dw.Learner(dw.texts(TEXTS, LABELS), "lstm")).saved().attention(TEXTS)
