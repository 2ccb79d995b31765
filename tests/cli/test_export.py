"""``deepwell export`` as a person meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.export.conftest import colours

from deepwell.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run on a folder of pictures."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("work")
    for number, (picture, label) in enumerate(zip(*colours(90), strict=True)):
        place = folder / "pictures" / label
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number}.png")
    words = ["--model", "mlp", "--epochs", "1", "--out", str(folder / "run")]
    assert main(["train", str(folder / "pictures"), *words]) == 0
    return folder / "run"


class Found(NamedTuple):
    """What a command gave."""

    exit_code: int
    stdout: str
    stderr: str


Ask = Callable[..., Found]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """``deepwell export WORDS``."""

    def asked(*words: Any) -> Found:
        code = main(["export", *map(str, words)])
        return Found(code, *capsys.readouterr())

    return asked


def test_a_run_is_exported_beside_its_model(ask: Ask, run: Path) -> None:
    found = ask(run, "--to", "torch", "--json")
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["path"] == str(run / "export-torch" / "model.pt2")
    assert told["parity"]["samples"] >= 64 and told["parity"]["answers_differ"] == 0
    assert told["bytes"] == (run / "export-torch" / "model.pt2").stat().st_size
    assert "held against the trained model" in found.stderr and "0 answers differ" in found.stderr
    again = ask(run, "--to", "torch")
    assert again.exit_code == 2 and "is there already" in again.stderr


def test_int8_is_told(ask: Ask, run: Path, tmp_path: Path) -> None:
    found = ask(run, "--out", tmp_path / "m", "--int8")
    assert found.exit_code == 0, found.stderr
    assert (tmp_path / "m.onnx").is_file() and (tmp_path / "m.int8.onnx").is_file()
    assert "int8: accuracy" in found.stderr and "for an interval" in found.stderr


def test_a_model_file_needs_samples(ask: Ask, run: Path, tmp_path: Path) -> None:
    file = run / "model.safetensors"
    found = ask(file, "--out", tmp_path / "m.safetensors", "--to", "safetensors")
    assert found.exit_code == 2 and "has no samples" in found.stderr and "--samples SOURCE" in found.stderr
    pictures = run.parent / "pictures"
    found = ask(file, "--out", tmp_path / "m.safetensors", "--to", "safetensors", "--samples", pictures)
    assert found.exit_code == 0, found.stderr
    assert "held against the trained model: 90 real samples" in found.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "onxx"), "unknown format to export to 'onxx'"),
        (("--samples", "pictures/red"), "there are 30 samples"),
        (("--samples", "nowhere"), "nowhere"),
        (("--to", "safetensors", "--int8"), "int8 was asked for with --to safetensors"),
        (("--out", "x.pt2"), "a name that ends in .onnx"),
        (("--out", "pictures/red/0.png/x"), "can't be written"),
    ],
)
def test_mistakes(ask: Ask, words: tuple[str, ...], told: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    before = sorted(path for path in run.parent.rglob("*") if "export-" not in str(path))
    found = ask("run", *words)
    assert found.exit_code == 2 and told in found.stderr, found.stderr
    assert sorted(path for path in run.parent.rglob("*") if "export-" not in str(path)) == before


def test_samples_of_another_kind(ask: Ask, run: Path) -> None:
    found = ask(run / "model.safetensors", "--samples", "nothing/here.csv")
    assert found.exit_code == 2


def test_no_run(ask: Ask, tmp_path: Path) -> None:
    found = ask(tmp_path)
    assert found.exit_code == 2 and "is no run" in found.stderr
    found = ask(tmp_path / "no.safetensors", "--samples", "digits")
    assert found.exit_code == 2 and "there is no " in found.stderr


def test_help_is_light(ask: Ask) -> None:
    found = ask("--help")
    assert found.exit_code == 0 and "--samples" in found.stdout
