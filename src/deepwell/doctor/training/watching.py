"""What looks on while a loop that is not ours runs: hooks in the forward pass and in the step, nothing else."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.doctor.training.blame import blame
from deepwell.doctor.training.chart import Chart, due, due_units
from deepwell.doctor.training.hooks import Hook
from deepwell.doctor.training.listener import Ear
from deepwell.doctor.training.ownership import look_at_ownership
from deepwell.doctor.training.readback import ReadBack
from deepwell.doctor.training.roots import asleep, frozen_statistics, noisy, roots
from deepwell.doctor.training.stopped import Stopped
from deepwell.doctor.training.track import Track
from deepwell.doctor.training.waiting import Waiting
from deepwell.findings import Finding

_NEVER = 100
"""Losses that were told without one step of the optimiser: no accumulation is so long."""


class Watching:
    """What ``watch`` gives: a context manager; hooks are there inside it only."""

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Any],
        scheduler: Any,
        scaler: Any,
        allow: Collection[str],
        on_stop: str,
        every: int,
        say: Callable[[str], None] | None,
    ) -> None:
        self.model, self.optimizers, self.scheduler, self.scaler = model, optimizers, scheduler, scaler
        self._allow, self._on_stop, self._every = allow, on_stop, every
        self._say = say or (lambda text: print(text, file=sys.stderr))
        self.chart = Chart(self._tell)
        self._stop: Finding | None = None
        self._tracks: list[Track] = []
        self._hooks: list[Any] = []
        self._calls = 0

    @property
    def findings(self) -> list[Finding]:
        """All that was said so far, in that order."""
        return self.chart.findings

    def __enter__(self) -> Watching:
        self._roots = roots(self.model)
        self._noisy = noisy(self.model)
        self._ears = [Ear(root) for root in self._roots]
        self._reads = ReadBack()
        self._inputs: tuple[nn.Module, Sequence[Any], Mapping[str, Any]] | None = None
        self._losses: list[Tensor] = []
        self._waiting = Waiting()
        self._scale = self.scaler.get_scale() if self.scaler is not None else 0.0
        self._skipped = 0.0
        self._first_call = int(getattr(self.scheduler, "last_epoch", 0) or 0)
        names = {id(p): name for name, p in self.model.named_parameters()}
        # a write raises a tensor's version, also one without gradients
        self._versions = {name: p._version for name, p in self.model.named_parameters()}
        frozen = {name: p for name, p in self.model.named_parameters() if not p.requires_grad}
        for root in self._roots:
            seen = Hook(partial(self.chart.harmless, "forward pass", self._forward))
            self._hooks.append(root.register_forward_pre_hook(seen, with_kwargs=True))
        for i, optimizer in enumerate(self.optimizers):
            if not hasattr(optimizer, "register_step_pre_hook"):
                continue
            self._tracks.append(
                Track(
                    optimizer, names, frozen, self.chart, name=str(i) if i else "", every=self._every,
                    broken=self._not_finite, stepped=self._stepped,
                )
            )  # fmt: skip
        self._arm(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        for track in self._tracks:
            track.close()
        for ear in self._ears:
            ear.take()
        self._reads.drop()
        self._hooks, self._inputs = [], None
        if kind is None:
            self.chart.harmless("losses", self._flush)
            self.chart.end()

    # ---- what the loop tells

    def step(self, loss: Tensor | float, x: Any = None, y: Any = None) -> None:
        """Tell the loss of a step, after ``optimizer.step()``; with accumulation, of each part or of each step.

        Args:
            loss: mean loss, a number or a tensor.
            x, y: the batch, where it shall be looked at; y lets sorted labels be seen.

        Raises:
            Stopped: something is provably wrong, and it is not allowed.
        """
        self._calls += 1
        number = max((track.step for track in self._tracks), default=self._calls)
        looked = due(number, self._every)
        if self._calls == _NEVER and self._tracks and not any(track.step for track in self._tracks):
            self.chart.add([Finding("O04", "warn", "loop", "training_never_steps", {"calls": self._calls})])
        if isinstance(loss, Tensor) and loss.device.type != "cpu":
            self._losses.append(loss.detach().float().reshape(()))  # reading waits for the device
            if looked or len(self._losses) >= 20:
                self._read_losses()
        else:
            self._take(float(loss.detach()) if isinstance(loss, Tensor) else float(loss))
        if looked:
            self.chart.harmless("look", self._look, loss, x, y)
        self._raise()

    def epoch(self, **values: float) -> None:
        """Tell an epoch's values: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ...

        Raises:
            Stopped: something is provably wrong, and it is not allowed.
        """
        self.chart.harmless("losses", self._flush)
        share = self._waiting.share
        waited = {} if share is None else {"data_share": share}
        self.chart.epoch({**waited, **{k: float(v) for k, v in values.items()}})
        self.chart.harmless("scheduler", self._look_at_scheduler)
        self._raise()

    # ---- what the hooks see

    def _forward(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if torch.is_grad_enabled():
            self._inputs = module, args, kwargs
            self._waiting.began()
        else:
            self._waiting.interrupted()
            if self._noisy:
                self.chart.modes.looked(training=module.training)

    def _stepped(self, step: int) -> None:
        """After an optimiser's step."""
        self.chart.rates.add(max(track.rate for track in self._tracks))
        self._waiting.stepped()
        if self.chart.modes.in_training:
            self.chart.run("modes", self.chart.modes.stepped)
        if due(step, self._every):
            sleeping = asleep(self._noisy) if not self.model.training else []
            self.chart.run("modes", self.chart.modes.step_mode, training=self.model.training, asleep=sleeping)
            still = frozen_statistics(self._noisy)
            self.chart.run("modes", self.chart.modes.frozen, still, self._tracks[0].moved)
            for ear in self._ears:
                heard = ear.take()
                if heard is not None:
                    self.chart.look_at_units(heard.activations, heard.norms)
            self.chart.run("ownership", look_at_ownership, self.model, self._tracks, self._versions, step)
            if not self._calls:  # a loop that tells no losses
                self._look(math.nan, None, None)
        if due(step + 1, self._every):
            self._arm(step + 1)
        self._raise()

    def _arm(self, step: int) -> None:
        self._reads.arm(self._roots)
        if due_units(step, self._every):
            for ear in self._ears:
                ear.arm()

    def _not_finite(self) -> None:
        self._blame(math.nan)
        self._raise()

    # ---- what is made of it

    def _take(self, value: float) -> None:
        self.chart.losses.add(value)
        if not math.isfinite(value):
            self._blame(value)
        elif self._inputs is not None and self._inputs[1] and isinstance(self._inputs[1][0], Tensor):
            first = self._inputs[1][0]
            if first.dim():
                self.chart.batches.add_size(first.shape[0], value)

    def _read_losses(self) -> None:
        values = torch.stack(self._losses).tolist() if self._losses else []
        self._losses = []
        for value in values:
            self._take(value)

    def _blame(self, loss: float) -> None:
        if any(f.code == "O20" for f in self.findings):
            return
        module, args, kwargs = self._inputs or (self.model, (), {})
        inputs = (args, kwargs) if self._inputs is not None else None
        step = 1 + max((track.step for track in self._tracks), default=self._calls)
        facts = {"loss": str(loss), "step": step}
        self.chart.run("not finite", lambda: [blame(module, inputs, facts)])

    def _look(self, loss: Tensor | float, x: Any, y: Any) -> None:
        for track in self._tracks:
            track.flush()
        if y is not None:
            self._labels(y)
        taken = self._reads.take(float(loss.detach()) if isinstance(loss, Tensor) else float(loss))
        if taken is not None:
            reading, size, classes = taken
            if y is None:
                self.chart.read(reading, size=size)
            else:
                self.chart.run("answers", self.chart.answers.judge, reading, size=size)
            if classes:
                self.chart.batches.classes = classes
        self.chart.judge_losses(ordered=True)
        self._look_at_scheduler()
        if self.scaler is not None:
            self._look_at_scaler()

    def _labels(self, y: Any) -> None:
        values = torch.as_tensor(y)
        if values.dim() == 1 and not values.is_floating_point():
            self.chart.batches.add_labels(values.tolist())

    def _look_at_scheduler(self) -> None:
        if self.scheduler is None or not hasattr(self.scheduler, "last_epoch"):
            return
        calls = int(self.scheduler.last_epoch) - self._first_call
        facts = {"kind": type(self.scheduler).__name__, "calls": calls, "period": getattr(self.scheduler, "T_max", 0)}
        self.chart.run("scheduler", self.chart.rates.scheduler, facts)

    def _look_at_scaler(self) -> None:
        now = self.scaler.get_scale()
        if 0 < now < self._scale:  # each overflow halves it
            self._skipped += math.log2(self._scale / now)
        self._scale = now
        steps = max(track.step for track in self._tracks) if self._tracks else self._calls
        share = self._skipped / max(1.0, steps + self._skipped)
        if steps >= 20 and share > 0.1:
            found = Finding("O15", "note", "optimizer", "training_skips", {"share": share, "scale": now})
            self.chart.add([found])

    def _flush(self) -> None:
        self._read_losses()
        for track in self._tracks:
            track.flush()
        self.chart.judge_losses(ordered=True)

    # ---- what is said

    def _tell(self, finding: Finding) -> None:
        self._say(str(finding))
        if finding.level == "stop" and finding.code not in self._allow and self._on_stop == "raise":
            self._stop = self._stop or finding

    def _raise(self) -> None:
        if self._stop is not None:
            finding, self._stop = self._stop, None
            raise Stopped(finding)
