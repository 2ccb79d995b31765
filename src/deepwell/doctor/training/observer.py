"""The watch as an observer of deepwell's own loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.doctor.training.chart import Chart, due, due_units
from deepwell.doctor.training.listener import Ear, Listener
from deepwell.doctor.training.roots import frozen_statistics, noisy
from deepwell.doctor.training.sampling import Sampler
from deepwell.findings import Finding
from deepwell.train.observe import EpochRecord, Start, StepRecord


class Watch:
    """Names a training's troubles by layer, with the remedy, as they happen; says each once.

    What the loop makes impossible is not looked for: gradients that are not cleared, evaluation in training mode,
    parameters that no optimiser has.

    Args:
        model: the model in training.
        probe: prepared training inputs [n, ...] to look at units with after each epoch.
        say: where findings go, a text each.
        every: steps between looks; the first steps are looked at more often.
    """

    def __init__(self, model: nn.Module, probe: Tensor, *, say: Callable[[str], None], every: int = 50) -> None:
        self.model = model
        self.probe = probe
        self.every = every
        self.chart = Chart(lambda finding: say(str(finding)))
        self._ear = Ear(model)
        self._sampler: Sampler | None = None
        self._before: np.ndarray | None = None
        self._previous: tuple[int, np.ndarray] | None = None
        self._losses: list[Tensor] = []
        self._rows: deque[tuple[int, Tensor | None]] = deque(maxlen=every + 10)
        self._noisy = noisy(model)

    @property
    def findings(self) -> list[Finding]:
        """All that was said."""
        return self.chart.findings

    def on_start(self, start: Start) -> None:
        """Before the first step; weights are read where it is to be looked at."""
        self.chart.harmless("start", self._on_start, start)

    def _on_start(self, start: Start) -> None:
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        self._sampler = Sampler([name for name, _ in named], [p for _, p in named])
        self._prepare(start.first_step + 1)

    def on_step(self, record: StepRecord) -> None:
        """After each step."""
        self.chart.harmless("step", self._on_step, record)

    def _on_step(self, record: StepRecord) -> None:
        step, result = record.step, record.result
        chart = self.chart
        chart.rates.add(record.learning_rate)
        self._losses.append(result.loss / result.count)
        self._rows.append((step, record.rows))
        if self._sampler is None or len(self._sampler.parameters) != len(record.parameters):
            self._sampler = Sampler(record.names, record.parameters)
            self._before = None
        if due(step, self.every):
            self._read_losses()
            self._look(record, self._sampler)
        elif len(self._losses) >= 50:
            self._read_losses()
        if due(step + 1, self.every):
            self._prepare(step + 1)
            if not due(step, self.every):
                self._previous = step, self._sampler.gradients(result.gradients)

    def on_epoch(self, record: EpochRecord) -> None:
        """After each epoch and its validation."""
        self.chart.harmless("losses", self._read_losses)
        self.chart.run("units of the probe", self._look_at_probe)
        self.chart.epoch(record.values)

    def on_end(self) -> None:
        """After the last epoch, or after an error."""
        self._ear.take()
        self.chart.harmless("losses", self._read_losses)
        self.chart.end()

    def _read_losses(self) -> None:
        # one reading for all of them: on an accelerator each waits for the device
        if self._losses:
            for value in torch.stack([value.detach().reshape(()) for value in self._losses]).tolist():
                self.chart.losses.add(value)
        self._losses = []

    def _prepare(self, step: int) -> None:
        """Before a step that is to be looked at."""
        if due(step, self.every) and self._sampler is not None:
            self._before = self._sampler.values()
            if due_units(step, self.every):
                self._ear.arm()

    def _look(self, record: StepRecord, sampler: Sampler) -> None:
        step, result, chart = record.step, record.result, self.chart
        sampled = sampler.gradients(result.gradients)
        previous = self._previous[1] if self._previous is not None and self._previous[0] == step - 1 else None
        if previous is not None and len(previous) != len(sampled):
            previous = None
        raw = None if result.norm is None else float(result.norm)
        look = sampler.look(
            step, record.learning_rate, result.gradients, self._before,
            sampled=sampled, previous=previous, raw_norm=raw,
        )  # fmt: skip
        self._before, self._previous = None, (step, sampled)
        chart.look(look)
        for target, scores in zip(result.targets[:1], result.scores[:1], strict=True):
            if target.dim() == 1 and not target.is_floating_point() and scores.dim() == 2:
                chart.batches.add_labels(target.tolist())
        heard = self._ear.take()
        if heard is not None:
            chart.look_at_units(heard.activations, heard.norms)
        chart.run("frozen layers", chart.modes.frozen, frozen_statistics(self._noisy), [])
        chart.judge_losses(batch=self._samples)

    def _samples(self, step: int) -> str:
        rows = next((rows for at, rows in self._rows if at == step), None)
        if rows is None:
            return f"batch {step}"
        return "samples " + ", ".join(map(str, rows[:8].tolist())) + (", ..." if len(rows) > 8 else "")

    def _look_at_probe(self) -> list[Finding]:
        """All units on the same inputs, in evaluation mode: one pass is enough."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad(), Listener(self.model) as heard:
                self.model(self.probe)
        finally:
            self.model.train(training)
        probed = [one._replace(name=one.name + " (probe)") for one in heard.activations if one.kind == "relu"]
        return list(self.chart.units.judge(probed, self.chart.losses, looks=1))

    def state(self) -> dict[str, Any]:
        """For a checkpoint: plain JSON values."""
        self._read_losses()
        return self.chart.state()

    def load(self, state: Mapping[str, Any]) -> None:
        """Undo ``state``; one of another kind is ignored: a training goes on without its past."""
        if "parts" in state:
            self.chart.load(state)
