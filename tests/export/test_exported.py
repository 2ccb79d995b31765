"""An exported file answers like the model that it came of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import deepwell as dw
from deepwell.core.errors import UserError

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[dw.SavedModel, Path, list[np.ndarray]]:
    place = tmp_path_factory.mktemp("exported")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (200, 8, 8), dtype=np.uint8)
    learner = dw.Learner(dw.arrays(pictures, ["dark", "light"] * 100), model="lenet5")
    learner.fit(epochs=1, progress=False, check=False)
    from deepwell.export import export

    made = export(learner.saved(), place / "model", samples=list(pictures[:64]))
    return learner.saved(), made.path, list(pictures)


def test_answers_are_the_same(exported: tuple[dw.SavedModel, Path, list[np.ndarray]]) -> None:
    model, path, pictures = exported
    there = dw.load(path)
    for mine, other in zip(model.predict(pictures), there.predict(pictures), strict=True):
        assert mine["prediction"] == other["prediction"]
        assert mine["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
    assert there.predict([]) == []


def test_what_is_wrong_is_said(exported: tuple[dw.SavedModel, Path, list[np.ndarray]], tmp_path: Path) -> None:
    _, path, pictures = exported
    with pytest.raises(UserError, match="there is no file"):
        dw.load(tmp_path / "none.onnx")
    alone = tmp_path / "model.onnx"
    shutil.copy(path, alone)
    with pytest.raises(UserError, match="side by side"):
        dw.load(alone)
    shutil.copy(path.with_suffix(".json"), tmp_path)
    swapped = json.loads((tmp_path / "model.json").read_text())
    swapped["output"]["classes"].reverse()
    (tmp_path / "model.json").write_text(json.dumps(swapped))
    with pytest.raises(UserError, match="not the one that was written with"):
        dw.load(alone)
    alone.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="can't be read"):
        dw.load(alone)
    with pytest.raises(UserError, match="sample 1 can't be read"):
        dw.load(path).predict([pictures[0], b"no picture"])
