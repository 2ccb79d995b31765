"""A run that was moved to another folder and is loaded under another working directory gives the same answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import deepwell as dw

FOLDER = Path(__file__).parents[2] / "benchmarks" / "model_files"
NAMES = [
    "image-mlp", "image-colour", "image-floats", "text-words", "text-characters", "text-bpe", "text-grams",
    "label-sets", "tags", "tags-pieces", "tags-pairs", "tree",
]  # fmt: skip


@pytest.fixture(scope="module")
def models() -> Iterator[Any]:
    sys.path.insert(0, str(FOLDER))
    try:
        import small_models

        yield small_models
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def runs(models: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Of each small model: where its run is now, and what it answered before it was saved and moved."""
    assert list(models.MODELS) == NAMES
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    found = {}
    for name, small in models.MODELS.items():
        learner = models.train(name, epochs=1, out=first / name)
        answers = models.plain(learner.predict(small.asked()))
        shutil.move(first / name, second / f"moved {name} 模型")
        found[name] = second / f"moved {name} 模型", answers
    return found


@pytest.mark.parametrize("name", NAMES)
def test_in_this_process(
    name: str, runs: dict[str, tuple[Path, Any]], models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, answers = runs[name]
    monkeypatch.chdir(place)
    model = dw.load("model.safetensors")
    monkeypatch.chdir(tmp_path)
    assert models.plain(model.predict(models.MODELS[name].asked())) == answers


def test_in_another_process(runs: dict[str, tuple[Path, Any]], tmp_path: Path) -> None:
    """The import of nothing but the package and the samples: no state of the training is left."""
    places = {name: str(place / "model.safetensors") for name, (place, _) in runs.items()}
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "import torch; torch.set_num_threads(1)\n"
        "import small_models as s, deepwell as dw\n"
        "places = json.loads(sys.argv[2])\n"
        "print(json.dumps({n: dw.load(p).predict(s.MODELS[n].asked()) for n, p in places.items()}))\n"
    )
    command = [sys.executable, "-c", code, str(FOLDER), json.dumps(places)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: answers for name, (_, answers) in runs.items()}
    assert list(tmp_path.iterdir()) == []


def test_a_copied_and_a_linked_file(runs: dict[str, tuple[Path, Any]], models: Any, tmp_path: Path) -> None:
    place, answers = runs["tags"]
    copy, link = tmp_path / "copy", tmp_path / "link.safetensors"
    shutil.copyfile(place / "model.safetensors", copy)
    link.symlink_to(place / "model.safetensors")
    for path in (copy, link):
        assert models.plain(dw.load(path).predict(models.MODELS["tags"].asked())) == answers
