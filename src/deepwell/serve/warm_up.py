"""The first answer of a model, and how it computes fastest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from deepwell.core.devices import processors
from deepwell.nn.network import device_of

_SLOW = 0.1
"""Seconds for a batch from which more threads are tried: below, they cost more than they give."""
_BATCH = 8


def warm_up(model: Any, raw: Sequence[Any]) -> str:
    """Bring a model into its form for answering, and answer made-up samples in the thread that calls this.

    More threads than one are tried where a batch takes long, and kept where they give half as much again.

    Args:
        model: a ``saved.SavedModel``.
        raw: a sample that it can read.

    Returns:
        what was chosen, for the log.
    """
    on = device_of(model.network).type
    model.make_lean()
    model.predict(raw)  # whatever is made at the first use is made now
    if on != "cpu":
        return f"on {on}"
    torch.set_num_threads(1)
    alone = _seconds(model, raw)
    if alone > _SLOW and processors() > 1:
        torch.set_num_threads(processors())
        if _seconds(model, raw) * 1.5 > alone:
            torch.set_num_threads(1)
    threads = torch.get_num_threads()
    return f"{threads} {'thread' if threads == 1 else 'threads'} for the model"


def _seconds(model: Any, raw: Sequence[Any]) -> float:
    """For a batch, the best of some."""
    batch, found = list(raw) * _BATCH, []
    for _ in range(3):
        begun = time.perf_counter()
        model.predict(batch)
        found.append(time.perf_counter() - begun)
    return min(found)
