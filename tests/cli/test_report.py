"""``deepwell report`` as a person calls it, and the command that it gives to repeat the run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from deepwell.cli.main import main
from deepwell.repeating import command


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "a run"
    asked = [
        "train",
        "digits",
        "--model",
        "mlp",
        "--epochs",
        "1",
        "--learning-rate",
        "0.002",
        "--exact",
        "--no-baselines",
    ]
    assert main([*asked, "--out", str(place)]) == 0
    return place


def test_it_is_written_beside_the_model_and_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run)]) == 0
    said = capsys.readouterr()
    assert said.out == "" and str(run / "report.html") in said.err
    assert "<title>digits" in (run / "report.html").read_text(encoding="utf-8")


def test_as_json_elsewhere_in_chinese(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "--out", str(tmp_path), "--lang", "zh", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    page = tmp_path / "report.html"
    assert told == {"run": str(run), "report": str(page), "bytes": page.stat().st_size, "language": "zh"}
    assert "概要" in page.read_text(encoding="utf-8")


def test_mistakes_of_a_user_are_answered(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases: list[tuple[list[str], str]] = [
        ([str(tmp_path)], "is no run"),
        ([str(run / "model.safetensors")], "is a file"),
        ([str(run), "--lang", "fr"], "language 'fr' is unknown"),
        ([str(run), "--out", str(run / "run.json" / "x.html")], "can't be written"),
    ]
    for arguments, words in cases:
        assert main(["report", *arguments]) == 2, arguments
        assert words in capsys.readouterr().err


def test_damaged_side_files_do_not_stop_it(run: Path, tmp_path: Path) -> None:
    (run / "metrics.jsonl").write_text('{"epoch": 1, "loss": 1.0}\n{"epoch": 2, "lo', encoding="utf-8")
    assert main(["report", str(run), "--out", str(tmp_path / "cut.html")]) == 0
    (run / "metrics.jsonl").unlink()
    assert main(["report", str(run), "--out", str(tmp_path / "none.html")]) == 0
    assert "no log of its epochs" in (tmp_path / "none.html").read_text(encoding="utf-8")


def test_the_command_repeats_the_run(run: Path, tmp_path: Path) -> None:
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    words = shlex.split(command(facts))
    assert words[:3] == ["deepwell", "train", "digits"]
    again = tmp_path / "again"
    assert main([*words[1:], "--out", str(again), "--no-baselines"]) == 0
    repeated = json.loads((again / "run.json").read_text(encoding="utf-8"))
    assert repeated["settings"] == facts["settings"] and repeated["fingerprint"] == facts["fingerprint"]
    kept = [json.loads((place / "result.json").read_text())["metrics"] for place in (run, again)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"source": "", "data": {}}, ""),
        ({"source": "x"}, ""),
        (
            {"source": "a b", "data": {"size": [8, 9], "validation": 0.2, "seed": 3}, "settings": {"seed": 3}},
            "deepwell train 'a b' --size 8x9 --validation 0.2 --seed 3",
        ),
        (
            {"source": "x", "data": {}, "settings": {"model": "ngrams"}, "own": {"buckets": 9}, "why": "texts"},
            "deepwell train x",
        ),
        (
            {"source": "x", "data": {}, "settings": {"freeze": False, "exact": True}, "allow": ["D01"]},
            "deepwell train x --no-freeze --exact --allow D01",
        ),
    ],
)
def test_settings_become_options(facts: dict[str, Any], wanted: str) -> None:
    assert command(facts) == wanted
