"""What the doctor's watch costs: time of a step with it over time of a step without, in alternation, in one run.

    python benchmarks/watch_cost.py [--rounds 40] [--steps 100] [--only cnn] [--out benchmarks/records/watch_cost.log]

Two equal trainings stand side by side, one of them watched. They take turns of ``--steps`` steps, who begins changes
from round to round; the cost is the median over rounds of the ratio within a round. One thread, and processor time,
not the clock's: other programs on the machine are not measured. The programs are the
CNN of the tutorials (28x28, batch 32) and a small dense network, whose step is so short that it shows what a call of
a hook costs; each in deepwell's own step and in a plain PyTorch loop.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.devices import machine
from deepwell.doctor.training.observer import Watch
from deepwell.doctor.training.watch import watch
from deepwell.losses import cross_entropy
from deepwell.models import build
from deepwell.nn.network import Network
from deepwell.optim import build as build_optimizer
from deepwell.train.observe import Start, StepRecord
from deepwell.train.step import Step

BATCH = 32
POOL = 640


def cnn() -> tuple[nn.Module, Tensor]:
    body = build("cnn", (1, 28, 28))
    return Network(body, nn.Linear(body.features, 10)), torch.randn(POOL, 1, 28, 28)


def dense() -> tuple[nn.Module, Tensor]:
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), torch.randn(POOL, 64)


PROGRAMS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {"cnn": cnn, "dense": dense}


class Plain:
    """A loop as tutorials write it; watched or not."""

    def __init__(self, make: Callable[[], tuple[nn.Module, Tensor]], watched: bool) -> None:
        torch.manual_seed(0)
        self.model, self.x = make()
        self.y = torch.arange(POOL) % 10
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.watch = watch(self.model, self.optimizer, on_stop="say", say=lambda _text: None) if watched else None
        if self.watch is not None:
            self.watch.__enter__()
        self.number = 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            at = self.number * BATCH % POOL
            x, y = self.x[at : at + BATCH], self.y[at : at + BATCH]
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            loss.item()
            if self.watch is not None:
                self.watch.step(loss)
            self.number += 1


class Own:
    """deepwell's own step, with the observer or without."""

    def __init__(self, make: Callable[[], tuple[nn.Module, Tensor]], watched: bool) -> None:
        torch.manual_seed(0)
        self.model, self.x = make()
        self.y = torch.arange(POOL) % 10
        named = list(self.model.named_parameters())
        self.names = [name for name, _ in named]
        optimizer = build_optimizer("adam", named)
        self.step = Step(self.model, [p for _, p in named], cross_entropy, optimizer)
        self.watch = Watch(self.model, self.x[:64], say=lambda _text: None) if watched else None
        if self.watch is not None:
            self.watch.on_start(Start(10, 1000, POOL, 0, "loss", False))
        self.number = 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            at = self.number * BATCH % POOL
            rows = torch.arange(at, at + BATCH)
            x, y = self.x[at : at + BATCH], self.y[at : at + BATCH]
            self.number += 1
            result = self.step(self.number, [(x, y)], 1e-3)
            if self.watch is not None:
                record = StepRecord(self.number, 1, 1e-3, result, self.names, self.step.parameters, rows)
                self.watch.on_step(record)


def measure(kind: type[Plain] | type[Own], name: str, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    """Seconds a step without the watch, and the ratios; the first round, with its many looks, is not counted."""
    pair = [kind(PROGRAMS[name], False), kind(PROGRAMS[name], True)]
    seconds: list[list[float]] = [[], []]
    for turn in range(rounds + 2):
        for which in (0, 1) if turn % 2 else (1, 0):
            begin = time.process_time()
            pair[which].run(steps)
            if turn >= 2:
                seconds[which].append((time.process_time() - begin) / steps)
    return seconds[0], [b / a for a, b in zip(*seconds, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--only", choices=sorted(PROGRAMS), action="append")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        f"watch_cost: {machine()}, torch {torch.__version__}, 1 thread, {given.rounds} rounds of {given.steps} steps",
        f"{'program':8} {'loop':6} {'ms a step':>10} {'cost':>8} {'quartiles':>18}",
    ]
    print("\n".join(lines), flush=True)
    for name in given.only or PROGRAMS:
        for label, kind in (("own", Own), ("plain", Plain)):
            seconds, ratios = measure(kind, name, given.rounds, given.steps)
            low, middle, high = statistics.quantiles(ratios, n=4)
            line = f"{name:8} {label:6} {statistics.median(seconds) * 1e3:10.3f} {middle - 1:+8.2%} "
            lines.append(line + f"{low - 1:+8.2%} ..{high - 1:+8.2%}")
            print(lines[-1], flush=True)
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
