"""The one thread that runs the model, on batches of what is there."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import torch

from deepwell.serve.fault import told
from deepwell.serve.pace import Pace
from deepwell.serve.refusal import to_json
from deepwell.serve.rows import groups, joined
from deepwell.serve.work import Work, finish_all


class ModelThread:
    """Takes works from a queue, joins them, answers them together.

    Args:
        model: a ``saved.SavedModel``.
        pace: how long a batch waits for company.
        measured: is told (inputs, seconds) of every batch.

    Attributes:
        coming: requests that are being decoded.
        seconds: for one input, lately.
    """

    def __init__(
        self,
        model: Any,
        pace: Pace,
        *,
        measured: Callable[[int, float], None] = lambda _count, _seconds: None,
    ) -> None:
        self.model = model
        self.pace = pace
        self.coming = 0
        self.seconds = 0.0
        self._measured = measured
        self._queue: queue.SimpleQueue[Work | Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="deepwell-model", daemon=True)

    def start(self, first: Callable[[], None]) -> None:
        """Begin; ``first`` is called in the thread before anything else: the warm-up."""
        self._queue.put(first)
        self._thread.start()

    def expect(self, change: int) -> None:
        """From any thread: decoding of a request began (1), or ended well or badly (-1)."""
        with self._lock:
            self.coming += change

    def put(self, work: Work) -> None:
        """From any thread: a work whose rows are encoded."""
        self._queue.put(work)

    def stop(self, seconds: float = 5.0) -> None:
        """Answer what is in the queue, and end; a model that hangs is left behind."""
        self._queue.put(self._end)
        self._thread.join(seconds)

    def _end(self) -> None:
        self._stopped = True

    def _run(self) -> None:
        waiting: Work | Callable[[], None] | None = None  # what did not fit into the last batch
        while not self._stopped:
            item = waiting or self._queue.get()
            waiting = None
            if isinstance(item, Work):
                works, waiting = self._filled(item)
                finish_all([(work, None) for work in works if work.abandoned])
                self._answer([work for work in works if not work.abandoned])
                del works
            else:
                item()
            del item  # an idle thread keeps no request in memory

    def _filled(self, first: Work) -> tuple[list[Work], Work | Callable[[], None] | None]:
        """A batch that begins with this work, and what came after it and is no part of it."""
        works, have, begun = [first], first.count, time.monotonic()
        item: Work | Callable[[], None] | None
        while True:
            pause = self.pace.wait(have=have, coming=self.coming, waited=time.monotonic() - begun)
            try:
                item = self._queue.get(timeout=pause) if pause else self._queue.get_nowait()
            except queue.Empty:
                if pause:
                    continue
                item = None
            if not isinstance(item, Work) or have + item.count > self.pace.most:
                self.pace.began(have)
                return works, item
            works.append(item)
            have += item.count

    def _answer(self, works: list[Work]) -> None:
        if not works:
            return
        begun = time.monotonic()
        count = sum(work.count for work in works)
        try:
            results = self._results(works, count)
        except Exception as error:
            if len(works) > 1:  # the others are not to suffer from one
                for work in works:
                    self._answer([work])
                return
            results = [told("answering", error)]
        seconds = time.monotonic() - begun
        self.seconds = seconds / count if not self.seconds else 0.9 * self.seconds + 0.1 * seconds / count
        self._measured(count, seconds)
        finish_all(list(zip(works, results, strict=True)))

    def _results(self, works: list[Work], count: int) -> list[Any]:
        rows = joined([work.rows for work in works])
        lengths = getattr(rows, "lengths", None)
        decoded: list[Any] = [None] * count
        for group in groups(None if lengths is None else lengths.tolist(), count, most=self.pace.most):
            found = self.model.decoded_rows(rows, torch.tensor(group), batch_size=self.pace.most)
            for place, answer in zip(group, found, strict=True):
                decoded[place] = answer
        output = self.model.output
        if output.per_position:
            answers = output.answers(decoded, [p for work in works for p in work.positions or []])
        else:
            answers = output.answers(torch.stack(decoded))
        results, start = [], 0
        for work in works:
            results.append(to_json({"answers": answers[start : start + work.count]}))
            start += work.count
        return results
