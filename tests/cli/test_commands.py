"""The commands as a user types them: answers on standard output, words on standard error, exit codes."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import blobs

from deepwell.cli.main import main

FAST = ["--model", "mlp", "--epochs", "2"]


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_train_evaluate_predict_summary(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    code, text, err = run(capsys, "train", folder, "--out", out, "--epochs", 5, "--model", "cnn", "--json")
    assert code == 0, err
    result = json.loads(text)
    for name in ("run", "task", "model", "parameters", "epochs", "seconds", "samples_per_second"):
        assert name in result
    assert set(result["metrics"]) == {"validation", "test"}
    assert {p.name for p in out.iterdir()} >= {
        "run.json",
        "split.json",
        "metrics.jsonl",
        "checkpoints",
        "model.safetensors",
    }
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if "epoch" in row] == [1, 2, 3, 4, 5]

    code, text, _ = run(capsys, "evaluate", out, folder, "--json")
    found = json.loads(text)
    low, high = found["accuracy"]["interval"]
    assert code == 0
    assert low <= found["accuracy"]["value"] <= high
    code, text, _ = run(capsys, "evaluate", out, "--json")
    assert json.loads(text)["samples"] == result["metrics"]["test"]["samples"]
    assert json.loads(text)["accuracy"] == result["metrics"]["test"]["accuracy"]

    pictures = sorted((folder / "cat").iterdir())[:3]
    code, text, _ = run(capsys, "predict", out / "model.safetensors", *pictures, "--json")
    answers = [json.loads(line) for line in text.splitlines()]
    assert code == 0
    assert len(answers) == 3
    for answer in answers:
        assert answer["prediction"] in ("bird", "cat", "dog")
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert answer["confidence"] == max(answer["probabilities"].values())
    code, text, _ = run(capsys, "predict", out, folder)
    assert len(text.splitlines()) == 60
    code, text, _ = run(capsys, "summary", out)
    assert "Total parameters" in text
    code, text, err = run(capsys, "resume", out, "--json")
    assert code == 0
    assert "is finished" in err
    assert json.loads(text) == result


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "models", "--json")
    assert code == 0
    assert "resnet18" in {row["name"] for row in json.loads(text)}
    code, text, _ = run(capsys, "datasets", "--json")
    assert {row["name"]: row["here"] for row in json.loads(text)}["digits"] is True
    code, text, _ = run(capsys, "summary", "cnn")
    assert "225,034" in text


def test_check_says_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for picture in list((folder / "dog").iterdir())[2:]:
        picture.unlink()
    code, text, _ = run(capsys, "check", folder, "--json")
    findings = json.loads(text)
    assert code == 0
    assert {"code", "level", "where", "saw", "values", "evidence", "why", "fix"} == set(findings[0])
    assert "D23" in {f["code"] for f in findings}
    for picture in folder.rglob("*.png"):
        Image.new("L", (12, 12), 7).save(picture)
    code, text, _ = run(capsys, "check", folder, "--json")
    assert code == 1
    assert json.loads(text)[0]["level"] == "stop"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(path: Path) -> None:
    """A PNG of a few bytes that claims 30,000 x 30,000 pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )


def spoil(name: str, folder: Path) -> None:
    place = folder / "cat" / "0.png"
    if name == "text":
        place.write_text("this is no picture")
    elif name == "empty file":
        place.write_bytes(b"")
    elif name == "cut off":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(place)
        place.write_bytes(place.read_bytes()[:900])
    elif name == "bomb":
        bomb(place)


@pytest.mark.parametrize("name", ["text", "empty file", "cut off", "bomb"])
def test_a_bad_picture_among_good_ones(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(name, folder)
    code, _, err = run(capsys, "train", folder, "--out", tmp_path / "run", *FAST)
    assert code == 2
    assert "cat/0.png" in err
    assert "--skip-unreadable" in err
    assert not (tmp_path / "run").exists()
    code, _, err = run(capsys, "train", folder, "--out", tmp_path / "run", *FAST, "--skip-unreadable")
    assert code == 0, err
    assert "skipped" in err
    assert "cat/0.png" in err


def table(folder: Path) -> Path:
    rows = ["path,kind"] + [f"{p.relative_to(folder)},{p.parent.name}" for p in sorted(folder.rglob("*.png"))]
    (folder / "table.csv").write_text("\n".join(rows))
    return folder / "table.csv"


def nothing(folder: Path) -> Path:
    (folder.parent / "nothing").mkdir()
    return folder.parent / "nothing"


def one_class(folder: Path) -> Path:
    (folder.parent / "one").mkdir()
    (folder / "cat").rename(folder.parent / "one" / "cat")
    return folder.parent / "one"


def loose(folder: Path) -> Path:
    return folder / "cat"


def idx(folder: Path) -> Path:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">IIII", 0x803, 1 << 30, 28, 28) + b"\0" * 100)
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 3) + b"\0\1\2")
    return path


def pickled(folder: Path) -> Path:
    np.savez(folder / "a.npz", x=np.array([{}], dtype=object), y=np.array([1]))
    return folder / "a.npz"


def unwritable(folder: Path) -> list[Any]:
    (folder.parent / "file").write_text("in the way")
    return [folder, "--out", folder.parent / "file" / "run"]


Maker = Callable[[Path], Any]
MISTAKES: list[tuple[str, Maker, str]] = [
    ("empty folder", lambda f: [nothing(f)], "is empty"),
    ("one class", lambda f: [one_class(f)], "one class only, 'cat'"),
    ("no class folders", lambda f: [loose(f)], "20 pictures but no class folders"),
    ("no such path", lambda f: [f.parent / "picturs"], "/pictures'"),
    ("misspelt set", lambda _f: ["digit"], "did you mean 'digits'"),
    ("misspelt model", lambda f: [f, "--model", "resnt18"], "did you mean 'resnet18'"),
    ("misspelt optimizer", lambda f: [f, "--model", "mlp", "--optimizer", "adma"], "did you mean 'adam'"),
    ("misspelt augmentation", lambda f: [f, "--augment", "flop"], "did you mean 'flip'"),
    ("misspelt option", lambda f: [f, "--epoch", "3"], "--epochs"),
    ("misspelt column", lambda f: [table(f), "--target", "knid"], "did you mean 'kind'"),
    ("no column said", lambda f: [table(f)], "--target"),
    ("epochs 0", lambda f: [f, "--epochs", "0"], "epochs is 0"),
    ("learning rate below 0", lambda f: [f, "--learning-rate", "-1"], "learning_rate is -1"),
    ("learning rate nan", lambda f: [f, "--learning-rate", "nan"], "learning_rate is nan"),
    ("dropout 1", lambda f: [f, "--model", "cnn", "--dropout", "1"], "dropout is 1"),
    ("validation 1.5", lambda f: [f, "--validation", "1.5"], "validation share is 1.5"),
    ("size", lambda f: [f, "--size", "big"], "--size is 'big'"),
    ("bad precision", lambda f: [f, "--model", "mlp", "--precision", "half"], "unknown precision 'half'"),
    ("bad class weights", lambda f: [f, "--class-weights", "equal"], "class_weights is 'equal'"),
    ("no GPU", lambda f: [f, "--device", "cuda"], "device 'cuda' can't be used"),
    ("hostile IDX", lambda f: [idx(f)], "cut off or damaged"),
    ("pickle", lambda f: [pickled(f)], "pickled objects"),
    ("unwritable", unwritable, "can't be written"),
]


@pytest.mark.parametrize(("make", "words"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistakes(
    make: Maker, words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    given = make(folder)
    code, out, err = run(capsys, "train", *given, *([] if "--epochs" in given else ["--epochs", "1"]))
    assert code == 2, err
    assert words in err
    assert out == ""
    assert "Traceback" not in err
    assert not list(tmp_path.glob("runs/*")), "a run that never began leaves no folder"


@pytest.fixture
def trained(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(capsys, "train", folder, "--out", tmp_path / "run", *FAST)[0] == 0
    return tmp_path / "run"


def test_mistakes_with_a_run(trained: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "train", folder, "--out", trained)
    assert code == 2
    assert "is there already" in err
    assert (trained / "model.safetensors").exists()
    code, _, err = run(capsys, "predict", trained, folder / "none.png")
    assert code == 2
    assert "none.png" in err
    (folder / "cat").rename(folder / "cow")
    code, _, err = run(capsys, "evaluate", trained, folder)
    assert code == 2
    assert "'cow', which the model has not learnt" in err
    code, _, err = run(capsys, "evaluate", trained / "nowhere", folder)
    assert code == 2
    code, _, err = run(capsys, "resume", folder)
    assert code == 2
    assert "is no run" in err


def test_a_model_file_cut_off_anywhere(trained: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (trained / "model.safetensors").read_bytes()
    picture = next((folder / "cat").iterdir())
    for length in [0, 1, 7, 8, 9, 100, 1000, len(whole) // 2, len(whole) - 1]:
        place = trained / "cut.safetensors"
        place.write_bytes(whole[:length])
        code, out, err = run(capsys, "predict", place, picture)
        assert (code, out) == (2, ""), length
        assert "cut.safetensors is damaged" in err


def hostile(text: str, size: int | None = None) -> bytes:
    body = text.encode()
    return struct.pack("<Q", len(body) if size is None else size) + body


NORMAL = {"mean": [0], "std": [1]}


def described(**changes: Any) -> bytes:
    description: dict[str, Any] = {
        "format": 1,
        "model": {"name": "mlp", "options": {}, "module": ""},
        "input": {
            "kind": "image",
            "size": [8, 8],
            "channels": 1,
            "resize": "fit",
            "floats": False,
            "mean": [0],
            "std": [1],
        },
        "output": {"kind": "category", "classes": ["a", "b"], "labels": "string"},
    }
    description.update(changes)
    return hostile(json.dumps({"__metadata__": {"deepwell-model": json.dumps(description)}}))


@pytest.mark.parametrize(
    "content",
    [
        hostile("{}", 1 << 60),
        hostile("{}"),
        hostile("not json"),
        hostile('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9999999999]}}'),
        described(format=99),
        described(model={"name": "os.system", "options": {}, "module": ""}),
        described(model={"name": "mlp", "options": {"hidden": [10**12]}, "module": ""}),
        described(model={"name": "", "options": {}, "module": "os:system"}),
        described(model={"name": "mlp", "options": {"__class__": 1}, "module": ""}),
        described(input={"kind": "image"}),
        described(input={"kind": "pickle"}),
        described(output={"kind": "category", "classes": "ab", "labels": "string"}),
        described(model=[]),
    ],
)
def test_hostile_model_files(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "hostile.safetensors"
    place.write_bytes(content)
    Image.fromarray(blobs(1)[0][0]).save(tmp_path / "a.png")
    code, out, err = run(capsys, "predict", place, tmp_path / "a.png")
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
