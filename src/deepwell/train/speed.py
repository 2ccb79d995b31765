"""Which step is fastest on this machine: measured on real batches, on copies, before the first step counts.

What is raced and why: channels-last convolutions are up to twice as fast as the default layout on a CPU,
bfloat16 another 1.3 to 2 times where the processor has matrix units for it, and two spinning threads on a
shared machine have been seen 15 to 230 times slower than one. None of the three can be known in advance.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.core import devices
from deepwell.core.errors import UserError
from deepwell.train.step import NotFiniteError, Step

Parts = Sequence[tuple[Tensor, Tensor]]
Builder = Callable[[nn.Module, "torch.dtype | None"], Step]

_MUCH_FASTER = 1.1
"""A setting must win by this factor to replace one that is simpler or kinder to other programs."""


@dataclass(frozen=True)
class Choice:
    """How steps are made on this machine.

    Attributes:
        channels_last: pictures and filters lie in memory with their channels last.
        bfloat16: matrices are multiplied in bfloat16; the weights stay float32.
        threads: threads of one operation.
        measured: milliseconds a step of every candidate that ran, by its words.
    """

    channels_last: bool = False
    bfloat16: bool = False
    threads: int = 1
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def autocast(self) -> torch.dtype | None:
        """What to hand to the step."""
        return torch.bfloat16 if self.bfloat16 else None

    def __str__(self) -> str:
        parts = [
            "channels-last" if self.channels_last else "channels-first",
            "bfloat16" if self.bfloat16 else "float32",
            f"{self.threads} thread{'s' if self.threads > 1 else ''}",
        ]
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the run's folder."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Choice:
        """Undo ``to_json``."""
        return cls(
            bool(value["channels_last"]), bool(value["bfloat16"]), int(value["threads"]), dict(value["measured"])
        )


def most_threads() -> int:
    """Threads to consider at most: the processors we may use, or fewer where OMP_NUM_THREADS says so."""
    return max(1, min(devices.processors(), _initial_threads))


_initial_threads = torch.get_num_threads()


def precision_allows_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether bfloat16 may be raced.

    Args:
        precision: ``auto``: where the hardware has units for it; ``float32``: never; ``bfloat16``: always.
        device: where the training runs.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise UserError(f"unknown precision '{precision}'", expected="auto, float32 or bfloat16", fix="leave it out")
    return precision == "bfloat16" or (precision == "auto" and devices.has_bfloat16(device))


def prepare_model(model: nn.Module, choice: Choice) -> nn.Module:
    """Lay the model's filters as the choice says, in place."""
    layout = torch.channels_last if choice.channels_last else torch.contiguous_format
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=layout)
    return model


def prepare_batch(x: Tensor, choice: Choice) -> Tensor:
    """Lay a batch of pictures as the choice says."""
    if x.dim() != 4:
        return x
    return x.contiguous(memory_format=torch.channels_last if choice.channels_last else torch.contiguous_format)


def race(
    model: nn.Module,
    build: Builder,
    parts: Parts,
    *,
    precision: str = "auto",
    threads: int | None = None,
    budget: float = 0.5,
) -> Choice:
    """Measure the candidate steps and keep the fastest that is numerically equivalent.

    Works on deep copies: the model, its buffers and the random state are as before. Layout and precision are
    judged on one thread, where no other program's load can distort them; then the winner runs on all threads.

    Args:
        model: the model to train.
        build: ``(copy of the model, autocast) -> Step`` with a fresh optimiser.
        parts: one real batch, as the step takes it.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        threads: fixed number of threads, or None to race them.
        budget: seconds to spend at most, roughly; each candidate is measured at least once.
    """
    device = parts[0][0].device
    allow = precision_allows_bfloat16(precision, device)
    convolutions = parts[0][0].dim() == 4 and any(p.dim() == 4 for p in model.parameters())
    layouts = [True, False] if convolutions else [False]
    precisions = [True] if precision == "bfloat16" else [False, True] if allow else [False]
    top = most_threads() if device.type == "cpu" else torch.get_num_threads()
    before, random_state = torch.get_num_threads(), torch.get_rng_state()
    measured: dict[str, float] = {}
    try:
        first = threads or 1
        field_ = [Choice(layout, half, first) for layout in layouts for half in precisions]
        best = _fastest(field_, model, build, parts, budget=budget * 0.6, measured=measured)
        if threads is None and top > 1:
            rivals = [best, Choice(best.channels_last, best.bfloat16, top)]
            best = _fastest(rivals, model, build, parts, budget=budget * 0.4, measured=measured)
    finally:
        torch.set_num_threads(before)
        torch.set_rng_state(random_state)
    rounded = {words: round(value * 1e3, 3) for words, value in measured.items()}
    return Choice(best.channels_last, best.bfloat16, best.threads, rounded)


def _fastest(
    rivals: Sequence[Choice],
    model: nn.Module,
    build: Builder,
    parts: Parts,
    *,
    budget: float,
    measured: dict[str, float],
) -> Choice:
    """The fastest of a few; ties go to the earlier. One rival alone is not measured."""
    if len(rivals) == 1:
        return rivals[0]
    runs = [_Entry(choice, model, build, parts) for choice in rivals]
    reference = next((run for run in runs if not run.choice.bfloat16), runs[0])
    runs = [run for run in runs if run.agrees_with(reference)]
    end = time.perf_counter() + budget
    for _ in range(40):  # in turns, so that a disturbance meets all of them
        for run in runs:
            run.measure()
        if time.perf_counter() > end:
            break
    for run in runs:
        measured[str(run.choice)] = run.seconds()
    best = runs[0]
    for run in runs[1:]:
        if best.seconds() > run.seconds() * (_MUCH_FASTER if run.choice.threads > best.choice.threads else 1.0):
            best = run
    return best.choice


class _Entry:
    """One candidate of a race: a copy of the model and its own step."""

    def __init__(self, choice: Choice, model: nn.Module, build: Builder, parts: Parts) -> None:
        self.choice = choice
        self.step = build(prepare_model(copy.deepcopy(model), choice), choice.autocast)
        self.parts = [(prepare_batch(x, choice), y) for x, y in parts]
        self.number = 0
        self.times: list[float] = []
        self.losses = [self._run(), self._run()]  # also the warm-up: the first step compiles kernels

    def _run(self) -> float:
        torch.set_num_threads(self.choice.threads)
        self.number += 1
        try:
            result = self.step(self.number, self.parts, 1e-3)
        except NotFiniteError as error:
            return error.loss
        return float(result.loss / result.count)

    def measure(self) -> None:
        torch.set_num_threads(self.choice.threads)
        start = time.perf_counter()
        self._run()
        self.times.append(time.perf_counter() - start)

    def seconds(self) -> float:
        return sorted(self.times)[len(self.times) // 2]

    def agrees_with(self, reference: _Entry) -> bool:
        """The losses of the first two steps agree; the second has felt the first's update."""
        tolerance = 0.05 if self.choice.bfloat16 else 2e-3
        pairs = zip(self.losses, reference.losses, strict=True)
        return self is reference or all(
            math.isfinite(a) and abs(a - b) <= tolerance * max(1.0, abs(b)) for a, b in pairs
        )


class Pace:
    """Notices that steps have become much slower than they were: another program took the processors.

    Args:
        window: seconds over which a step's time is averaged.
        factor: how many times slower than the best window is worth a new measurement.
    """

    def __init__(self, *, window: float = 0.5, factor: float = 2.0) -> None:
        self.window = window
        self.factor = factor
        self.best = math.inf
        self.slow_windows = 0
        self._seconds = 0.0
        self._steps = 0

    def slowed(self, seconds: float) -> bool:
        """Take one step's time; True where two windows in a row were slow."""
        self._seconds += seconds
        self._steps += 1
        if self._seconds < self.window or self._steps < 3:
            return False
        mean = self._seconds / self._steps
        self._seconds, self._steps = 0.0, 0
        if mean > self.factor * self.best:
            self.slow_windows += 1
        else:
            self.slow_windows = 0
            self.best = min(self.best, mean)
        return self.slow_windows >= 2

    def forgive(self) -> None:
        """Forget the slow windows: the answer was found, or there is none."""
        self.slow_windows = 0


def fastest_threads(model: nn.Module, build: Builder, parts: Parts, choice: Choice, *, options: Iterable[int]) -> int:
    """Measure a step of the same kind at several numbers of threads, on copies; the fastest wins."""
    random_state, before = torch.get_rng_state(), torch.get_num_threads()
    try:
        rivals = [Choice(choice.channels_last, choice.bfloat16, count) for count in options]
        return _fastest(rivals, model, build, parts, budget=0.2, measured={}).threads
    finally:
        torch.set_num_threads(before)
        torch.set_rng_state(random_state)
