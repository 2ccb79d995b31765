"""Processes that read a torch Dataset's items, each item the same as if it were read here."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import torch

from deepwell.core.errors import UserError
from deepwell.data.item import as_array, read_item, stack

_dataset: Any = None  # of a worker process; set once, when it starts
_seed = 0


class Workers:
    """A pool of processes for one dataset; started at the first read.

    Threads would not do: Python's, NumPy's and PyTorch's generators belong to the process, and the training
    step draws its dropout from them while samples are read ahead.

    Args:
        dataset: map-style; on Linux it is inherited and need not be picklable.
        count: number of processes, at least 1.
        seed: of the samples' random numbers.
    """

    def __init__(self, dataset: Any, count: int, *, seed: int) -> None:
        self.dataset, self.count, self.seed = dataset, max(1, count), seed
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def read(self, rows: list[int], *, epoch: int) -> np.ndarray:
        """Pictures of these rows in their order, [k, height, width(, channels)].

        Raises:
            UserError: pictures of different shapes, or a process that was ended from outside.
        """
        size = -(-len(rows) // self.count)
        chunks = [rows[i : i + size] for i in range(0, len(rows), size)]
        try:
            with self._lock, warnings.catch_warnings():
                # Python warns of every fork beside threads; a child here touches nothing that a thread holds
                warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
                pool = self._pool or self._start()
                waiting = [pool.submit(_read, chunk, epoch) for chunk in chunks]
            found = [array for part in waiting for array in part.result()]
        except BrokenProcessPool:
            self.close()
            raise UserError(
                f"a process that read samples of {type(self.dataset).__name__} was ended from outside",
                expected="it to live: it may have run out of memory, or crashed in the dataset's own code",
                fix="try fewer workers (workers=0 reads in this process and shows the error)",
            ) from None
        return stack(found, rows)

    def _start(self) -> ProcessPoolExecutor:
        # fork inherits the dataset, whatever it holds; elsewhere the platform's own way, which pickles it
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        self._pool = ProcessPoolExecutor(
            self.count, mp_context=context, initializer=_begin, initargs=(self.dataset, self.seed, os.getpid())
        )
        return self._pool

    def close(self) -> None:
        """End the processes; the next read starts new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(dataset: Any, seed: int, parent: int) -> None:
    """In a new process: one thread, Ctrl-C left to the parent, an end when the parent has ended."""
    global _dataset, _seed
    _dataset, _seed = dataset, seed
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)  # the parent was killed: nobody will ever ask again

    threading.Thread(target=watch, daemon=True).start()


def _read(rows: list[int], epoch: int) -> list[np.ndarray]:
    return [as_array(read_item(_dataset, row, seed=_seed, epoch=epoch)[0], row) for row in rows]
