"""The number of threads follows the machine, in a world where each step's time is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from deepwell.train.threads import Threads

Cost = Callable[[int, float], float]
"""(threads, seconds so far) -> seconds that a step takes."""


class World:
    """Makes steps with the number of threads that was set last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, threads: Threads, cost: Cost) -> None:
        self.threads, self.cost = threads, cost
        self.clock, self.steps, self.set_to = 0.0, 0, 0
        self.used: list[int] = []
        self.said: list[str] = []
        monkeypatch.setattr(torch, "set_num_threads", lambda number: setattr(self, "set_to", number))

    def run(self, seconds: float, size: Callable[[int], float] = lambda _: 1.0) -> World:
        end = self.clock + seconds
        while self.clock < end:
            self.threads.before()
            work = size(self.steps)
            took = self.cost(self.set_to, self.clock) * work
            self.clock, self.steps = self.clock + took, self.steps + 1
            self.used.append(self.set_to)
            if words := self.threads.after(took, work):
                self.said.append(words)
        return self

    def share(self, threads: int) -> float:
        """Of the steps, with so many threads."""
        return self.used.count(threads) / len(self.used)


STEPS = pytest.mark.parametrize("step", [0.001, 0.02, 0.4])


@STEPS
def test_a_wrong_number_is_left_soon(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    world = World(monkeypatch, Threads(1, 2), lambda n, _: step / n).run(4 + 12 * step)
    assert world.threads.now == 2
    assert world.said == ["1 -> 2 threads, 2.0 times as fast"]


@STEPS
def test_while_all_are_used_nothing_is_tried(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    world = World(monkeypatch, Threads(2, 2), lambda n, _: step / n).run(200)
    assert set(world.used) == {2}


@pytest.mark.parametrize("gain", [0.95, 1.0, 2.0, 20.0])
def test_fewer_threads_are_kept_where_more_win_nothing(monkeypatch: pytest.MonkeyPatch, gain: float) -> None:
    world = World(monkeypatch, Threads(1, 8), lambda n, _: 0.02 * (gain if n == 8 else 1)).run(1000)
    assert world.threads.now == 1 and not world.said
    assert 0 < world.share(8) < 0.005
    assert world.clock / world.steps < 1.02 * 0.02


def test_contention_is_answered_and_its_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(threads: int, clock: float) -> float:
        busy = 50 <= clock < 150
        return 0.02 if threads == 1 else 0.4 if busy else 0.01

    world = World(monkeypatch, Threads(2, 2), cost).run(50)
    assert world.threads.now == 2
    world.run(10)
    assert world.threads.now == 1, "some ten steps of 0.4 s are enough"
    before = len(world.used)
    world.run(90)
    assert world.threads.now == 1
    assert world.used[before:].count(2) < 0.01 * (len(world.used) - before), "while the processors are taken"
    world.run(240)
    assert world.threads.now == 2
    assert world.said[0].startswith("another program uses the processors: 2 -> 1 threads")
    assert world.said[1].startswith("1 -> 2 threads")


def test_slowness_that_no_number_cures_is_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Threads(2, 2), lambda n, clock: (0.05 if clock > 60 else 0.02) / n).run(3600)
    assert world.threads.now == 2
    assert world.used.count(1) < 20


def test_a_hiccup_and_batches_of_different_length_are_no_contention(monkeypatch: pytest.MonkeyPatch) -> None:
    def hiccup(threads: int, clock: float) -> float:
        return 0.5 if 20 <= clock < 20.4 else 0.01 * (3 - threads)

    assert set(World(monkeypatch, Threads(2, 2), hiccup).run(60).used) == {2}
    lengths = [1.0, 40.0, 3.0, 90.0, 2.0, 2.0, 120.0]
    steady = World(monkeypatch, Threads(2, 2), lambda n, _: 0.001 * (3 - n))
    assert set(steady.run(60, size=lambda step: lengths[step // 50 % 7]).used) == {2}


def test_a_run_of_a_smaller_machine_goes_on_with_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch, Threads(2, 8), lambda n, _: 0.08 / n).run(10).threads.now == 8


def test_without_a_limit_it_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Threads(2, None), lambda n, clock: 0.01 * n * (1 + clock)).run(100)
    assert set(world.used) == {2}
