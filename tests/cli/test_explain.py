"""``deepwell explain``: what a newcomer types, right and wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.cli.test_text_commands import conll, csv

from deepwell.cli.main import main

Capture = pytest.CaptureFixture[str]
FAST = ["--epochs", "1", "--threads", "1"]


def run(capsys: Capture, *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def pictures(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder.parent)
    assert run(capsys, "train", "pictures", "--model", "cnn", "--out", "run", *FAST)[0] == 0
    return folder


def test_pictures(pictures: Path, capsys: Capture) -> None:
    one = sorted((pictures / "cat").iterdir())[0]
    code, out, err = run(capsys, "explain", "run", one)
    assert code == 0 and "of what speaks for it" in out and "wrote 2 files to run/explain" in err
    data = json.loads(Path(f"run/explain/001-{one.stem}.json").read_text(encoding="utf-8"))
    assert np.shape(data["values"]) == (12, 12) and data["target"] in ("cat", "dog", "bird")
    with Image.open(f"run/explain/001-{one.stem}.png") as picture:
        assert picture.width > 400
    for method in ("gradcam", "integrated-gradients", "occlusion"):
        given = ["explain", "run", pictures / "cat", "--method", method, "--target", "dog", "--json", "--out", "e"]
        code, out, _ = run(capsys, *given)
        rows = [json.loads(line) for line in out.splitlines()]
        assert code == 0 and len(rows) == 20
        assert {(row["method"], row["target"]) for row in rows} == {(method, "dog")}
        assert all(Path(file).is_file() for row in rows for file in row["files"])


def test_a_look_inside(pictures: Path, capsys: Capture) -> None:
    one = sorted((pictures / "cat").iterdir())[0]
    code, out, err = run(capsys, "explain", "run", one, "--method", "neighbours", "--json")
    near = json.loads(out)["neighbours"]
    assert code == 0 and len(near) == 8 and "looking at" in err
    assert near[0]["similarity"] >= near[-1]["similarity"] and near[0]["label"] in ("cat", "dog", "bird")
    code, again, err = run(capsys, "explain", "run", one, "--method", "neighbours", "--json")
    assert again == out and "looking at" not in err
    Path("run/explain/representations.safetensors").write_bytes(b"damaged")
    code, again, err = run(capsys, "explain", "run", one, "--method", "neighbours", "--json")
    assert again == out and "looking at" in err
    assert run(capsys, "explain", "run", one, "--method", "activations")[1].startswith(str(one)[:20])
    code, out, _ = run(capsys, "explain", "run", "--method", "filters", "--json")
    data = json.loads(out)
    assert np.shape(data["values"]) == (32, 1, 3, 3) and Path(data["files"][0]).suffix == ".png"


def test_texts_and_tags(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "r.csv")
    assert run(capsys, "train", "r.csv", "--model", "textcnn", "--out", "texts", *FAST)[0] == 0
    code, out, _ = run(capsys, "explain", "texts", "the <b>film</b> 很\x1b[31m was\ngood")
    assert code == 0 and "\x1b" not in out and "most for it" in out and "film" in out.splitlines()[1]
    file = next(Path("texts/explain").glob("*.svg")).read_text(encoding="utf-8")
    assert file.startswith("<svg") and "<b>" not in file and "很" in file
    code, out, _ = run(capsys, "explain", "texts", "film", "--method", "similar-words", "--json")
    assert code == 0 and len(json.loads(out)["words"]) == 8
    code, _, err = run(capsys, "explain", "texts", "filn", "--method", "similar-words")
    assert code == 2 and "did you mean 'film'?" in err
    code, out, _ = run(capsys, "explain", "texts", "a good film", "--method", "neighbours")
    assert code == 0 and "nearest in training are" in out
    conll(tmp_path / "c.conll")
    assert run(capsys, "train", "c.conll", "--out", "tags", *FAST)[0] == 0
    code, out, _ = run(capsys, "explain", "tags", "In 1900 Ada visits Oslo", "--target", "4:B-LOC", "--json")
    assert code == 0 and json.loads(out)["target"] == "4:B-LOC"
    code, _, err = run(capsys, "explain", "tags", "Ada visits", "--target", "7")
    assert code == 2 and "a number from 0 to 1" in err
    code, _, err = run(capsys, "explain", "tags", "Ada visits", "--target", "Oslo")
    assert code == 2 and "--target 2:B-LOC" in err
    assert run(capsys, "explain", "tags", "Ada visits Oslo", "--method", "neighbours")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "x.png", "--method", "gradcm"], "did you mean 'gradcam'?"),
        (["run"], "no input was named"),
        (["run", "none.png"], "there is no file 'none.png'"),
        (["run", "pictures/cat", "--target", "cta"], "did you mean 'cat'?"),
        (["run", "pictures/cat", "--method", "filters"], "belong to the model"),
        (["run", "pictures/cat", "--method", "activations", "--target", "cat"], "--target does not go with"),
        (["run", "cat", "--method", "similar-words"], "no vectors of words"),
        (["run/model.safetensors", "pictures/cat", "--method", "neighbours"], "the folder of a run"),
        (["run", "pictures/cat", "--out", "run/run.json"], "can't be written"),
        (["nowhere", "pictures/cat"], "nowhere"),
    ],
)
def test_mistakes(pictures: Path, capsys: Capture, words: list[str], told: str) -> None:
    code, out, err = run(capsys, "explain", *words)
    assert code == 2 and told in err and "Traceback" not in err and not out
