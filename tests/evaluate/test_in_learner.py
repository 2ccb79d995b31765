"""What the learner adds: the temperature after training, kept in the model's file, and worse slices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import blobs

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.learner import Learner
from deepwell.measuring import evaluate
from deepwell.outputs import OUTPUTS
from deepwell.saved.model import load
from deepwell.saved.model_file import read, write

FIT: dict[str, Any] = {"progress": False, "check": False, "batch_size": 32}


def noisy(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of which a fifth has another label than it shows."""
    x, y = blobs(count)
    y = y.copy()
    y[::5] = (y[::5] + 1) % 3
    return x, y


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    made = Learner(dw.arrays(*noisy(), validation=0.3, test=0.3), "mlp")
    made.fit(epochs=8, **FIT)
    return made


def test_confidences_become_honest_and_the_answers_stay(learner: Learner) -> None:
    output = learner.prepared().output
    fitted = learner.saved().card.facts["calibration"]
    assert output.temperature == fitted["temperature"] != 1.0
    found = learner.evaluate_part("validation")
    assert found.temperature == output.temperature and found.calibration == fitted
    assert fitted["samples"] == found.samples
    assert fitted["after"]["log_loss"] < fitted["before"]["log_loss"]
    assert found.log_loss.value == pytest.approx(fitted["after"]["log_loss"], rel=1e-4)
    assert found.calibration_error == pytest.approx(fitted["after"]["calibration_error"], abs=1e-3)
    assert f"fitted on {found.samples} validation samples" in str(found)
    scores = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * 20
    assert torch.equal(output.decode(scores).argmax(1), scores.argmax(1))
    before, output.temperature = output.temperature, 1.0
    plain = learner.evaluate_part("validation")
    output.temperature = before
    assert plain.log_loss.value == pytest.approx(fitted["before"]["log_loss"], rel=1e-4)
    assert (plain.confusion == found.confusion).all()


def test_the_temperature_is_kept_in_the_file(learner: Learner, tmp_path: Path) -> None:
    learner.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert again.output.temperature == learner.prepared().output.temperature
    raw = learner.raw("test")
    assert again.predict(raw) == learner.predict(raw)
    x, y = noisy()
    found = evaluate(again, dw.arrays(x, y))
    assert found.temperature == again.output.temperature and found.calibration is not None


def test_a_file_from_before_has_none_and_a_hostile_one_is_refused(learner: Learner, tmp_path: Path) -> None:
    learner.save(tmp_path / "m.safetensors")
    file = read(tmp_path / "m.safetensors")
    for value in (None, 0, -1.0, 1e9, float("inf"), "2", True, [1.0]):
        output = {k: v for k, v in file.description["output"].items() if k != "temperature"}
        if value is not None:
            output["temperature"] = value
        write(tmp_path / "other.safetensors", file.tensors, {**file.description, "output": output})
        if value is None:
            assert load(tmp_path / "other.safetensors").output.temperature == 1.0
        else:
            with pytest.raises(UserError, match="temperature"):
                load(tmp_path / "other.safetensors")


def test_without_a_validation_part_or_with_a_small_one_it_is_1() -> None:
    for share, words in ((0.0, "no validation part"), (0.1, "and it takes 50")):
        learner = Learner(dw.arrays(*noisy(200), validation=share), "mlp")
        learner.fit(epochs=1, **FIT)
        fitted = learner.saved().card.facts["calibration"]
        assert learner.prepared().output.temperature == 1.0 == fitted["temperature"]
        assert words in fitted["note"]


def test_training_again_begins_at_1() -> None:
    first = Learner(dw.arrays(*noisy(), validation=0.3), "mlp")
    first.fit(epochs=4, **FIT)
    first.prepared().output.temperature = 7.0
    first.fit(epochs=1, **FIT)
    assert first.prepared().output.temperature != 7.0


def test_label_sets_and_tags() -> None:
    x, y = blobs(300)
    sets = [["a"] * int(label != 1) + ["b"] * int(label != 0) for label in y]
    sets[::4] = [["a", "b"]] * len(sets[::4])
    learner = Learner(dw.arrays(x, sets, validation=0.3), "mlp")
    learner.fit(epochs=4, **FIT)
    found = learner.evaluate()
    assert found.temperature == learner.prepared().output.temperature != 1.0
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["temperature"] == found.temperature and plain["calibration_interval"] is None
    assert plain["per_label"]["a"]["intervals"]["f1"][0] <= plain["per_label"]["a"]["f1"]
    assert "F1 (95 %)" in str(found) and "calibration error" in str(found)
    assert not hasattr(OUTPUTS["tags"](), "temperature")


def test_dark_pictures_that_are_wrong_are_a_slice() -> None:
    """A third of the pictures is dark, and their labels mean nothing."""
    rng = np.random.default_rng(0)
    x, y = blobs(600)
    x, y = x.copy(), y.copy()
    dark = rng.random(600) < 0.33
    x[dark] = x[dark] // 8
    y[dark] = rng.integers(0, 3, dark.sum())
    learner = Learner(dw.arrays(x, y, validation=0.1, test=0.5), "mlp")
    learner.fit(epochs=8, **FIT)
    found = learner.evaluate()
    assert {s.attribute for s in found.slices} <= {"brightness", "contrast", "true class"}
    first = next(s for s in found.slices if s.attribute == "brightness")
    assert first.score > first.rest + 0.2
    assert "worse than the rest, beyond noise" in str(found)
    assert json.loads(json.dumps(found.to_json()))["slices"][0]["samples"] > 0
