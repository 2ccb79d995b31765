"""The number of threads follows the machine, in a world where each step's time is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
import torch

from deepwell.train import threads as module
from deepwell.train.threads import Threads

Cost = Callable[[int, float], float]
"""(threads, seconds so far) -> seconds that a step takes."""


class World:
    """Makes steps with the number of threads that was set last; measuring takes ten steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: int, options: Sequence[int], cost: Cost) -> None:
        self.cost = cost
        self.clock, self.steps, self.set_to = 0.0, 0, now
        self.asked: list[float] = []
        self.used: list[int] = []
        self.said: list[str] = []
        monkeypatch.setattr(torch, "set_num_threads", lambda number: setattr(self, "set_to", number))
        monkeypatch.setattr(time, "perf_counter", lambda: self.clock)
        assert module.time.perf_counter() == 0.0
        self.threads = Threads(now, options, self.measure)

    def measure(self, numbers: Sequence[int]) -> list[float]:
        self.asked.append(self.clock)
        found = [self.cost(n, self.clock) for n in numbers]
        self.clock += 5 * sum(found)
        return found

    def run(self, seconds: float, size: Callable[[int], float] = lambda _: 1.0) -> World:
        end = self.clock + seconds
        while self.clock < end:
            work = size(self.steps)
            took = self.cost(self.set_to, self.clock) * work
            self.clock, self.steps = self.clock + took, self.steps + 1
            self.used.append(self.set_to)
            if words := self.threads.after(took, work):
                self.said.append(words)
        return self


@pytest.mark.parametrize("step", [0.0003, 0.02, 0.4])
def test_a_wrong_number_is_left_soon(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    world = World(monkeypatch, 1, [1, 2], lambda n, _: step / n).run(3 + 210 * step)
    assert world.threads.now == world.set_to == 2
    assert len(world.said) == 1
    assert world.said[0].startswith("1 -> 2 threads: ")


@pytest.mark.parametrize(("step", "seconds"), [(0.001, 70), (0.02, 2000), (0.4, 4000)])
def test_a_right_number_is_kept_and_asking_is_cheap(monkeypatch: pytest.MonkeyPatch, step: float, seconds: int) -> None:
    world = World(monkeypatch, 2, [1, 2], lambda n, _: step / n).run(seconds)
    assert world.threads.now == 2
    assert not world.said
    assert len(world.asked) >= 2
    assert world.clock / world.steps < 1.015 * step / 2


def test_a_gain_of_a_few_percent_is_not_worth_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 1, [1, 2], lambda n, _: 0.01 if n == 1 else 0.0095).run(100)
    assert world.threads.now == 1


def test_contention_is_answered_and_its_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(threads: int, clock: float) -> float:
        busy = 50 <= clock < 150
        return 0.02 if threads == 1 else 0.4 if busy else 0.01

    world = World(monkeypatch, 2, [1, 2], cost).run(50)
    assert world.threads.now == 2
    world.run(10)
    assert world.threads.now == 1, "two windows of three steps of 0.4 s are enough"
    world.run(90)
    assert world.threads.now == 1
    world.run(100)
    assert world.threads.now == 2, "within 100 seconds of the other program's end"
    assert len(world.said) == 2
    assert world.said[0].startswith("another program uses the processors: 2 -> 1 threads")
    assert world.said[1].startswith("1 -> 2 threads")


def test_a_hiccup_and_batches_of_different_length_are_no_contention(monkeypatch: pytest.MonkeyPatch) -> None:
    def hiccup(threads: int, clock: float) -> float:
        return 0.5 if 20 <= clock < 20.4 else 0.01 * (3 - threads)

    world = World(monkeypatch, 2, [1, 2], hiccup).run(25)
    assert len(world.asked) == 1, "after the first seconds, not at the hiccup"
    lengths = [1.0, 40.0, 3.0, 90.0, 2.0, 2.0, 120.0]
    steady = World(monkeypatch, 2, [1, 2], lambda n, _: 0.001 * (3 - n))
    assert len(steady.run(25, size=lambda step: lengths[step // 50 % 7]).asked) == 1


def test_one_option_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in ([], [2]):
        world = World(monkeypatch, 2, options, lambda n, _: 0.01 * n).run(100)
        assert set(world.used) == {2}
        assert not world.asked
