"""The loop: epochs and batches, validation, the best weights, checkpoints, resumption."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from deepwell.data.batches import batches, epoch_batches
from deepwell.train.chunks import Fetch, chunks
from deepwell.train.fault import locate
from deepwell.train.observe import EpochRecord, Start, StepRecord
from deepwell.train.plan import Outcome, Plan, TrainingError
from deepwell.train.speed import Choice, prepare_batch
from deepwell.train.state import Checkpoint, Checkpoints, foreign_random_state, restore_foreign_random_state
from deepwell.train.step import NotFiniteError, Step
from deepwell.train.stop import stop_signals
from deepwell.train.threads import Threads


class Updater(Protocol):
    def state(self) -> dict[str, Tensor]: ...

    def load(self, state: dict[str, Tensor]) -> None: ...


class Schedule(Protocol):
    """The learning rate of each step, as a factor of the highest."""

    def factor(self, step: int) -> float: ...

    def on_score(self, score: float) -> None: ...

    def state(self) -> dict[str, Any]: ...

    def load(self, state: dict[str, Any]) -> None: ...


@dataclass
class _Running:
    """The sums of the epoch under way; part of every checkpoint."""

    loss: float = 0.0
    count: float = 0.0
    hits: float = 0.0
    seen: int = 0


@dataclass
class Loop:
    """One training. Give it its parts, then call ``run``.

    Args:
        step: makes one update.
        fetch: gives prepared batches.
        rows: the training samples' numbers, int64 [n].
        plan: the numbers.
        schedule: the learning rate over the steps.
        validate: ``model -> {"val_loss": ..., "val_accuracy": ...}``; called in evaluation mode, no gradients.
        count_hits: ``(scores, targets) -> (number right, number of answers)``, for the training accuracy; None
            leaves it out.
        lengths: of each row, int64 [n], where samples differ in length: they are bucketed; None: they do not.
        names: of the step's parameters.
        observers: look on; may ask to stop.
        checkpoints: where to save; None saves nothing.
        choice: how steps are made on this machine.
        blend: ``(x, targets, rows, epoch) -> (x, targets)`` of a whole batch, for what joins its samples (mixup).
        most_threads: that may be tried as the training runs; None pins the choice's number.
    """

    step: Step
    fetch: Fetch
    rows: Tensor
    plan: Plan
    schedule: Schedule
    validate: Callable[[torch.nn.Module], Mapping[str, float]] | None = None
    count_hits: Callable[[Tensor, Tensor], tuple[Tensor, Tensor | int]] | None = None
    lengths: Tensor | None = None
    names: Sequence[str] = ()
    observers: Sequence[Any] = ()
    checkpoints: Checkpoints | None = None
    choice: Choice = field(default_factory=Choice)
    most_threads: int | None = None
    blend: Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]] | None = None

    def __post_init__(self) -> None:
        self._epoch, self._step_in_epoch, self._step = 1, 0, 0
        self._running = _Running()
        self._pending: list[tuple[Tensor, Tensor]] = []
        self._loss_sum: Tensor | None = None
        self._count_sum: Tensor | None = None
        self._current: tuple[Tensor, Tensor, Tensor] | None = None
        self._history: list[dict[str, float]] = []
        self._best: tuple[float, int] | None = None
        self._best_weights: dict[str, Tensor] | None = None
        self._stopped = ""
        self._threads = Threads(self.choice.threads, self.most_threads)
        self._saved_at, self._saved_step = time.perf_counter(), -1
        self._step_observers = [o for o in self.observers if hasattr(o, "on_step")]
        self._interrupt = threading.Event()

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one epoch; a last batch of a single sample joins the one before it."""
        return sum(1 for _ in batches(self.rows, self.plan.batch_size))

    @property
    def number_of_threads(self) -> int:
        """Of the next step."""
        return self._threads.now

    def run(self, resume: Checkpoint | None = None) -> Outcome:
        """Train from the beginning, or go on from a checkpoint, to the end of the plan.

        Raises:
            TrainingError: the loss is NaN or infinite; says the layer and the samples.
        """
        if resume is not None:
            self._load(resume)
        self._threads.settle()
        start = Start(
            self.plan.epochs,
            self.steps_per_epoch,
            len(self.rows),
            self._step,
            self.plan.monitor,
            self.plan.maximise,
        )
        self._tell("on_start", start)
        self._saved_at = time.perf_counter()
        try:
            with stop_signals(self._interrupt):
                while self._epoch <= self.plan.epochs and not self._stopped and not self._interrupt.is_set():
                    self._run_epoch()
                if self.checkpoints and self._saved_step != self._step:
                    self._save()
        finally:
            self._threads.settle()
            self._tell("on_end")
        if not self._interrupt.is_set() and self._best_weights is not None:
            self.step.model.load_state_dict(self._best_weights)
        self.step.model.eval()
        best_epoch = self._best[1] if self._best else len(self._history)
        return Outcome(self._history, best_epoch, self._stopped, self._interrupt.is_set())

    def _run_epoch(self) -> None:
        model, plan = self.step.model, self.plan
        model.train()
        begin, waited, first = time.perf_counter(), 0.0, self._step_in_epoch
        slices = epoch_batches(self.rows, plan.batch_size, seed=plan.seed, epoch=self._epoch, lengths=self.lengths)[
            first:
        ]
        last = time.perf_counter()
        ready = chunks(
            slices,
            self.fetch,
            epoch=self._epoch,
            lay=lambda x: prepare_batch(x, self.choice),
            workers=plan.workers,
            together=self.lengths is None,
        )
        for parts_of_chunk in ready:
            now = time.perf_counter()
            waited, last = waited + now - last, now
            for x, y, ids in parts_of_chunk:
                self._threads.before()
                self._train_on(x, y, ids)
                now = time.perf_counter()
                if changed := self._threads.after(now - last, x.numel()):
                    self._tell("on_event", self._step, changed)
                if self._due(now):
                    self._save()
                last = time.perf_counter()
                if self._stopped or self._interrupt.is_set():
                    self._fold()
                    return
            self._fold()
        self._end_epoch(time.perf_counter() - begin, waited, steps=len(slices))

    def _train_on(self, x: Tensor, y: Tensor, ids: Tensor) -> None:
        if self.blend is not None:
            x, y = self.blend(x, y, ids, self._epoch)
        parts = [(x, y)] if self.plan.accumulate == 1 else self._parts(x, y)
        rate = self.plan.learning_rate * self.schedule.factor(self._step)
        try:
            result = self.step(self._step + 1, parts, rate)
        except NotFiniteError as error:
            bad_x, bad_y = parts[error.part]
            offset = sum(len(part[1]) for part in parts[: error.part])
            raise self._broken(error.loss, bad_x, bad_y, ids[offset : offset + len(bad_y)]) from None
        self._current = (x, y, ids)
        self._step += 1
        self._step_in_epoch += 1
        self._loss_sum = result.loss if self._loss_sum is None else self._loss_sum + result.loss
        self._count_sum = result.count if self._count_sum is None else self._count_sum + result.count
        if self.count_hits is not None:
            self._pending.extend(zip(result.scores, result.targets, strict=True))
        if self._step_observers:
            record = StepRecord(self._step, self._epoch, rate, result, self.names, self.step.parameters, ids)
            for observer in self._step_observers:
                if reason := observer.on_step(record):
                    self._stopped = reason

    def _parts(self, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        count = min(self.plan.accumulate, len(y))
        return list(zip(x.tensor_split(count), y.tensor_split(count), strict=True))

    def _fold(self) -> None:
        """Read the sums that were kept on the device."""
        if self._loss_sum is not None and self._count_sum is not None:
            loss, count = float(self._loss_sum), float(self._count_sum)
            self._loss_sum = self._count_sum = None
            if not math.isfinite(loss) and self._current is not None:  # an accelerator's step does not look itself
                raise self._broken(loss, *self._current)
            self._running.loss += loss
            self._running.count += count
        if self._pending and self.count_hits is not None:
            alike = self.lengths is None  # then one look at all of them costs as much as one at each
            scores = [torch.cat([s for s, _ in self._pending])] if alike else [s for s, _ in self._pending]
            targets = [torch.cat([t for _, t in self._pending])] if alike else [t for _, t in self._pending]
            for some, wanted in zip(scores, targets, strict=True):
                hits, of = self.count_hits(some, wanted)
                self._running.hits += float(hits)
                self._running.seen += int(of)
        self._pending = []

    def _end_epoch(self, seconds: float, waited: float, *, steps: int) -> None:
        running, model = self._running, self.step.model
        values: dict[str, float] = {"loss": running.loss / max(running.count, 1e-12)}
        if self.count_hits is not None:
            values["accuracy"] = running.hits / max(running.seen, 1)
        if self.validate is not None:
            model.eval()
            self._threads.settle()
            begun = time.perf_counter()
            with torch.no_grad():
                values.update(self.validate(model))
            values["validation_seconds"] = round(time.perf_counter() - begun, 3)
        values["learning_rate"] = self.plan.learning_rate * self.schedule.factor(self._step - 1)
        values["seconds"] = round(seconds, 3)
        values["samples_per_second"] = round(steps / max(self.steps_per_epoch, 1) * len(self.rows) / seconds, 1)
        values["data_share"] = round(waited / seconds, 3)
        self._history.append({"epoch": self._epoch, **values})
        self._remember_best(values)
        record = EpochRecord(self._epoch, self._step, values, model)
        for observer in self.observers:
            if hasattr(observer, "on_epoch") and (reason := observer.on_epoch(record)):
                self._stopped = reason
        self._epoch += 1
        self._step_in_epoch, self._running = 0, _Running()
        if self.checkpoints and time.perf_counter() - self._saved_at > min(5.0, self.plan.checkpoint_seconds):
            self._save()

    def _remember_best(self, values: Mapping[str, float]) -> None:
        if self.plan.monitor not in values:
            return
        score = values[self.plan.monitor]
        self.schedule.on_score(score if self.plan.maximise else -score)
        sign = 1 if self.plan.maximise else -1
        if self._best is None or sign * score > sign * self._best[0]:
            self._best = (score, self._epoch)
            self._best_weights = {k: v.detach().clone() for k, v in self.step.model.state_dict().items()}

    def _broken(self, loss: float, x: Tensor, y: Tensor, ids: Tensor) -> TrainingError:
        fault = locate(self.step.model, x, y, self.step.loss)
        samples = [int(ids[row]) for row in fault.rows if row < len(ids)] or ids.tolist()
        shown = ", ".join(map(str, samples[:8])) + (", ..." if len(samples) > 8 else "")
        where = "" if self.checkpoints is None or not self.checkpoints.paths() else " The last checkpoint is whole."
        return TrainingError(
            f"the loss is {loss} at step {self._step + 1} (epoch {self._epoch}); {fault.words}. Samples: {shown}. "
            f"Usual causes: a learning rate that is too high, a number that is not finite in the data, a division "
            f"by zero or a logarithm of zero in the model.{where}",
            fault,
            samples,
        )

    def _due(self, now: float) -> bool:
        if self.checkpoints is None:
            return False
        by_steps = self.plan.checkpoint_steps is not None and self._step % self.plan.checkpoint_steps == 0
        return by_steps or now - self._saved_at >= self.plan.checkpoint_seconds

    def _save(self) -> None:
        if self.checkpoints is None:
            return
        self._fold()
        tensors = {f"model.{k}": v for k, v in self.step.model.state_dict().items()}
        optimizer: Any = self.step.optimizer
        tensors |= {f"optimizer.{k}": v for k, v in optimizer.state().items()}
        tensors |= {f"best.{k}": v for k, v in (self._best_weights or {}).items()}
        facts = {
            "epoch": self._epoch,
            "step_in_epoch": self._step_in_epoch,
            "step": self._step,
            "running": vars(self._running),
            "history": self._history,
            "best": self._best,
            "stopped": self._stopped,
            "schedule": self.schedule.state(),
            "observers": [o.state() if hasattr(o, "state") else None for o in self.observers],
            "threads": self._threads.now,
            "random": foreign_random_state(),
        }
        try:
            self.checkpoints.save(self._step, tensors, facts)
            self._saved_step = self._step
        except OSError as error:
            text = f"checkpoint of step {self._step} not written ({error}); the training goes on, earlier ones stand"
            self._tell("on_event", self._step, text)
        self._saved_at = time.perf_counter()

    def _load(self, checkpoint: Checkpoint) -> None:
        facts = checkpoint.facts
        part = {
            prefix: {k[len(prefix) :]: v for k, v in checkpoint.tensors.items() if k.startswith(prefix)}
            for prefix in ("model.", "optimizer.", "best.")
        }
        self.step.model.load_state_dict(part["model."])
        optimizer: Any = self.step.optimizer
        optimizer.load(part["optimizer."])
        self._best_weights = part["best."] or None
        self._epoch, self._step_in_epoch, self._step = facts["epoch"], facts["step_in_epoch"], facts["step"]
        self._running = _Running(**facts["running"])
        self._history = facts["history"]
        self._best = tuple(facts["best"]) if facts["best"] else None
        self._stopped = facts["stopped"]
        self.schedule.load(facts["schedule"])
        for observer, state in zip(self.observers, facts["observers"], strict=False):
            if state is not None and hasattr(observer, "load"):
                observer.load(state)
        self._threads = Threads(facts["threads"], self.most_threads)
        self._saved_step = self._step
        restore_foreign_random_state(facts["random"])

    def _tell(self, what: str, *values: Any) -> None:
        for observer in self.observers:
            if hasattr(observer, what):
                getattr(observer, what)(*values)
