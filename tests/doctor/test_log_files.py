"""Logs as their writers leave them: names, gaps, padding, lines cut off, and what is no log at all."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepwell.core.errors import UserError
from deepwell.doctor.logs.log_files import read_log
from deepwell.doctor.logs.series_names import role

NAMES = {
    "loss": "loss", "train_loss": "loss", "Train Loss": "loss", "loss/train": "loss", "train/loss": "loss",
    "train_loss_epoch": "loss", "trainLoss": "loss", "train/epoch_loss": "loss", "Loss": "loss",
    "train_loss_step": "batch_loss", "batch_loss": "batch_loss",
    "val_loss": "val_loss", "valid_loss": "val_loss", "eval_loss": "val_loss", "val/loss": "val_loss",
    "validation/epoch_loss": "val_loss", "loss/val": "val_loss", "dev_loss": "val_loss", "test_loss": "val_loss",
    "acc": "accuracy", "accuracy": "accuracy", "train_acc": "accuracy", "sparse_categorical_accuracy": "accuracy",
    "valid_acc": "val_accuracy", "val/accuracy": "val_accuracy", "eval_accuracy": "val_accuracy",
    "metrics/accuracy_top1": "val_accuracy", "val_binary_accuracy": "val_accuracy",
    "lr": "learning_rate", "learning_rate": "learning_rate", "lr-Adam": "learning_rate", "lr/pg0": "learning_rate",
    "step": "step", "global_step": "step", "Iteration": "step", "epoch": "epoch", "Epoch": "epoch",
    "grad_norm": "gradient_norm",
    "train/box_loss": None, "g_loss": None, "f1": None, "samples_per_second": None, "train_runtime": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_names(name: str, expected: str | None) -> None:
    assert role(name) == expected


def write(place: Path, text: str) -> Path:
    place.write_text(text, encoding="utf-8")
    return place


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_own_json_lines_with_events(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"epoch": e, "step": 10 * e, "loss": 1 / e, "val_loss": 1 / e, "accuracy": 0.5, "learning_rate": 0.1}
        for e in (1, 2, 3)
    ]
    rows.insert(1, {"step": 12, "event": "saved"})
    write(tmp_path / "metrics.jsonl", lines(rows))
    log = read_log(tmp_path)
    assert log.path == tmp_path / "metrics.jsonl"
    assert log.curve.loss is not None and log.curve.learning_rate is not None
    assert log.curve.loss.values.tolist() == [1, 1 / 2, 1 / 3]
    assert log.curve.loss.step.tolist() == [10, 20, 30]
    assert log.curve.loss.unit == "step"
    assert log.points == 3


def test_lines_cut_off_and_numbers_as_text(tmp_path: Path) -> None:
    text = '{"loss": "0.5", "epoch": 1}\n\n{"loss": "tensor(0.4, device=\'cuda:0\')", "epoch": 2}\n'
    log = read_log(write(tmp_path / "a.log", text + '{"loss": "NaN", "epoch": 3}\n{"loss": 0.2, "ep'))
    assert log.curve.loss is not None
    assert log.curve.loss.values[:2].tolist() == [0.5, 0.4]
    assert math.isnan(log.curve.loss.values[2])
    assert log.left_out == 1


def test_hugging_face(tmp_path: Path) -> None:
    history = []
    for e in (1, 2, 3):
        history.append({"epoch": e / 2, "loss": 1 / e, "learning_rate": 1e-5, "grad_norm": 1.0, "step": e})
        history.append({"epoch": e / 2, "eval_loss": 2 / e, "eval_accuracy": 0.9, "eval_runtime": 1.0, "step": e})
    history.append({"epoch": 1.5, "train_loss": 0.6, "train_runtime": 3.0, "step": 3})
    state = {"best_metric": None, "global_step": 3, "log_history": history}
    log = read_log(write(tmp_path / "trainer_state.json", json.dumps(state, indent=2)))
    assert log.read["loss"] == "loss" and log.read["val_loss"] == "eval_loss"
    assert log.curve.loss is not None and log.curve.val_accuracy is not None
    assert len(log.curve.loss) == len(log.curve.val_accuracy) == 3
    assert log.curve.loss.epoch is not None and log.curve.loss.epoch.tolist() == [0.5, 1.0, 1.5]
    assert "train_loss" in log.ignored


def test_keras(tmp_path: Path) -> None:
    history = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.6], "accuracy": [0.5, 0.7]}
    log = read_log(write(tmp_path / "history.json", json.dumps(history)))
    assert log.curve.val_loss is not None and log.curve.val_loss.values.tolist() == [1.1, 0.6]
    log = read_log(write(tmp_path / "training.log", "epoch;accuracy;loss\n0;0.5;1.0\n1;0.6;0.8\n"))
    assert log.curve.loss is not None and log.curve.loss.values.tolist() == [1.0, 0.8]


def test_lightning_has_gaps(tmp_path: Path) -> None:
    text = "epoch,step,train_loss_epoch,train_loss_step,val_loss\n"
    text += "".join(
        f"{e},{10 * e},,0.{e}1,\n{e},{10 * e + 9},,,0.{e}2\n{e},{10 * e + 9},0.{e}3,,\n" for e in range(1, 5)
    )
    log = read_log(write(tmp_path / "metrics.csv", text))
    curve = log.curve
    assert curve.loss is not None and curve.val_loss is not None and curve.batch_loss is not None
    assert curve.loss.values.tolist() == [0.13, 0.23, 0.33, 0.43]
    assert curve.val_loss.step.tolist() == [19, 29, 39, 49]
    assert curve.batch_loss.values.tolist() == [0.11, 0.21, 0.31, 0.41]


def test_ultralytics_pads_names_and_has_parts_of_a_loss(tmp_path: Path) -> None:
    text = "      epoch,   train/box_loss,   train/cls_loss,  val/box_loss,   val/cls_loss,   lr/pg0\n"
    text += "".join(f"          {e},          1.{e},        2.{e},     3.{e},    4.{e},    0.01\n" for e in range(1, 4))
    place = write(tmp_path / "results.csv", text)
    log = read_log(tmp_path)
    assert log.path == place
    assert (log.read["loss"], log.read["val_loss"]) == ("train/cls_loss", "val/cls_loss")
    log = read_log(place, loss_column="train/box_loss")
    assert (log.read["loss"], log.read["val_loss"]) == ("train/box_loss", "val/box_loss")
    with pytest.raises(UserError, match="did you mean 'train/box_loss'"):
        read_log(place, loss_column="train/box_los")


def test_not_measured_is_not_nan(tmp_path: Path) -> None:
    """pandas writes NaN where a row has no value; a loss that is NaN to the end is another thing."""
    rows = "".join(
        f'{{"loss": {"NaN" if e % 2 else 1 / e}, "val_loss": {1 / e if e % 2 else "NaN"}}}\n' for e in range(2, 20)
    )
    log = read_log(write(tmp_path / "a.jsonl", rows))
    assert log.curve.loss is not None and np.isfinite(log.curve.loss.values).all()
    log = read_log(write(tmp_path / "b.csv", "epoch,loss\n1,0.5\n2,nan\n3,NaN\n"))
    assert log.curve.loss is not None and np.isnan(log.curve.loss.values).tolist() == [False, True, True]


def test_a_list_of_rows_and_nested_names(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "a.json", json.dumps([{"train": {"loss": 1.0}, "val": {"loss": 2.0}}] * 3)))
    assert dict(log.read) == {"loss": "train/loss", "val_loss": "val/loss"}


def test_unsorted_steps_fall_back_to_rows(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "a.csv", "step,loss\n5,1\n3,0.9\n4,0.8\n"))
    assert log.curve.loss is not None and log.curve.loss.step.tolist() == [1, 2, 3]
    assert log.curve.loss.unit == "row"


def test_a_hundred_thousand_lines(tmp_path: Path) -> None:
    text = "step,train_loss\n" + "\n".join(f"{i},{2 - i / 1e5}" for i in range(100_000))
    assert read_log(write(tmp_path / "a.csv", text)).points == 100_000
    text = "\n".join(f'{{"step": {i}, "loss": 0.5}}' for i in range(100_000))
    assert read_log(write(tmp_path / "a.jsonl", text)).points == 100_000


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda p: p, "there is no"),
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "blank": (lambda p: p.write_bytes(b" \n\n"), "is empty"),
    "binary": (lambda p: p.write_bytes(bytes(range(256)) * 20), "is no text"),
    "picture": (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "is no text"),
    "prose": (lambda p: p.write_text("this is\nno log at all\n"), "holds no numbers"),
    "no numbers": (lambda p: p.write_text("a,b\nx,y\n"), "holds no numbers"),
    "no loss": (lambda p: p.write_text("epoch,f1\n1,0.5\n"), "--loss-column"),
    "names only": (lambda p: p.write_text("epoch,loss\n"), "holds no numbers"),
    "cut off JSON": (lambda p: p.write_text('{"log_history": [{"loss": 1.0}, {"lo'), "cut off or no JSON"),
    "other JSON": (lambda p: p.write_text('"loss"'), "holds no numbers"),
    "JSON of something else": (lambda p: p.write_text('{"a": {"b": "c"}}'), "holds no numbers"),
    "a list of numbers": (lambda p: p.write_text("[1, 2, 3]"), "is JSON, but no log"),
    "folder": (lambda p: p.mkdir(), "holds no log"),
    "Latin letters": (lambda p: p.write_bytes("Zeit;Wert\n\xe4;\xf6\n".encode("latin-1")), "holds no numbers"),
    "quote": (lambda p: p.write_text('epoch,"loss\n1,2\n'), "holds no numbers|can't be read"),
}


@pytest.mark.parametrize(("make", "words"), BAD.values(), ids=BAD)
def test_what_is_no_log(make: Callable[[Path], Any], words: str, tmp_path: Path) -> None:
    make(tmp_path / "log")
    with pytest.raises(UserError, match=words):
        read_log(tmp_path / "log")


@pytest.fixture
def writer() -> Any:
    pytest.importorskip("tensorboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what tensorboard's own imports warn of
        from torch.utils.tensorboard import SummaryWriter
    return SummaryWriter


def test_tensorboard(tmp_path: Path, writer: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with writer(str(tmp_path / "run")) as out:
            for step in range(20):
                out.add_scalar("loss/train", 2 / (step + 1), step)
                if step % 5 == 4:
                    out.add_scalar("loss/val", 1.0, step)
            out.add_text("note", "words are no numbers")
        log = read_log(tmp_path / "run")
        assert log.curve.loss is not None and log.curve.val_loss is not None
        assert len(log.curve.loss) == 20
        assert log.curve.val_loss.step.tolist() == [4, 9, 14, 19]
        file = next((tmp_path / "run").glob("*tfevents*"))
        assert read_log(file).points == 20
        file.write_bytes(file.read_bytes()[:-7])  # a kill in the middle of a record
        assert read_log(file).points >= 19
        for part in ("train", "validation"):  # as Keras lays them out
            with writer(str(tmp_path / "keras" / part)) as out:
                out.add_scalar("epoch_loss", 0.5, 0)
        assert dict(read_log(tmp_path / "keras").read) == {
            "step": "step", "loss": "train/epoch_loss", "val_loss": "validation/epoch_loss",
        }  # fmt: skip


def test_tensorboard_that_holds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"\0" * 30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError, match="holds no scalars"):
            read_log(tmp_path)


def test_tensorboard_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_accumulator", None)
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"")
    with pytest.raises(UserError, match=r"deepwell\[track\]"):
        read_log(tmp_path)
