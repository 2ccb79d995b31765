"""Made data for the tests of the data checks: right in every way, of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from deepwell.doctor.data import examine_data
from deepwell.findings import Finding

Pair = tuple[Any, Any]
WORDS = [
    f"{a}{b}"
    for a in ["ba", "ke", "li", "mo", "nu", "ra", "si", "to", "ve", "zu"]
    for b in ["na", "ret", "sil", "dop", "mek", "lu"]
]


def levels(train: Any, validation: Any = None, test: Any = None, **said: Any) -> dict[str, str]:
    """The worst level of each code; every sentence is written out in both languages on the way."""
    found = examine_data(train, validation, test, budget=60.0, **said)
    for finding in found:
        for lang in ("en", "zh"):
            assert finding.evidence(lang)  # type: ignore[arg-type]
            assert finding.fix(lang)  # type: ignore[arg-type]
    assert "C01" not in {f.code for f in found}, [str(f) for f in found]
    return {f.code: f.level for f in reversed(found)}


def finding(code: str, train: Any, validation: Any = None, test: Any = None, **said: Any) -> Finding:
    """The first finding of a code."""
    found = examine_data(train, validation, test, budget=60.0, **said)
    return next(f for f in found if f.code == code)


def table(n: int = 1200, columns: int = 6, classes: int = 3, seed: int = 0) -> Pair:
    """Standardised columns, classes that are learnt by several of them together."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, n)
    centres = np.random.default_rng(99).normal(size=(classes, columns))
    return (random.normal(size=(n, columns)) + 1.2 * centres[y]).astype(np.float32), y


def pictures(n: int = 1000, side: int = 16, classes: int = 4, channels: int = 1, seed: int = 0) -> Pair:
    """Smooth random fields with a stripe whose direction is the class, normalised [n, channels, side, side]."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, n)
    x = random.normal(size=(n, channels, side + 4, side + 4))
    x = sum(x[:, :, i : i + side, j : j + side] for i in range(4) for j in range(4)) / 4
    down, across = np.mgrid[:side, :side] / side
    angle = np.pi * np.arange(classes) / classes
    waves = np.sin(6 * (np.cos(angle)[:, None, None] * down + np.sin(angle)[:, None, None] * across))
    return (x + 0.8 * waves[y][:, None]).astype(np.float32), y


def texts(n: int = 600, classes: int = 2, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Sentences of 12 to 30 made words, a third of them from the class's own part of the vocabulary."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, n)
    own = np.array_split(np.array(WORDS[:30]), classes)
    made = []
    for label in y:
        length = random.integers(12, 31)
        mine = random.random(length) < 0.35
        made.append(" ".join(random.choice(own[label]) if m else random.choice(WORDS[30:]) for m in mine))
    return made, y


def cut(pair: Pair, at: int) -> tuple[Pair, Pair]:
    """Two parts."""
    x, y = pair
    return (x[:at], y[:at]), (x[at:], y[at:])


def tensors(pair: Pair) -> Pair:
    """Arrays as tensors; labels as int64."""
    x, y = pair
    y = torch.as_tensor(np.asarray(y))
    return torch.as_tensor(x), y if y.is_floating_point() else y.long()


class Items(torch.utils.data.Dataset):
    """A data set that is read item by item, each changed by a function of the picture."""

    def __init__(self, pair: Pair, change: Callable[[Any], Any] = lambda x: x) -> None:
        self.x, self.y = tensors(pair)
        self.change = change

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, number: int) -> tuple[Any, int]:
        return self.change(self.x[number]), int(self.y[number])
