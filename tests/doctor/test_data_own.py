"""The checks on data that deepwell has read, encoded and split itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.data_sets import texts
from tests.doctor.test_data_healthy import tagged
from torch import Tensor

import deepwell as dw
from deepwell.data.tree import parse
from deepwell.dataset import Data
from deepwell.doctor.data import look


def healthy_texts() -> Data:
    return dw.texts(*texts())


def healthy_words() -> Data:
    (x, y), (v, w) = tagged()
    return dw.words(x + v, y + w)


def healthy_sets() -> Data:
    x, y = texts()
    return dw.texts(x, [["a"] if label else ["a", "b"] for label in y])


def healthy_trees() -> Data:
    x, y = texts(300)
    first = [text.split()[:6] for text in x]
    return dw.trees(
        [parse(f"({label} (1 {a} {b}) (0 {c} {d}))") for (a, b, c, d, *_), label in zip(first, y, strict=True)]
    )


HEALTHY = {"texts": healthy_texts, "words": healthy_words, "sets": healthy_sets, "trees": healthy_trees}


@pytest.mark.parametrize("name", ["digits", *HEALTHY])
def test_right_data(name: str) -> None:
    found = prepared(HEALTHY[name]() if name in HEALTHY else dw.open(name))
    assert [str(f) for f in found if f.level != "note"] == []
    assert "C01" not in {f.code for f in found}, [str(f) for f in found]


def prepared(data: Data) -> list[Any]:
    learner = dw.Learner(data)
    ready = learner.prepared()
    return look(
        targets=ready.targets,
        classes=getattr(ready.output, "classes", ()),
        split=ready.split,
        rows=ready.rows,
        skipped=ready.skipped,
        pictures=ready.input.kind == "image",
        raw=data.source.x if ready.input.learns_first else None,
        answer=ready.output.kind,
    )


def test_wrong_labels_and_conflicts() -> None:
    x, y = texts()
    twice = x + x[:60]
    found = prepared(dw.texts(twice, np.concatenate([y, 1 - y[:60]])))
    assert "D19" in {f.code for f in found}
    x = np.random.default_rng(0).integers(0, 255, (400, 9, 9), dtype=np.uint8)
    x[::50] = 7
    assert "D30" in {f.code for f in prepared(dw.arrays(x, np.arange(400) % 3))}


class Plain:
    """Rows without digests."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        return self.x[rows]


def codes(targets: list[int], train: int, validation: int, rows: Any = None) -> set[str]:
    n = len(targets)
    split = SimpleNamespace(
        train=np.arange(train), validation=np.arange(train, train + validation), test=np.arange(train + validation, n)
    )
    rows = rows or Plain(torch.randint(0, 255, (n, 4, 4, 1), generator=torch.Generator().manual_seed(0)))
    found = look(targets=torch.tensor(targets), classes=["a", "b"], split=split, rows=rows)
    return {f.code for f in found}


def test_labels_and_sizes() -> None:
    assert codes([0, 1] * 500, 600, 200) == set()
    assert "D09" in codes([0] * 950 + [1] * 20 + [0] * 15 + [1] * 15, 970, 30)
    assert "D23" in codes([0, 1] * 60, 100, 10)
    assert "D10" in codes([0, 1] * 300 + [0] * 400, 600, 200)
    assert "D06" in codes([0, 1] * 500, 600, 200, Plain(torch.full((1000, 4, 4, 1), 7)))


def test_samples_that_were_left_out_are_named() -> None:
    split = SimpleNamespace(train=np.arange(60), validation=np.arange(0), test=np.arange(0))
    found = look(
        targets=torch.arange(60) % 2,
        classes=["a", "b"],
        split=split,
        rows=Plain(torch.randn(60, 4, 4, 1, generator=torch.Generator().manual_seed(0))),
        skipped=[("a.png", "it is empty")],
    )
    assert "a.png: it is empty" in next(f for f in found if f.code == "D30").evidence("en")
