"""Data sets read twice: augmentation where there must be none, none where it is meant, the same draws every epoch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.part import Part, item, same_random_state
from deepwell.findings import Finding

_READ = 5


def augmentation(case: Case) -> Iterator[Finding]:
    """D25: a held-out item that changes when it is read again. D26: training items that should change and do not."""
    for name, part in case.parts.items():
        if part.dataset is None or isinstance(part.dataset, torch.utils.data.TensorDataset) or not len(part):
            continue
        numbers = [int(n) for n in np.linspace(0, part.total - 1, min(_READ, part.total)).round()]
        with same_random_state(), _same_generators(part.dataset) as generators:
            changed, moved = _changes(part.dataset, numbers, generators)
        if name != "train" and changed >= min(2, len(numbers)):
            yield Finding("D25", "warn", name, "changes", {"changed": changed, "read": len(numbers)})
        elif name == "train" and not changed and (random_parts := _random_parts(part.dataset)):
            yield Finding("D26", "note", name, "dead", {"read": len(numbers), "transforms": ", ".join(random_parts)})
        elif name == "train" and changed:
            yield from _repeated(part, moved)


def steady(part: Part) -> bool:
    """Whether items are the same each time that they are read: arrays are, and data sets that draw nothing."""
    if part.dataset is None or isinstance(part.dataset, torch.utils.data.TensorDataset):
        return part.loader is None or part.dataset is not None
    with same_random_state(), _same_generators(part.dataset) as generators:
        return not _changes(part.dataset, [0, part.total // 2, part.total - 1], generators)[0]


def _changes(dataset: Any, numbers: list[int], generators: list[Any]) -> tuple[int, bool]:
    """How many items differ between two readings, and whether the data set's own generators were drawn from."""
    before = [_state(g) for g in generators]
    changed = 0
    for number in numbers:
        first, second = item(dataset, number)[0], item(dataset, number)[0]
        changed += not _equal(first, second)
    return changed, any(repr(_state(g)) != repr(b) for g, b in zip(generators, before, strict=True))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, (str, int, float)):
        return bool(a == b)
    one, two = np.asarray(a), np.asarray(b)
    same = one.shape == two.shape
    return bool(same and np.array_equal(one, two, equal_nan=one.dtype.kind == "f"))


def _repeated(part: Part, moved: bool) -> Iterator[Finding]:
    """D26: workers that begin each epoch from the same random state, so that the same changes come every epoch."""
    loader = part.loader
    workers = getattr(loader, "num_workers", 0)
    if loader is None or not workers:
        return
    if moved and not loader.persistent_workers:
        # each worker gets a copy of the data set, its generator included, anew in each epoch
        yield Finding("D26", "warn", "train", "own_generator", {"workers": workers})
        return
    if loader.worker_init_fn is not None and _seeds_the_same(loader.worker_init_fn):
        yield Finding("D26", "warn", "train", "init", {"workers": workers})


def _seeds_the_same(begin: Any) -> bool:
    """Whether a worker's random state is the same in two epochs, whose base seeds differ."""
    found = []
    with same_random_state():
        for seed in (11, 12):
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            begin(0)
            found.append((random.random(), float(np.random.random()), float(torch.rand(1))))
    # the augmentation draws from one of them, and which is not seen: all that were set must have been set alike
    return any(a == b for a, b in zip(*found, strict=True))


def _state(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state().tolist()
    return generator.getstate() if isinstance(generator, random.Random) else generator.bit_generator.state


class _same_generators:
    """Generators that a data set and its transforms hold, put back at the end."""

    def __init__(self, dataset: Any) -> None:
        self.found: list[Any] = []
        _walk(dataset, self.found.append, 4, set())
        self.generators = [
            g for g in self.found if isinstance(g, (np.random.Generator, random.Random, torch.Generator))
        ]

    def __enter__(self) -> list[Any]:
        self.states = [_state(g) for g in self.generators]
        return self.generators

    def __exit__(self, *_: object) -> None:
        for generator, state in zip(self.generators, self.states, strict=True):
            if isinstance(generator, torch.Generator):
                generator.set_state(torch.tensor(state, dtype=torch.uint8))
            elif isinstance(generator, random.Random):
                generator.setstate(state)
            else:
                generator.bit_generator.state = state


def _walk(value: Any, visit: Any, depth: int, seen: set[int]) -> None:
    """What an object holds, and what that holds, some steps deep; arrays and tensors are not entered."""
    if id(value) in seen or depth < 0 or isinstance(value, (str, bytes, int, float, np.ndarray, torch.Tensor)):
        return
    seen.add(id(value))
    visit(value)
    inner = list(value)[:50] if isinstance(value, (list, tuple)) else list(getattr(value, "__dict__", {}).values())
    for one in inner:
        _walk(one, visit, depth - 1, seen)


def _random_parts(dataset: Any) -> list[str]:
    """Names of transforms that say they are random."""
    found: list[Any] = []
    _walk(dataset, found.append, 4, set())
    kinds = {type(value).__name__ for value in found if callable(value)}
    return sorted(name for name in kinds if "Random" in name or "Augment" in name)
