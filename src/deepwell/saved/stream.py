"""Answers to more samples than fit into memory: the next ones are read while the network works on these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import torch

from deepwell.core.errors import UserError
from deepwell.data.store import ArrayStore
from deepwell.saved.model import SavedModel

_PICTURES, _OTHERS = 256, 2048
"""Samples that are read ahead: in memory at a time are twice as many. Texts and trees are small, and many of them are
sorted by length for batches that need little padding."""

Samples = Iterator[tuple[str, Any]]
"""(name for a person, raw sample)."""


def answered(
    model: SavedModel,
    samples: Samples,
    *,
    at_once: int | None = None,
    unreadable: Callable[[str, str], None] | None = None,
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(name, raw sample, answer as of ``SavedModel.predict``), in the order of the samples.

    Args:
        model: a trained one.
        samples: read in another thread, one piece ahead.
        at_once: samples of a piece.
        unreadable: told (name, why) of each sample that can't be read, which is then left out; None: an error.

    Raises:
        UserError: a sample that can't be read, with its name, after the answers to all before it.
    """
    size = at_once or (_PICTURES if model.input.kind == "image" else _OTHERS)

    def read() -> tuple[list[tuple[str, Any]], Any, dict[int, str]]:
        some = list(islice(samples, size))
        rows, problems = model.input.encode([sample for _, sample in some]) if some else ((), [])
        return some, ArrayStore(rows) if isinstance(rows, np.ndarray) else rows, dict(problems)

    with ThreadPoolExecutor(1, "deepwell-read") as reader:
        ahead = reader.submit(read)
        while True:
            some, rows, problems = ahead.result()
            stop = len(some) if unreadable is not None else min(problems, default=len(some))
            last = stop < len(some) or len(some) < size
            if not last:
                ahead = reader.submit(read)
            places = [place for place in range(stop) if place not in problems]
            decoded = model.decoded_rows(rows, torch.tensor(places, dtype=torch.int64)) if places else []
            answers = iter(model.answers(decoded, [some[place][1] for place in places]))
            for place, (name, sample) in enumerate(some[:stop]):
                if place not in problems:
                    yield name, sample, next(answers)
                elif unreadable is not None:
                    unreadable(name, problems[place])
            if stop < len(some):
                raise _unreadable(some[stop][0], problems[stop])
            if last:
                return


def _unreadable(name: str, why: str) -> UserError:
    return UserError(why if name in why else f"{name} can't be read: {why}")
