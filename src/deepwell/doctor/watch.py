"""The watch for a loop that is not ours: hooks in the model's forward and the optimiser's step, nothing else."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.doctor.blame import blame
from deepwell.doctor.chart import Chart, due, due_units
from deepwell.doctor.hooks import Hook
from deepwell.doctor.judges.trend import median
from deepwell.doctor.listener import Ear
from deepwell.doctor.observer import Watch  # noqa: F401  (where it was before)
from deepwell.doctor.ownership import look_at_ownership
from deepwell.doctor.readback import ReadBack
from deepwell.doctor.roots import asleep, frozen_statistics, noisy, roots
from deepwell.doctor.track import Track
from deepwell.findings import Finding


class Stopped(Exception):
    """The training is provably wrong; ``finding`` says what was seen."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def watch(
    model: nn.Module,
    optimizer: Any,
    *,
    scheduler: Any = None,
    scaler: Any = None,
    allow: Collection[str] = (),
    on_stop: Literal["raise", "say"] = "raise",
    every: int = 50,
    say: Callable[[str], None] | None = None,
) -> Watching:
    """Watch a training loop of your own.

    Args:
        model: the module in training; a ``ModuleList`` or ``ModuleDict`` of several.
        optimizer: of ``torch.optim``, or a list of several.
        scheduler: of ``torch.optim.lr_scheduler``; its calls are judged too.
        scaler: ``torch.amp.GradScaler``; its skipped steps are counted.
        allow: codes that do not stop.
        on_stop: ``"raise"``: a *stop* raises ``Stopped``; ``"say"``: it is said like the others.
        every: steps between looks; the first steps are looked at more often.
        say: where findings go, a text each; None prints them to stderr.

    Raises:
        UserError: ``every`` below 1, another ``on_stop``, an optimiser without ``param_groups``.

    >>> model = nn.Linear(4, 2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x, y = torch.randn(8, 4), torch.arange(8) % 2
    >>> with watch(model, optimizer) as w:
    ...     for _ in range(3):
    ...         optimizer.zero_grad()
    ...         loss = nn.functional.cross_entropy(model(x), y)
    ...         loss.backward()
    ...         _ = optimizer.step()
    ...         w.step(loss)
    >>> w.findings
    []
    """
    if every < 1 or on_stop not in ("raise", "say"):
        raise UserError(f"every is {every}, on_stop {on_stop!r}", expected="every from 1 up; raise or say")
    optimizers = list(optimizer) if isinstance(optimizer, (list, tuple)) else [optimizer]
    for one in optimizers:
        if not hasattr(one, "param_groups"):
            raise UserError(
                f"the optimiser is {type(one).__name__}", expected="one of torch.optim, or a list of them",
                fix="give the object whose step() the loop calls",
            )  # fmt: skip
    return Watching(model, optimizers, scheduler, scaler, frozenset(allow), on_stop, every, say)


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
        self._ended: float | None = None
        self._began: float | None = None
        self._waits: list[float] = []
        self._works: list[float] = []
        self._scale = self.scaler.get_scale() if self.scaler is not None else 0.0
        self._skipped = 0.0
        self._first_call = int(getattr(self.scheduler, "last_epoch", 0) or 0)
        names = {id(p): name for name, p in self.model.named_parameters()}
        # a write raises a tensor's version, also one without gradients
        self._versions = {name: p._version for name, p in self.model.named_parameters()}
        frozen = {name: p for name, p in self.model.named_parameters() if not p.requires_grad}
        for root in self._roots:
            hook = root.register_forward_pre_hook(Hook(self._forward), with_kwargs=True)
            self._hooks += [hook, root.register_forward_hook(Hook(self._answered))]
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
            self._flush()
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
        if isinstance(loss, Tensor) and loss.device.type != "cpu":
            self._losses.append(loss.detach().float().reshape(()))  # reading waits for the device
            if looked or len(self._losses) >= 20:
                self._read_losses()
        else:
            self._take(float(loss.detach()) if isinstance(loss, Tensor) else float(loss))
        if looked:
            self._look(loss, x, y)
        self._raise()

    def epoch(self, **values: float) -> None:
        """Tell an epoch's values: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ...

        Raises:
            Stopped: something is provably wrong, and it is not allowed.
        """
        self._flush()
        self.chart.epoch({**self._data_share(), **{k: float(v) for k, v in values.items()}})
        self._look_at_scheduler()
        self._raise()

    # ---- what the hooks see

    def _forward(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if torch.is_grad_enabled():
            self._inputs = module, args, kwargs
            now = time.perf_counter()
            if self._ended is not None:
                self._waits.append(now - self._ended)
                self._began, self._ended = now, None
        else:
            self._ended = None  # what comes next in time is no preparing of a batch
            if self._noisy:
                self.chart.modes.looked(training=module.training)

    def _answered(self, _module: nn.Module, _args: object, output: object) -> None:
        if self._reads.armed:
            self._reads.answered(output)

    def _stepped(self, step: int) -> None:
        """After an optimiser's step."""
        self.chart.rates.add(max(track.rate for track in self._tracks))
        now = time.perf_counter()
        if self._began is not None:
            self._works.append(now - self._began)
        self._ended, self._began = now, None
        if len(self._works) > 200:
            del self._works[:100], self._waits[:100]
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
        if due(step + 1, self._every):
            self._arm(step + 1)
        self._raise()

    def _arm(self, step: int) -> None:
        self._reads.arm()
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

    def _data_share(self) -> dict[str, float]:
        if len(self._works) < 20 or median(self._waits) < 2e-3:  # a toy's batch costs less than anybody's notice
            return {}
        wait, work = median(self._waits), median(self._works)
        return {"data_share": wait / (wait + work)}

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
