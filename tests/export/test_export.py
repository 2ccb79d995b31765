"""Files that are written, what stands in them, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.conftest import colours, learnt
from torch import nn

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.core.files import digest_bytes
from deepwell.export import Difference, Exported, export, spread
from deepwell.export.gate import TOLERANCE
from deepwell.export.int8 import _interval
from deepwell.saved.model import SavedModel


@pytest.fixture(scope="module")
def written(network: dw.Learner, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """ONNX with its int8 twin."""
    return network.export(tmp_path_factory.mktemp("onnx") / "pets", int8=True, samples=network.raw("train")[:64])


@pytest.fixture(scope="module")
def program(layers: dw.Learner, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return layers.export(tmp_path_factory.mktemp("torch") / "pets", "torch", samples=layers.raw("train")[:64])


def test_onnx_files(written: Exported) -> None:
    names = {file.relative_to(written.path.parent).as_posix() for file in written.files}
    assert names == {"pets.onnx", "pets.json", "pets.md", "pets.int8.onnx", "reader"}
    assert {file.name for file in written.path.parent.iterdir()} == names, "nothing else is left"
    assert written.parity.samples == 64 and written.parity.odd > 30 and written.parity.refused >= 5
    assert written.parity.answers_differ == 0 and written.parity.scores < 1e-5
    assert written.saved.scores == written.saved.probabilities == 0.0
    assert json.loads(json.dumps(written.to_json()))["parity"]["batches"] == [7, 1]


def test_what_stands_in_the_onnx_file(written: Exported, model: SavedModel) -> None:
    import onnx

    proto = onnx.load(str(written.path))
    onnx.checker.check_model(proto, full_check=True)
    assert [entry.version for entry in proto.opset_import if not entry.domain] == [18]
    found = {entry.key.removeprefix("deepwell."): entry.value for entry in proto.metadata_props}
    assert json.loads(found["classes"]) == ["blue", "green", "red"]
    assert json.loads(found["parity"]) == written.parity.to_json()
    assert found["input"] == str(model.input)
    description = (written.path.parent / "pets.json").read_bytes()
    assert found["version"] and found["weights_blake2b"] == json.loads(description)["made_by"]["weights"]
    assert json.loads(description)["parity"] == written.parity.to_json()
    followed = [json.loads(description)[part] for part in ("input", "output")]
    assert found["description_blake2b"] == digest_bytes(json.dumps(followed, sort_keys=True).encode())
    (given,) = proto.graph.input
    sizes = [dim.dim_param or dim.dim_value for dim in given.type.tensor_type.shape.dim]
    assert given.name == "pictures" and sizes == ["batch", "height", "width", 3]
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [value.name for value in proto.graph.output] == ["scores", "probabilities"]


def test_pictures_of_another_size(written: Exported, model: SavedModel) -> None:
    """What the file says it takes, it takes, and gives what the network gives."""
    import onnxruntime

    assert written.sizes == [(13, 15), (24, 12), (12, 25)]
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    pictures = np.random.default_rng(0).integers(0, 256, (2, 31, 17, 3), dtype=np.uint8)
    scores, chances = session.run(["scores", "probabilities"], {"pictures": pictures})
    mean, std = torch.tensor(model.input.mean), torch.tensor(model.input.std)
    normal = ((torch.from_numpy(pictures) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted = model.network(normal)
    np.testing.assert_allclose(scores, wanted.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(chances, wanted.softmax(1).numpy(), rtol=1e-4, atol=1e-5)


def test_without_deepwell(written: Exported, model: SavedModel, tmp_path: Path) -> None:
    """The lines of the written page, in a Python that knows neither deepwell nor torch."""
    picture = colours(1)[0][0]
    file = tmp_path / "cat.npy"
    np.save(file, picture)
    page = (written.path.parent / "pets.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    assert '"cat.jpg"' in code
    code = code.replace('"cat.jpg"', f"numpy.load({str(file)!r})")
    code = code.replace("print(answers[0])", "print(json.dumps(answers[0]))")
    hide = "import json, numpy, sys\nsys.modules['deepwell'] = sys.modules['torch'] = None\n"
    found = subprocess.run(
        [sys.executable, "-c", hide + code], cwd=written.path.parent, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    answer, (wanted,) = json.loads(found.stdout), model.predict([picture])
    assert answer["prediction"] == wanted["prediction"]
    assert answer["confidence"] == pytest.approx(wanted["confidence"], abs=1e-5)


def test_int8_is_measured(written: Exported, network: dw.Learner) -> None:
    change = written.int8
    assert change is not None and change.metric == "accuracy"
    assert change.samples == len(network.raw("validation"))
    assert change.change == pytest.approx(change.after - change.before)
    assert change.to_json()["interval"] is None and change.noise() == "too few answers differ for an interval"
    assert change.operators["MatMulInteger"] == 1 and change.operators["ConvInteger"] == 1
    before = network.evaluate_part("validation").to_json()["accuracy"]["value"]
    assert change.before == pytest.approx(before)
    stored = json.loads((written.path.parent / "pets.json").read_text(encoding="utf-8"))["int8"]
    assert stored == change.to_json() and stored["bound"] == 0.01


def test_the_int8_interval_needs_answers_that_differ() -> None:
    def accuracy(sums: torch.Tensor) -> float:
        return float(sums[0] / sums[1])

    before = torch.ones(400, 2, dtype=torch.float64)
    after = before.clone()
    assert np.isnan(_interval(accuracy, before, after)).all()
    after[:19, 0] = 0
    assert np.isnan(_interval(accuracy, before, after)).all(), "19 answers differ"
    after[:36, 0] = 0
    low, high = _interval(accuracy, before, after)
    assert low + high == pytest.approx(-2 * 0.09)
    assert high - low == pytest.approx(2 * 1.96 * (0.09 * 0.91 / 400) ** 0.5, rel=0.1)


def test_the_int8_interval_of_many_samples_takes_little_memory() -> None:
    before = torch.ones(60_000, 2, dtype=torch.float64)
    after = before.clone()
    after[::100, 0] = 0
    tracemalloc.start()
    _interval(lambda sums: float(sums[0] / sums[1]), before, after)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10e6


def test_the_int8_file_says_what_it_is(written: Exported) -> None:
    import onnx

    proto = onnx.load(str(written.path.with_name("pets.int8.onnx")))
    found = {entry.key: entry.value for entry in proto.metadata_props}
    assert written.int8 is not None
    assert json.loads(found["deepwell.int8"]) == written.int8.to_json()
    assert "deepwell.parity" not in found, "it was not held to float32's tolerance"
    assert json.loads(found["deepwell.parity_of_float32"]) == written.parity.to_json()


def test_a_torch_program(program: Exported, layers: dw.Learner) -> None:
    facts = {"deepwell.parity": "", "deepwell.classes": ""}
    made = torch.export.load(str(program.path), extra_files=facts).module()
    assert json.loads(facts["deepwell.parity"]) == program.parity.to_json()
    assert json.loads(facts["deepwell.classes"]) == ["blue", "green", "red"]
    pictures, _ = colours(5)
    with torch.no_grad():
        scores, chances = made(torch.from_numpy(pictures))
    wanted = layers.predict(list(pictures))
    assert scores.shape == (5, 3)
    assert [max(a["probabilities"].values()) for a in wanted] == pytest.approx(chances.max(1).values.tolist(), abs=1e-5)
    assert program.sizes == []


def test_safetensors_loads_again(network: dw.Learner, layers: dw.Learner, tmp_path: Path) -> None:
    made = layers.export(tmp_path / "pets.safetensors", "safetensors", samples=layers.raw("train"))
    again = dw.load(made.path)
    assert made.files == [made.path]
    assert again.card.facts["parity"] == made.parity.to_json()
    picture = colours(1)[0]
    assert again.predict(list(picture)) == layers.predict(list(picture))
    own = network.export(tmp_path / "own", "safetensors", samples=network.raw("train"))
    assert own.path.name == "own.safetensors"
    with pytest.raises(UserError, match="your own class"):
        dw.load(own.path)


def test_floats_of_no_known_range(tmp_path: Path) -> None:
    x, y = colours()
    floats = (x.astype(np.float32) - 100) / 7
    learner = dw.Learner(dw.arrays(floats, y), model="mlp")
    learner.fit(epochs=1, progress=False, check=False)
    made = learner.export(tmp_path / "m", "torch")
    assert made.parity.refused == 1 and made.parity.odd > 5


def test_samples_of_a_run_are_those_held_out_first() -> None:
    assert spread([[1, 2], list(range(100, 200))], most=64)[:3] == [1, 2, 100]
    assert spread([list(range(1000)), [-1]]) == [round(x) for x in np.linspace(0, 999, 256)]
    assert spread([[], [1]]) == [1]


def test_a_folder_takes_a_name(layers: dw.Learner, tmp_path: Path) -> None:
    samples = layers.raw("train")
    assert layers.export(tmp_path, "safetensors", samples=samples).path == tmp_path / "model.safetensors"
    with pytest.raises(UserError, match=r"model.safetensors is there already.*nothing is overwritten"):
        layers.export(tmp_path, "safetensors", samples=samples)


class Branching(nn.Module):
    """Its way depends on its numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(432, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.layer(x.flatten(1))
        return scores if scores.sum() > 0 else 2 * scores


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "onxx"}, "unknown format to export to 'onxx'.*did you mean 'onnx'"),
        ({"samples": [1] * 63}, "there are 63 samples.*at least 64 real raw samples"),
        ({"samples": "pictures/"}, "there are 1 samples"),
        ({"to": "torch", "int8": True}, "int8 was asked for with --to torch"),
        ({"int8": True}, "int8 needs labelled samples"),
        ({"tolerance": -1}, "tolerance is -1.*from 0 to less than 1"),
        ({"tolerance": True}, "tolerance is True"),
        ({"path": "m.pt2"}, r"m.pt2.*ends in .onnx.*call it m.onnx, or choose another --to"),
        ({"path": "taken/m"}, "there already"),
        ({"path": "theirs/m"}, "theirs/reader holds own.py, which is not of deepwell's reader"),
        ({"path": "file/m"}, "file can't be written"),
    ],
)
def test_bad_input(
    options: dict[str, Any],
    words: str,
    model: SavedModel,
    samples: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "m.json").write_text("{}")
    (tmp_path / "theirs" / "reader").mkdir(parents=True)
    (tmp_path / "theirs" / "reader" / "own.py").write_text("")
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    path = options.pop("path", "m") if "path" in options else "m"
    with pytest.raises(UserError, match=words):
        export(model, path, **{"samples": samples, **options})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_model_that_cannot_be_traced(tmp_path: Path) -> None:
    learner = learnt(Branching())
    with pytest.raises(UserError, match=r"can't be traced.*do not depend on the numbers.*--to safetensors"):
        learner.export(tmp_path / "m", "torch")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package(
    model: SavedModel, samples: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r'exporting to ONNX needs onnx.*pip install "deepwell\[export\]"'):
        export(model, tmp_path / "m", samples=samples)
    assert list(tmp_path.iterdir()) == []


def test_too_fine_a_tolerance_fails(model: SavedModel, samples: list[Any], tmp_path: Path) -> None:
    """The gate does compare: float32 in another order is not the same bits."""
    with pytest.raises(Difference):
        export(model, tmp_path / "m", to="torch", samples=samples, tolerance=0)
    assert TOLERANCE == 1e-4
