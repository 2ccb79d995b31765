"""Observers look at a training and may ask it to stop; nothing they do changes weights or gradients."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO, runtime_checkable

from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.files import write_bytes
from deepwell.train.step import StepResult


class StepRecord(NamedTuple):
    """A step that was made."""

    step: int
    """Steps made since the training began, this one included."""
    epoch: int
    """Epoch, from 1."""
    learning_rate: float
    result: StepResult
    names: Sequence[str]
    """Of the parameters, in the order of ``result.gradients``."""
    parameters: Sequence[Tensor]
    rows: Tensor | None = None
    """Numbers of the batch's samples, int64 [n]."""


class EpochRecord(NamedTuple):
    """An epoch that ended; ``values`` is the row that the history keeps."""

    epoch: int
    step: int
    values: Mapping[str, float]
    model: nn.Module


class Start(NamedTuple):
    """What is known when a training begins."""

    epochs: int
    steps_per_epoch: int
    samples: int
    first_step: int
    monitor: str
    maximise: bool


@runtime_checkable
class Observer(Protocol):
    """Every method may be missing: an observer has those that it needs.

    ``on_step`` and ``on_epoch`` return None, or a sentence that says why to stop. An observer whose answer
    depends on the past has ``state`` and ``load`` too, so that a resumed run answers like the uninterrupted.
    """

    def on_epoch(self, record: EpochRecord) -> str | None: ...


class EarlyStopping:
    """Stop when the score has not improved for some epochs (Prechelt 1998, "Early stopping - but when?").

    Args:
        monitor: name in the history, such as ``val_loss`` or ``val_accuracy``; None takes the training's own.
        patience: epochs without improvement to wait.
        min_delta: smaller changes are no improvement.

    >>> EarlyStopping(patience=5).patience
    5
    """

    def __init__(self, monitor: str | None = None, *, patience: int = 5, min_delta: float = 0.0) -> None:
        if patience < 1:
            raise UserError(f"patience is {patience}", expected="at least 1 epoch", fix="leave EarlyStopping out")
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self._best: float | None = None
        self._waited = 0
        self._maximise = False

    def on_start(self, start: Start) -> None:
        self.monitor = self.monitor or start.monitor
        self._maximise = start.maximise if self.monitor == start.monitor else not self.monitor.endswith("loss")

    def on_epoch(self, record: EpochRecord) -> str | None:
        if self.monitor is None or self.monitor not in record.values:
            raise UserError(
                f"early stopping watches '{self.monitor}', which this training does not measure",
                expected="one of " + ", ".join(record.values),
                fix="name one of these, or give a validation part",
            )
        value = record.values[self.monitor]
        gain = math.inf if self._best is None else (value - self._best) * (1 if self._maximise else -1)
        if gain > self.min_delta:
            self._best, self._waited = value, 0
        else:
            self._waited += 1
        if self._waited < self.patience:
            return None
        return f"{self.monitor} has not improved for {self.patience} epochs (best {self._best:.4g})"

    def state(self) -> dict[str, Any]:
        return {"best": self._best, "waited": self._waited}

    def load(self, state: Mapping[str, Any]) -> None:
        self._best, self._waited = state["best"], state["waited"]


class MetricsLog:
    """One JSON object a line in ``metrics.jsonl``: an epoch's values, or an event of the training.

    A log that can't be written (a full disk) is said once and does not stop the training.
    """

    def __init__(self, path: str | Path, *, warn: Callable[[str], None]) -> None:
        self.path = Path(path)
        self._warn = warn
        self._warned = False

    def on_start(self, start: Start) -> None:
        """Drop the lines of steps that are about to be made again."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line).get("step", 0) <= start.first_step:
                    kept.append(line)
            except ValueError:  # a line cut off by a kill
                continue
        write_bytes(self.path, "".join(line + "\n" for line in kept).encode())

    def on_epoch(self, record: EpochRecord) -> None:
        self._write({"epoch": record.epoch, "step": record.step, **record.values})

    def on_event(self, step: int, text: str) -> None:
        self._write({"step": step, "event": text})

    def _write(self, row: Mapping[str, Any]) -> None:
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            if not self._warned:
                self._warned = True
                self._warn(f"{self.path} can't be written ({error.strerror}): the training goes on without it")


class Progress:
    """What a person sees of a training: a live line in a terminal, else a line every few seconds.

    Reads the loss by the clock and not by the step: on an accelerator each reading waits for it.
    """

    def __init__(self, stream: TextIO | None = None, *, every: float | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.every = every if every is not None else (0.2 if self.live else 10.0)

    def on_start(self, start: Start) -> None:
        self._start = start
        self._total = max(1, start.epochs * start.steps_per_epoch)
        self._begin = self._last = time.perf_counter()
        self._first = self._last_step = start.first_step

    def on_step(self, record: StepRecord) -> None:
        now = time.perf_counter()
        if now - self._last < self.every:
            return
        per_second = (record.step - self._last_step) / (now - self._last)
        samples = per_second * self._start.samples / max(1, self._start.steps_per_epoch)
        left = (self._total - record.step) / max(per_second, 1e-9)
        loss = float(record.result.loss / record.result.count)
        text = (
            f"epoch {record.epoch}/{self._start.epochs}  step {record.step}/{self._total}  loss {loss:.4f}  "
            f"{samples:,.0f} samples/s  {clock(left)} left"
        )
        self._last, self._last_step = now, record.step
        self._show(text, live=True)

    def on_epoch(self, record: EpochRecord) -> None:
        values = record.values
        words = [f"epoch {record.epoch}/{self._start.epochs}"]
        for name in ("loss", "accuracy", "val_loss", "val_accuracy", "val_f1"):
            if name in values:
                words.append(f"{name} {values[name]:.4f}")
        done = record.step - self._first
        left = (self._total - record.step) * (time.perf_counter() - self._begin) / max(done, 1)
        words.append(f"{values['samples_per_second']:,.0f} samples/s")
        if values["data_share"] >= 0.02:
            words.append(f"{values['data_share']:.0%} of it data")
        words.append(f"{clock(left)} left")
        self._show("  ".join(words), live=False)

    def on_event(self, step: int, text: str) -> None:
        self._show(text, live=False)

    def _show(self, text: str, *, live: bool) -> None:
        if self.live:
            self.stream.write("\r\x1b[2K" + text + ("" if live else "\n"))
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def on_end(self) -> None:
        if self.live:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()


def clock(seconds: float) -> str:
    """Seconds as a person says them.

    >>> clock(75), clock(3725), clock(4.2)
    ('1:15', '1:02:05', '4 s')
    """
    if not math.isfinite(seconds):
        return "?"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
