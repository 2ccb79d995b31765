"""The command line with a pretrained encoder: from a table to an answer, and mistakes without a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.pretrained.conftest import Writer, reviews

from deepwell.cli.main import main

pytest.importorskip("transformers")
FAST = ["--threads", "1"]


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = ["text,label", *(f'"{text}",{label}' for text, label in zip(*reviews(60), strict=True))]
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("way", "at_least"),
    [
        ("--freeze --epochs 5", 0.0),  # features of random weights tell little
        ("--no-freeze --layer-decay 0.9 --epochs 20 --learning-rate 0.02", 0.8),
    ],
)
def test_from_a_table_to_an_answer(
    capsys: pytest.CaptureFixture[str], write_encoder: Writer, table: Path, tmp_path: Path, way: str, at_least: float
) -> None:
    folder, out = write_encoder(), tmp_path / "run"
    code, _, said = run(capsys, "train", table, "--model", f"hf:{folder}", "--out", out, *FAST, *way.split())
    assert code == 0, said
    assert f"model: hf:{folder}, because its encoder" in said
    code, printed, _ = run(capsys, "evaluate", out, "--json")
    assert code == 0
    assert json.loads(printed)["accuracy"]["value"] >= at_least
    shutil.rmtree(folder)
    code, printed, _ = run(capsys, "predict", out, "the film was lovely", "--json")
    assert code == 0
    assert '"yes"' in printed
    assert run(capsys, "summary", out)[0] == 0


def test_it_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = run(capsys, "models")
    assert code == 0
    assert "hf:PATH-OR-NAME" in printed


def test_a_name_without_a_connection(
    capsys: pytest.CaptureFixture[str], table: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    code, _, said = run(capsys, "train", table, "--model", "hf:no-one/nothing", "--out", tmp_path / "run")
    assert code == 2
    assert "Traceback" not in said
    assert "there is no folder no-one/nothing, and no model of this name could be fetched" in said
    assert "hf:PATH" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--model", "hf:/nowhere/at/all"], "there is no folder /nowhere/at/all"),
        (["--model", "hf:"], "there is no folder"),
        (["--model", "hf"], "hf:PATH or hf:NAME"),
        (["--model", "lstm", "--freeze"], "freeze is given for a model that is not pretrained"),
        (["--layer-decay", "0.5"], "layer_decay is given for a model that is not pretrained"),
        (["--model", "HERE"], "has no config.json"),
    ],
)
def test_mistakes(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path, words: list[str], expected: str
) -> None:
    given = [f"hf:{tmp_path}" if word == "HERE" else word for word in words]
    code, _, said = run(capsys, "train", table, "--out", tmp_path / "run", *given)
    assert code == 2
    assert "Traceback" not in said
    assert expected in said
    assert not (tmp_path / "run").exists()


def test_pictures(capsys: pytest.CaptureFixture[str], encoder: Path, tmp_path: Path) -> None:
    code, _, said = run(capsys, "train", "digits", "--model", f"hf:{encoder}", "--out", tmp_path / "run")
    assert code == 2
    assert "is for text data, and this is image data" in said
