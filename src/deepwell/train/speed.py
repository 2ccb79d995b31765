"""Which step is fastest on this machine: measured on real batches, on copies, before the first step counts.

What is raced and why: channels-last convolutions are up to twice as fast as the default layout on a CPU,
bfloat16 another 1.3 to 2 times where the processor has matrix units for it, and two spinning threads on a
shared machine have been seen 15 to 230 times slower than one. None of the three can be known in advance.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable, Sequence
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

_FEWEST_TURNS, _MOST_TURNS = 3, 40
"""Measured steps of each candidate: one alone may have met another program's load."""

_HOPELESS, _HOPELESS_AT_ONCE = 2.0, 10.0
"""A candidate this many times slower than the one ahead is measured no more; after one measurement, which may have met
another program's load, it must be slower still."""


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


def pinned(model: nn.Module, parts: Parts, threads: int | None) -> Choice:
    """What is chosen without measuring, so that it is the same at any time and on a machine with any load.

    Args:
        model: the model to train.
        parts: one batch.
        threads: as the user said; None: one.
    """
    return Choice(channels_last=_has_filters(model, parts), threads=threads or 1)


def _has_filters(model: nn.Module, parts: Parts) -> bool:
    return parts[0][0].dim() == 4 and any(p.dim() == 4 for p in model.parameters())


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
    judged on one thread, where no other program's load can distort them; then the winner runs on all threads. What
    is right in that second need not be later: ``train/threads.py`` goes on asking.

    Args:
        model: the model to train.
        build: ``(copy of the model, autocast) -> Step`` with a fresh optimiser.
        parts: one real batch, as the step takes it.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        threads: fixed number of threads, or None to race them.
        budget: seconds to spend, roughly; each candidate that is not hopeless is measured at least three times.
    """
    device = parts[0][0].device
    allow = precision_allows_bfloat16(precision, device)
    layouts = [True, False] if _has_filters(model, parts) else [False]
    precisions = [True] if precision == "bfloat16" else [False, True] if allow else [False]
    top = most_threads() if device.type == "cpu" else torch.get_num_threads()
    before, random_state = torch.get_num_threads(), torch.get_rng_state()
    try:
        first = threads or 1
        field_ = [Choice(layout, half, first) for layout in layouts for half in precisions]
        if len(field_) == 1 and (threads is not None or top == 1):
            return field_[0]
        entries = [_Entry(choice, model, build, parts) for choice in field_]
        reference = next((entry for entry in entries if not entry.choice.bfloat16), entries[0])
        entries = [entry for entry in entries if entry.agrees_with(reference)]
        # other programs can only make a step slower
        best = _fastest(entries, typical=min, budget=budget * 0.6)
        if threads is None and top > 1:
            rival = _Entry(Choice(best.choice.channels_last, best.choice.bfloat16, top), model, build, parts)
            entries.append(rival)
            best = _fastest([best, rival], typical=statistics.median, budget=budget * 0.4)
    finally:
        torch.set_num_threads(before)
        torch.set_rng_state(random_state)
    measured = {str(entry.choice): round(min(entry.times) * 1e3, 3) for entry in entries if entry.times}
    return Choice(best.choice.channels_last, best.choice.bfloat16, best.choice.threads, measured)


def _fastest(entries: Sequence[_Entry], *, typical: Callable[[list[float]], float], budget: float) -> _Entry:
    """The fastest of a few; ties go to the earlier. One alone is not measured."""
    end = time.perf_counter() + budget
    racing = list(entries)
    for turn in range(_MOST_TURNS if len(entries) > 1 else 0):  # in turns, so that a disturbance meets all of them
        for entry in racing:
            entry.measure()
        ahead = min(typical(entry.times) for entry in racing)
        hopeless = _HOPELESS if turn else _HOPELESS_AT_ONCE
        racing = [entry for entry in racing if typical(entry.times) <= hopeless * ahead]
        if len(racing) == 1 or (turn + 1 >= _FEWEST_TURNS and time.perf_counter() > end):
            break
    best = entries[0]
    for entry in entries[1:]:
        margin = _MUCH_FASTER if entry.choice.threads > best.choice.threads else 1.0
        if typical(best.times) > typical(entry.times) * margin:
            best = entry
    return best


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

    def agrees_with(self, reference: _Entry) -> bool:
        """The losses of the first two steps agree; the second has felt the first's update."""
        tolerance = 0.05 if self.choice.bfloat16 else 2e-3
        pairs = zip(self.losses, reference.losses, strict=True)
        return self is reference or all(
            math.isfinite(a) and abs(a - b) <= tolerance * max(1.0, abs(b)) for a, b in pairs
        )
