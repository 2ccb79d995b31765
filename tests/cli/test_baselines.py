"""Baselines on the command line: after a training, and by themselves."""

from __future__ import annotations

import builtins
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from deepwell import baselines_of
from deepwell.cli.main import main

FAST = ["--model", "mlp", "--epochs", "2"]


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def told(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("baseline ")]


def test_train_tells_writes_and_keeps_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    code, _, err = run(capsys, "train", folder, *FAST, "--out", first)
    assert code == 0
    assert len(told(err)) == 6
    assert [line for line in err.splitlines() if line.startswith("verdict: the deep model is ")]
    found = json.loads((first / "baselines.json").read_text())
    assert found[0]["name"] == "majority class"
    for item in found:
        low, high = item["score"]["interval"]
        assert low <= item["score"]["value"] <= high
        assert item["against"]["verdict"] in ("better", "worse", "within noise")
        assert item["samples"] <= item["of"]
        assert "answers" not in item

    def never(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setattr(baselines_of, "measure", never)
    code, _, err = run(capsys, "train", folder, *FAST, "--seed", 0, "--out", second)
    assert code == 0
    again = json.loads((second / "baselines.json").read_text())
    assert [item["score"] for item in again] == [item["score"] for item in found]

    code, text, err = run(capsys, "train", folder, *FAST, "--no-baselines", "--json", "--out", third)
    assert code == 0
    assert told(err) == []
    assert not (third / "baselines.json").exists()
    assert json.loads(text)["metrics"]


def test_whatever_fails_is_a_remark(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(baselines_of, "measure", broken)
    code, _, err = run(capsys, "train", folder, *FAST, "--out", tmp_path / "run")
    assert code == 0
    assert "no baselines: ZeroDivisionError: by chance" in err
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / "baselines.json").exists()


def test_without_scikit_learn(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find, load = importlib.util.find_spec, builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        return None if name == "sklearn" else find(name, *rest, **more)

    def refused(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "sklearn":
            raise ImportError("No module named 'sklearn'")
        return load(name, *rest, **more)

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    monkeypatch.setattr(builtins, "__import__", refused)
    code, _, err = run(capsys, "train", folder, *FAST, "--out", tmp_path / "quiet")
    assert code == 0
    assert "baseline" not in err
    code, _, err = run(capsys, "train", folder, *FAST, "--baselines", "--out", tmp_path / "asked")
    assert code == 2
    assert 'pip install "deepwell[baselines]"' in err
    assert not (tmp_path / "asked").exists()
    code, _, err = run(capsys, "baselines", tmp_path / "quiet")
    assert code == 2
    assert 'pip install "deepwell[baselines]"' in err


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run(capsys, "train", folder, *FAST, "--no-baselines", "--out", out)[0] == 0
    code, text, _ = run(capsys, "baselines", out, "--seconds", 5)
    assert code == 0
    assert text.startswith("measured on the test part, ")
    assert "RBF SVM: accuracy " in text
    assert "the deep model is " in text
    assert (out / "baselines.json").is_file()
    code, text, _ = run(capsys, "baselines", folder, "--seconds", 5, "--json")
    plain = json.loads(text)
    assert code == 0
    assert {item["name"]: item["score"] for item in plain} == {
        item["name"]: item["score"] for item in json.loads((out / "baselines.json").read_text())
    }
    assert all(item["against"] is None for item in plain)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothere"], "there is no file or folder nothere"),
        (["RUN", "--seconds", "0"], "--seconds is 0"),
        (["RUN", "--seconds", "nan"], "--seconds is nan"),
        (["RUN", "--target", "label"], "it knows"),
    ],
)
def test_mistakes(words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    words = [str(tmp_path / "run") if word == "RUN" else word for word in words]
    code, text, err = run(capsys, "baselines", *words)
    assert (code, text) == (2, "")
    assert message in err
