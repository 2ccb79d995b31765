"""``deepwell compare`` and what ``deepwell evaluate`` says, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deepwell.cli.main import main

FAST = ["--epochs", "2", "--no-baselines", "--model"]


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on digits, one with another split, and one on other data."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPWELL_CACHE", str(folder / "cache"))
        assert main(["train", "digits", *FAST, "mlp", "--out", str(folder / "mlp")]) == 0
        assert (
            main(["train", "digits", "--epochs", "1", "--no-baselines", "--model", "cnn", "--out", str(folder / "cnn")])
            == 0
        )
        assert main(["train", "digits", *FAST, "mlp", "--seed", "3", "--out", str(folder / "seed3")]) == 0
        table = folder / "texts.csv"
        table.write_text(
            "text,label\n" + "".join(f"{'good' if i % 2 else 'bad'} thing {i},{i % 2}\n" for i in range(120))
        )
        assert main(["train", str(table), *FAST, "ngrams", "--allow", "D01", "--out", str(folder / "texts")]) == 0
    return folder


def test_two_runs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = run(capsys, "compare", runs / "mlp", runs / "cnn")
    assert code == 0
    assert "359 samples" in text and "best" in text and "McNemar" in text
    assert "looked at" in err and "by 2 runs" in err
    code, text, _ = run(capsys, "compare", runs / "mlp", runs / "cnn", "--json")
    found = json.loads(text)
    assert code == 0 and set(found["metrics"]) == {"accuracy", "macro_f1", "log_loss"}
    assert found["runs"] == {"mlp": str(runs / "mlp"), "cnn": str(runs / "cnn")}
    _, text, _ = run(capsys, "evaluate", runs / "mlp", "--json")
    assert found["metrics"]["accuracy"]["scores"]["mlp"] == json.loads(text)["accuracy"]["value"]


def test_another_part(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = run(capsys, "compare", runs / "mlp", runs / "cnn", "--part", "validation")
    assert code == 0 and "validation part" in text
    assert "chose each run's best epoch" in err and "looked at" not in err


def test_another_split_is_compared_on_what_none_was_trained_on(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = run(capsys, "compare", runs / "mlp", runs / "cnn", runs / "seed3", "--json")
    found = json.loads(text)
    assert code == 0
    splits = [json.loads((runs / name / "split.json").read_text()) for name in ("mlp", "seed3")]
    common = set(splits[0]["test"]) & set(splits[1]["test"])
    assert found["samples"] == len(common) < 359
    assert not common & set(splits[0]["train"]) and not common & set(splits[1]["validation"])
    assert "split differently" in found["notes"][0]
    _, text, err = run(capsys, "compare", runs / "mlp", runs / "cnn", runs / "seed3")
    assert "corrected for all 3 pairs" in text and "none of them was trained" in err


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (["mlp"], [], "given 1 run"),
        (["mlp", "mlp"], [], "named twice"),
        (["mlp", "nothing"], [], "is no run"),
        (["mlp", "texts"], [], "different samples or labels"),
        (["mlp", "cnn"], ["--part", "tset"], "did you mean 'test'"),
        (["mlp", "seed3"], ["--part", "validation"], "samples lie in the validation part of every run"),
    ],
)
def test_what_cannot_be_compared(
    runs: Path, names: list[str], options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "compare", *[runs / name for name in names], *options)
    assert code == 2 and words in err


def test_evaluate_says_how_often_the_test_part_was_seen(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, text, err = run(capsys, "evaluate", runs / "texts")
    assert "looked at" in err and "temperature" in text
    _, text, _ = run(capsys, "evaluate", runs / "texts", "--json")
    first = json.loads(text)["test_uses"]
    _, text, _ = run(capsys, "evaluate", runs / "texts", "--json")
    again = json.loads(text)["test_uses"]
    assert again["looks"] == first["looks"] + 1 and again["runs"] == 1
