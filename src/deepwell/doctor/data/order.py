"""How a DataLoader takes samples: in which order, in which batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import item, same_random_state
from deepwell.doctor.data.parts import is_sorted
from deepwell.findings import Finding

_BATCHES = 20

_ENOUGH = 500
"""Samples that are worth batches; fewer are often trained on all at once."""


def shuffling(case: Case) -> Iterator[Finding]:
    """D22: training batches of hardly more than one class each, in the order of the data set.

    Two signals: the sampler is sequential, and the mean entropy of a batch's labels is under half of the set's.
    """
    loader = case.train.loader
    if loader is None or case.answer not in ("classes", "numbers"):
        return
    in_order = isinstance(getattr(loader, "sampler", None), torch.utils.data.SequentialSampler)
    batches = _batches(case, loader)
    if len(batches) < 3 or sum(map(len, batches)) < 16:
        return
    inside, whole = _spread(case, batches)
    if whole <= 0:
        return
    found = {"inside": inside, "whole": whole, "share": inside / whole, "batches": len(batches)}
    if inside < 0.5 * whole:
        yield Finding("D22", "warn" if in_order else "note", "train", "sorted", found)
    elif in_order and case.train.total > 2 * (loader.batch_size or 1):
        yield Finding("D22", "note", "train", "in_order", found)


def _batches(case: Case, loader: Any) -> list[np.ndarray]:
    """The answers of some batches, evenly taken from an epoch; nothing where they can't be known by number."""
    sampler = getattr(loader, "batch_sampler", None)
    if sampler is None or case.train.dataset is None:
        return []
    with same_random_state():
        state = _generator_state(loader)
        try:
            numbers = [list(batch) for batch in islice(iter(sampler), 2000)]
        finally:
            _put_back(loader, state)
    numbers = numbers[:: max(1, len(numbers) // _BATCHES)][:_BATCHES]
    numbers = [batch for batch in numbers if len(batch) > 1]
    return [_answers(case, batch) for batch in numbers]


def _generator_state(loader: Any) -> list[tuple[Any, Any]]:
    """Generators of the loader and its sampler, with their state: asking for an epoch's order moves them on."""
    owners = (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None))
    found = [getattr(owner, "generator", None) for owner in owners]
    return [(g, g.get_state()) for g in found if isinstance(g, torch.Generator)]


def _put_back(loader: Any, states: list[tuple[Any, Any]]) -> None:
    for generator, state in states:
        generator.set_state(state)


def _answers(case: Case, batch: list[int]) -> np.ndarray:
    part = case.train
    values = (
        case.labels["train"]
        if case.answer == "classes"
        else np.asarray(part.y, dtype=np.float64).reshape(len(part), -1)[:, 0]
    )
    if part.rows is None:
        return values[np.asarray(batch)]
    # of a sampled data set the answers of a few of the batch's items are read
    some = batch[:: max(1, len(batch) // 8)][:8]
    with same_random_state():
        found = [np.asarray(item(part.dataset, number)[1]) for number in some]
    if case.answer == "numbers":
        return np.array([float(v.reshape(-1)[0]) for v in found])
    return np.array([case.names.index(v.item()) if v.ndim == 0 else int(v.argmax()) for v in found])


def _spread(case: Case, batches: list[np.ndarray]) -> tuple[float, float]:
    """Mean spread inside a batch, and of all batches together: entropy of classes, variance of numbers."""
    together = np.concatenate(batches)
    if case.answer == "numbers":
        return float(np.mean([batch.var() for batch in batches])), float(together.var())
    return float(np.mean([_entropy(batch) for batch in batches])), _entropy(together)


def _entropy(labels: np.ndarray) -> float:
    """In nats, with the correction of Miller and Madow for few samples: a small batch can't hold many classes."""
    counts = np.bincount(labels)
    shares = counts[counts > 0] / len(labels)
    return float(-(shares * np.log(shares)).sum() + (len(shares) - 1) / (2 * len(labels)))


def lone_sample(case: Case) -> Iterator[Finding]:
    """D36: a last batch of one sample, of which batch normalisation can make no statistics."""
    loader = case.train.loader
    size = case.said.batch_size if loader is None else loader.batch_size
    # a loader's own word is better than what is planned; without a loader nothing says that the rest is kept
    if not case.said.has_batch_norm or not size or size < 2 or case.train.total % size != 1:
        return
    if loader is not None and getattr(loader, "drop_last", False):
        return
    found = {"samples": case.train.total, "batch": size}
    yield Finding("D36", "warn" if loader is not None else "note", "train", "one", found)


def few_batches(case: Case) -> Iterator[Finding]:
    """O24: one or two steps an epoch, of samples that would make dozens."""
    size = case.said.batch_size or getattr(case.train.loader, "batch_size", None)
    if size and case.train.total >= _ENOUGH and 2 * size >= case.train.total:
        yield Finding("O24", "warn", "loop", "few_steps", {"batch": int(size), "samples": case.train.total})


def sorted_arrays(case: Case) -> Iterator[Finding]:
    """D22 for arrays: rows that lie sorted by class, which only shuffling makes fit to train on."""
    if case.train.loader is not None or case.answer != "classes" or case.train.rows is not None or case.class_names:
        return
    labels = case.labels["train"]
    if len(np.unique(labels)) > 1 and len(labels) >= 50 and is_sorted(labels):
        changes = int((labels[1:] != labels[:-1]).sum())
        yield Finding("D22", "note", "train", "rows", {"changes": changes, "samples": len(labels)})
