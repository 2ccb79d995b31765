"""What a user meets after training, where it once went wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import deepwell as dw
from deepwell.cli.main import main
from deepwell.core.errors import UserError
from deepwell.evaluate.bootstrap import mean_interval

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPWELL_CACHE", str(tmp_path / "cache"))


def sets(path: Path) -> None:
    rng = np.random.default_rng(0)
    words = {"sport": "goal team match", "music": "song band stage", "food": "bread soup cook"}
    lines = []
    for _ in range(120):
        chosen = [name for name in words if rng.random() < 0.5] or ["food"]
        text = " ".join(rng.permutation(" ".join(words[name] for name in chosen).split()))
        lines.append(json.dumps({"text": text, "topics": chosen}))
    path.write_text("\n".join(lines))


def test_several_labels_with_nothing_asked_for(capsys: Capture) -> None:
    """The recipe's label smoothing, which sets of labels do not have, was written into the run and refused later."""
    sets(Path("posts.jsonl"))
    code, _, err = run(capsys, "train", "posts.jsonl", "--target", "topics", "--epochs", "3", "--out", "r")
    assert code == 0, err
    for command in (["evaluate", "r"], ["report", "r"]):
        code, _, err = run(capsys, *command)
        assert code == 0, err
    code, out, _ = run(capsys, "predict", "r", "goal team song")
    shares = json.loads(run(capsys, "predict", "r", "goal team song", "--json")[1])["probabilities"]
    # each label is shown with its own share
    assert code == 0
    assert all(f"{name} ({share:.1%})" in out for name, share in shares.items() if share > 0.5)


def test_trained_samples_are_not_measured_in_silence(capsys: Capture) -> None:
    assert run(capsys, "train", "digits", "--epochs", "1", "--no-baselines", "--out", "r")[0] == 0
    code, out, _ = run(capsys, "evaluate", "r", "digits")
    assert (code, "the data that the model was trained on" in out) == (0, True)
    _, out, _ = run(capsys, "evaluate", "r")
    assert "the data that the model was trained on" not in out


def test_words_for_what_is_no_run(capsys: Capture) -> None:
    for command in ("evaluate", "predict"):
        rest = ["x.png"] if command == "predict" else []
        code, _, err = run(capsys, command, "nope", *rest)
        assert (code, "there is no nope" in err) == (2, True), err
    Path("m.onnx").write_bytes(b"")
    code, _, err = run(capsys, "predict", "m.onnx", "x.png")
    assert (code, "is an exported model" in err) == (2, True)
    code, _, err = run(capsys, "report", "m.onnx")
    assert (code, "is a file" in err) == (2, True)


def test_equal_losses_have_an_interval_of_their_own_size() -> None:
    """A dead model gives the same loss everywhere: rounding must not be taken for spread."""
    low, high = mean_interval(np.full(200, np.log(2)))
    assert (low, high) == pytest.approx((np.log(2), np.log(2)))
    nearly = np.full(300, 0.5)
    nearly[0] = 0.9
    assert np.isnan(mean_interval(nearly)).all()  # one sample carries all of the spread


def test_a_second_training_forgets_the_first_temperature() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    learner = dw.Learner(dw.arrays(pictures, [0, 1] * 30), model="mlp")
    learner.fit(epochs=1, progress=False, check=False)
    learner.prepared().output.temperature = 5.0
    learner.fit(epochs=1, progress=False, check=False)
    assert learner.saved().output.temperature != 5.0


def test_weights_changed_behind_the_back_of_a_loaded_model(tmp_path: Path) -> None:
    """``.data`` changes no version of a tensor; the lean form has copies of convolutions."""
    pictures = np.random.default_rng(0).integers(0, 255, (60, 12, 12), dtype=np.uint8)
    learner = dw.Learner(dw.arrays(pictures, [0, 1] * 30), model="cnn-bn")
    learner.fit(epochs=1, progress=False, check=False)
    learner.save(tmp_path / "m.safetensors")
    model = dw.load(tmp_path / "m.safetensors")
    for _ in range(3):
        model.predict([pictures[0]])
    for parameter in model.network.parameters():
        parameter.data.mul_(0)
    assert model.predict([pictures[0]])[0]["confidence"] == pytest.approx(0.5)


def test_the_odds_that_are_explained_are_those_that_are_answered() -> None:
    from deepwell.explain import explain

    pictures = np.random.default_rng(0).integers(0, 255, (60, 12, 12), dtype=np.uint8)
    learner = dw.Learner(dw.arrays(pictures, [0, 1, 2] * 20), model="mlp")
    learner.fit(epochs=1, progress=False, check=False)
    model = learner.saved()
    model.output.temperature = 2.0
    (found,) = explain(model, [pictures[0]], method="occlusion")
    share = torch.tensor(found.confidence, dtype=torch.float64)
    assert found.details["score"] == pytest.approx(float(share.logit()), abs=1e-4)


def test_a_run_is_no_file() -> None:
    Path("file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        dw.Learner.reopen("file")
