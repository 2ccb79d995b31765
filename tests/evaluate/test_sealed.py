"""The test part is sealed: counted at each look, and nothing of a training depends on its labels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import blobs

import deepwell as dw
from deepwell import looks
from deepwell.core.files import cache_folder
from deepwell.learner import Learner
from deepwell.saved.model_file import read

FIT: dict[str, Any] = {"epochs": 3, "batch_size": 32, "progress": False, "check": False, "exact": True, "threads": 1}


def parts(test_labels: np.ndarray) -> Any:
    x, y = blobs(300)
    return dw.arrays(x[:150], y[:150], validation=(x[150:220], y[150:220]), test=(x[220:], test_labels))


def test_a_training_does_not_depend_on_the_test_part_s_labels(tmp_path: Path) -> None:
    """Best epoch, early stopping and temperature: the model's file is the same but for the clock."""
    labels = blobs(300)[1][220:]
    files = []
    for name, given in (("right", labels), ("permuted", np.random.default_rng(0).permutation(labels))):
        learner = Learner(parts(given), "mlp")
        learner.fit(out=tmp_path / name, patience=2, **FIT)
        learner.evaluate()
        learner.saved().save(tmp_path / f"{name}.safetensors")
        files.append(read(tmp_path / f"{name}.safetensors"))
    one, two = files
    assert all(torch.equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    for name in ("model", "input", "output"):
        assert one.description[name] == two.description[name]
    assert one.description["facts"]["calibration"] == two.description["facts"]["calibration"]
    assert one.description["facts"]["best_epoch"] == two.description["facts"]["best_epoch"]
    with pytest.raises(AssertionError):  # the same comparison sees labels that training may look at
        x, y = blobs(300)
        other = Learner(dw.arrays(x[:150], y[:150], validation=(x[150:220], (y[150:220] + 1) % 3)), "mlp")
        other.fit(**FIT)
        assert other.saved().card.facts["calibration"] == one.description["facts"]["calibration"]


def trained(folder: Path | None) -> Learner:
    learner = Learner(parts(blobs(300)[1][220:]), "mlp")
    learner.fit(out=folder, **{**FIT, "epochs": 1})
    return learner


def test_looks_are_counted_by_data_and_part(tmp_path: Path) -> None:
    first, second = trained(tmp_path / "a"), trained(tmp_path / "b")
    first.evaluate_part("validation")
    assert first.looks is None
    for number in (1, 2):
        first.evaluate()
        assert first.looks is not None and (first.looks.looks, first.looks.runs) == (number, 1)
    second.evaluate()
    assert second.looks is not None and (second.looks.looks, second.looks.runs) == (3, 2)
    assert "3 times by 2 runs" in str(second.looks) and not second.looks.many
    x, y = blobs(300, seed=1)
    other = Learner(dw.arrays(x[:200], y[:200], test=(x[200:], y[200:])), "mlp")
    other.fit(**{**FIT, "epochs": 1})
    other.evaluate()
    assert other.looks is not None and other.looks.looks == 1


def test_many_looks_warn_with_the_reason(tmp_path: Path) -> None:
    learner = trained(tmp_path / "a")
    for _ in range(looks.MANY - 1):
        looks.count(learner, "evaluate")
    found = learner.evaluate()
    assert learner.looks is not None and learner.looks.many
    assert any("hold out new samples" in note for note in found.notes)


def test_a_run_keeps_its_own_looks_when_the_cache_is_gone(tmp_path: Path) -> None:
    learner = trained(tmp_path / "a")
    looks.count(learner, "evaluate")
    (file,) = (cache_folder() / "test_uses").iterdir()
    file.write_text("no json\n[1, 2]\n")
    found = looks.count(learner, "report")
    assert found is not None and (found.looks, found.note) == (2, "")
    lines = [json.loads(line) for line in (tmp_path / "a" / "test_uses.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines] == ["evaluate", "report"]


def test_a_cache_that_cannot_be_written_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = trained(tmp_path / "a")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEEPWELL_CACHE", str(tmp_path / "file"))
    found = looks.count(learner, "evaluate")
    assert found is not None and found.looks == 1 and "can't be written" in str(found)


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from deepwell.looks import _append\n"
        "for i in range(200): assert _append(Path(sys.argv[1]), {'id': sys.argv[2] + str(i), 'part': 'p', 'run': 'r'})"
    )
    file = str(tmp_path / "looks.jsonl")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [subprocess.Popen([sys.executable, "-c", code, file, str(n)], env=env) for n in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len({one["id"] for one in looks._read(Path(file))}) == 600


def test_without_a_test_part_nothing_is_counted() -> None:
    x, y = blobs(200)
    learner = Learner(dw.arrays(x, y, validation=0.3), "mlp")
    learner.fit(**{**FIT, "epochs": 1})
    learner.evaluate()
    assert learner.looks is None
