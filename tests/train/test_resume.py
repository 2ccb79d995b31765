"""A run that was killed and resumed ends with the same bytes; a batch in parts is the whole batch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.learner import Learner
from deepwell.losses import cross_entropy
from deepwell.optim import build
from deepwell.saved.model_file import read
from deepwell.train.observe import Start
from deepwell.train.state import Checkpoints
from deepwell.train.step import NotFiniteError, Step

SETTINGS: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 16,
    "augment": "flip,crop=1,rotate=5,erase=0.3",
    "dropout": 0.4,
    "exact": True,
    "checkpoint_steps": 3,
    "progress": False,
}


class StopAfter:
    """Ends a training after so many steps, as a kill would, but politely."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, record: Any) -> str | None:
        if record.step >= self.step:
            os.kill(os.getpid(), signal.SIGINT)
        return None


@pytest.mark.parametrize("step", [1, 4, 7, 12, 19])
def test_interrupted_and_resumed_is_uninterrupted(small: Any, tmp_path: Path, step: int) -> None:
    alone = Learner(dw.arrays(*small), "cnn")
    alone.fit(out=tmp_path / "alone", **SETTINGS)
    first = Learner(dw.arrays(*small), "cnn")
    history = first.fit(out=tmp_path / "run", callbacks=[StopAfter(step)], **SETTINGS)
    assert history.interrupted
    second = Learner(dw.arrays(*small), "cnn")
    second.fit(out=tmp_path / "run", resume=True, callbacks=[StopAfter(10**9)], **SETTINGS)
    one, two = read(tmp_path / "alone/model.safetensors").tensors, read(tmp_path / "run/model.safetensors").tensors
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.equal(value, two[name]), name


def test_killed_at_any_instant(tmp_path: Path) -> None:
    """kill -9 through the command line, mid-epoch and while checkpoints are written (every second step)."""
    command = [sys.executable, "-m", "deepwell"]
    words = "--model cnn --epochs 6 --batch-size 64 --dropout 0.4 --augment crop=1,rotate=5 --exact --threads 1"
    options = [*words.split(), "--checkpoint-steps", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, *words], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start("train", "digits", "--out", str(tmp_path / "alone"), *options).wait() == 0
    process = start("train", "digits", "--out", str(tmp_path / "run"), *options)
    rng = np.random.default_rng(0)
    kills = 0
    while True:
        while process.poll() is None and not list((tmp_path / "run").glob("checkpoints/step-*")):
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.4))
        if process.poll() is not None or kills == 4:
            break
        process.kill()
        process.wait()
        kills += 1
        process = start("resume", str(tmp_path / "run"))
        time.sleep(2.0)
    assert process.wait() == 0
    assert kills > 0
    one, two = read(tmp_path / "alone/model.safetensors").tensors, read(tmp_path / "run/model.safetensors").tensors
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def gradients_of(parts: int, weights: torch.Tensor | None = None) -> list[torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    x, y = torch.randn(8, 6), torch.arange(8) % 3
    named = list(model.named_parameters())

    def loss(scores: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return cross_entropy(scores, targets, weights=weights)

    step = Step(model, [p for _, p in named], loss, build("sgd", named))
    result = step(1, list(zip(x.tensor_split(parts), y.tensor_split(parts), strict=True)), 0.1)
    return [*[p.detach() for _, p in named], *[g for g in result.gradients if g is not None]]


@pytest.mark.parametrize("parts", [2, 3, 4, 8])
@pytest.mark.parametrize("weighted", [False, True])
def test_accumulation_is_the_large_batch(parts: int, weighted: bool) -> None:
    """8x1 = 4x2 = 1x8 within 1e-6, also where the parts weigh differently."""
    weights = torch.tensor([1.0, 4.0, 9.0]) if weighted else None
    for whole, split in zip(gradients_of(1, weights), gradients_of(parts, weights), strict=True):
        assert float((whole - split).abs().max()) <= 1e-6


def test_a_loss_that_is_not_finite_leaves_the_weights() -> None:
    model = nn.Linear(2, 2)
    named = list(model.named_parameters())
    before = model.weight.detach().clone()
    step = Step(model, [p for _, p in named], cross_entropy, build("sgd", named))
    with pytest.raises(NotFiniteError):
        step(1, [(torch.full((2, 2), float("nan")), torch.tensor([0, 1]))], 0.1)
    assert torch.equal(model.weight, before)


def test_a_broken_layer_and_its_samples_are_named(small: Any) -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat = nn.Flatten()
            self.root = Root()
            self.out = nn.Linear(144, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.root(self.flat(x)))

    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sqrt()  # of normalised, so also negative, shades

    learner = Learner(dw.arrays(*small), Breaks())
    with pytest.raises(dw.CheckError, match=r"stop O20 root"):
        learner.fit(epochs=1, progress=False)
    with pytest.raises(Exception, match=r"layer 'root'.*Samples"):
        learner.fit(check=False, epochs=1, progress=False)


def test_a_full_disk_spares_the_earlier_checkpoints(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Checkpoints.save
    calls = []

    def full(self: Checkpoints, step: int, tensors: Any, facts: Any) -> Path:
        calls.append(step)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return real(self, step, tensors, facts)

    monkeypatch.setattr(Checkpoints, "save", full)
    said: list[str] = []
    learner = Learner(dw.arrays(*small), "cnn", say=said.append)
    learner.fit(out=tmp_path / "run", **SETTINGS)
    assert (tmp_path / "run/model.safetensors").exists()
    assert "No space left" in (tmp_path / "run/metrics.jsonl").read_text()
    found = Checkpoints(tmp_path / "run/checkpoints").latest()
    assert found is not None
    assert found.facts["step"] == calls[1]


def test_a_cut_off_checkpoint_gives_way_to_the_one_before(small: Any, tmp_path: Path) -> None:
    Learner(dw.arrays(*small), "mlp").fit(out=tmp_path / "run", **(SETTINGS | {"dropout": 0.0}))
    store = Checkpoints(tmp_path / "run/checkpoints")
    old, new = store.paths()
    new.write_bytes(new.read_bytes()[:-100])
    found = store.latest()
    assert found is not None
    assert found.facts["step"] == int(old.stem.split("-")[1])
    old.write_bytes(b"")
    with pytest.raises(UserError, match="no checkpoint"):
        store.latest()


def test_resume_refuses_other_data(small: Any, tmp_path: Path) -> None:
    x, y = small
    Learner(dw.arrays(x, y), "mlp").fit(out=tmp_path / "run", epochs=1, progress=False)
    with pytest.raises(UserError, match="has changed"):
        Learner(dw.arrays(255 - x, y), "mlp").fit(out=tmp_path / "run", epochs=2, progress=False, resume=True)


def test_early_stopping_waits_and_is_carried_over() -> None:
    from deepwell.train.observe import EpochRecord

    stop = dw.EarlyStopping("val_loss", patience=2)
    stop.on_start(Start(10, 1, 1, 0, "val_accuracy", True))
    answers = [stop.on_epoch(EpochRecord(i, i, {"val_loss": v}, nn.Linear(1, 1))) for i, v in enumerate((3, 2, 2.5))]
    assert answers == [None, None, None]
    again = dw.EarlyStopping("val_loss", patience=2)
    again.load(stop.state())
    assert "has not improved for 2 epochs" in (
        again.on_epoch(EpochRecord(4, 4, {"val_loss": 2.1}, nn.Linear(1, 1))) or ""
    )
