"""Batches, the queue, and what one request may do to others; every wait is for an event, none for a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from tests.serve.made import in_base64, model_of, png

from deepwell.data.ragged import Ragged
from deepwell.saved.model import SavedModel
from deepwell.serve.pace import Pace
from deepwell.serve.rows import groups, joined
from deepwell.serve.work import Room, Work

ONE = {"inputs": [in_base64(png())]}


class Held(SavedModel):
    """A model that answers when it is let: ``held`` is set while it waits."""

    def __init__(self, model: SavedModel) -> None:
        super().__init__(model.network, model.input, model.output, card=model.card)
        self.go, self.held = threading.Event(), threading.Event()
        self.go.set()
        self.batches: list[int] = []
        self.fails: Callable[[Any], bool] = lambda _rows: False

    def make_lean(self) -> None:
        """The first thing of the warm-up."""
        assert self.go.wait(30)
        if self.fails(None):
            raise RuntimeError("it can't")

    def decoded_rows(self, rows: Any, chosen: torch.Tensor, *, batch_size: int = 256) -> list[Any]:
        self.held.set()
        assert self.go.wait(30)
        self.batches.append(len(chosen))
        if self.fails(rows):
            raise RuntimeError("secret of the model")
        return super().decoded_rows(rows, chosen, batch_size=batch_size)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Answers wait until the end of the block."""
        self.go.clear()
        self.held.clear()
        self.batches.clear()
        try:
            yield
        finally:
            self.go.set()


@pytest.fixture
def held() -> Held:
    return Held(model_of("image"))


def until(true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    for _ in range(3000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


def test_what_comes_while_the_model_works_is_one_batch(held: Held, client: Callable[..., Any]) -> None:
    served = client(model=held, max_batch=8)
    engine = served.app.state.engine
    with ThreadPoolExecutor(20) as pool:
        with held.holding():
            first = pool.submit(served.post, "/predict", json=ONE)
            assert held.held.wait(30)
            others = [pool.submit(served.post, "/predict", json=ONE) for _ in range(10)]
            until(lambda: engine.room.taken == 11 and engine._thread._queue.qsize() == 10)
        assert all(f.result().status_code == 200 for f in [first, *others])
    assert held.batches == [1, 8, 2]
    assert engine.room.taken == 0
    text = served.get("/metrics").text
    assert 'deepwell_batch_inputs_bucket{le="8"} 3' in text and "deepwell_queue_inputs 0" in text


def test_a_full_queue_refuses_at_once(held: Held, client: Callable[..., Any]) -> None:
    served = client(model=held, queue=4, max_inputs=3)
    engine = served.app.state.engine
    with ThreadPoolExecutor(8) as pool, held.holding():
        waiting = [pool.submit(served.post, "/predict", json=ONE) for _ in range(3)]
        until(lambda: engine.room.taken == 3)
        many = served.post("/predict", json={"inputs": ONE["inputs"] * 3})  # one place is left, it needs three
        assert many.status_code == 429
        waiting.append(pool.submit(served.post, "/predict", json=ONE))
        until(lambda: engine.room.taken == 4)
        answer = served.post("/predict", content=b"not even read", headers={"content-type": "application/json"})
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
        assert "queue is full" in answer.json()["error"]["came"]
        held.go.set()
        assert [f.result().status_code for f in waiting] == [200] * 4
    assert engine.room.taken == 0
    assert served.post("/predict", json={"inputs": ONE["inputs"] * 3}).status_code == 200
    assert "deepwell_rejected_total 2" in served.get("/metrics").text


def test_an_answer_that_takes_too_long(held: Held, client: Callable[..., Any]) -> None:
    served = client(model=held, timeout=0.05)
    with held.holding():
        first = served.post("/predict", json=ONE)
        second = served.post("/predict", json=ONE)
    for answer in (first, second):
        assert answer.status_code == 503 and "within 0.05 s" in answer.json()["error"]["came"]
    until(lambda: served.app.state.engine.room.taken == 0)
    assert held.batches == [1]  # for the second nobody waited any more


def test_a_fault_is_told_by_number_and_hurts_no_other(
    held: Held, client: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    served = client(model=held, max_batch=8)
    bad = np.zeros((12, 12), np.uint8)
    held.fails = lambda rows: bool((rows.gather(torch.arange(len(rows))).flatten(1).sum(1) == 0).any())
    with ThreadPoolExecutor(8) as pool:
        with held.holding():
            first = pool.submit(served.post, "/predict", json=ONE)
            assert held.held.wait(30)
            others = [
                pool.submit(served.post, "/predict", json=ask)
                for ask in (ONE, {"inputs": [{"array": bad.tolist()}]}, ONE)
            ]
            until(lambda: served.app.state.engine._thread._queue.qsize() == 3)
        assert first.result().status_code == 200
        answers = [f.result() for f in others]
    assert [a.status_code for a in answers] == [200, 500, 200]
    error = answers[1].json()["error"]
    assert "secret" not in answers[1].text and "Traceback" not in answers[1].text
    assert error["id"] in caplog.text and "secret of the model" in caplog.text


def test_before_the_warm_up_and_if_it_fails(held: Held, client: Callable[..., Any]) -> None:
    held.go.clear()
    served = client(model=held, wait=False)
    assert (served.get("/health").status_code, served.get("/ready").status_code) == (200, 503)
    assert served.post("/predict", json=ONE).status_code == 503
    held.go.set()
    until(lambda: served.get("/ready").status_code == 200)
    assert served.post("/predict", json=ONE).status_code == 200
    other = Held(model_of("image"))
    other.fails = lambda _rows: True
    served = client(model=other)
    assert served.get("/ready").json() == {"status": "failed"}
    assert served.post("/predict", json=ONE).status_code == 503
    assert served.get("/health").status_code == 200


def test_pace() -> None:
    pace = Pace(8, 0.01)
    assert pace.wait(have=1, coming=0, waited=0) == 0
    assert pace.wait(have=1, coming=1, waited=0.004) == pytest.approx(0.006)
    assert pace.wait(have=1, coming=1, waited=0.02) == 0
    assert pace.wait(have=8, coming=5, waited=0) == 0
    pace.began(8)  # many ask together: the rest is waited for
    assert pace.wait(have=5, coming=0, waited=0) > 0
    assert pace.wait(have=6, coming=0, waited=0) == 0
    for _ in range(5):
        pace.began(1)
    assert pace.wait(have=1, coming=0, waited=0) == 0  # soon forgotten


def test_every_row_is_in_one_group() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        lengths = (rng.pareto(1.0, int(rng.integers(1, 60))) * 20 + 1).astype(int).tolist()
        found = groups(lengths, len(lengths), most=8)
        assert sorted(place for group in found for place in group) == list(range(len(lengths)))
        for group in found:
            inside = [lengths[place] for place in group]
            assert len(group) <= 8 and max(inside) <= 4 * min(inside) + 64
            assert len(group) == 1 or max(inside) * len(group) <= 65_536


def test_joined_rows_are_the_rows() -> None:
    many = [Ragged.of([[1, 2, 3], [4]]), Ragged.of([[5, 6]])]
    assert joined(many).gather(torch.arange(3)).tolist() == [[1, 2, 3], [4, 0, 0], [5, 6, 0]]
    wide = [Ragged.of([[[1, 2]]], width=2), Ragged.of([[[3, 4], [5, 6]]], width=2)]
    assert joined(wide).gather(torch.tensor([1])).tolist() == [[[3, 4], [5, 6]]]
    assert joined(many[:1]) is many[0]


def test_places_are_given_back_once() -> None:
    async def use() -> None:
        room = Room(5)
        assert room.take(1)
        work = Work(asyncio.get_running_loop(), room)
        assert work.grow(4) and room.taken == 4
        other = Work(asyncio.get_running_loop(), room) if room.take(1) else None
        assert other is not None and not other.grow(2) and room.taken == 5
        work.settle(b"x")
        work.settle(b"y")
        assert work.future is not None and room.taken == 1 and await work.future == b"x"
        other.settle(None)
        assert room.taken == 0

    asyncio.run(use())
