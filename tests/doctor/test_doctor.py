"""Findings on models and data that are wrong in one known way; none on those that are right."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from deepwell.doctor import Finding, examine
from deepwell.doctor.data import look
from deepwell.losses import cross_entropy
from deepwell.models import build
from deepwell.nn.network import Network


class Mixes(nn.Module):
    """The second tutorial's flattening: view(-1, n) cuts the batch elsewhere where the numbers happen to divide."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.flatten(2).transpose(1, 2).reshape(-1, 32))[: len(x)]


class Listed(nn.Module):
    """A layer that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(64, 3), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x.flatten(1))


def nan() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        model[1].bias.fill_(float("nan"))
    return model


def frozen() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    return model.requires_grad_(False)


WRONG: list[tuple[str, Callable[[], nn.Module], str]] = [
    ("softmax before the loss", lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Softmax(1)), "M01"),
    ("a size that does not fit", lambda: nn.Sequential(nn.Flatten(), nn.Linear(63, 3)), "M17"),
    ("kernels larger than the map", lambda: nn.Sequential(nn.Conv2d(1, 4, 5), nn.Conv2d(4, 4, 5)), "M17"),
    ("samples mixed", Mixes, "M19"),
    ("NaN", nan, "O20"),
    ("nothing to train", frozen, "M27"),
]


@pytest.mark.parametrize(("make", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_models_are_stopped(make: Callable[[], nn.Module], code: str) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(16, 1, 8, 8), torch.arange(16) % 3
    found = examine(make(), cross_entropy, (x, y), classes=3)
    assert code in [f.code for f in found if f.level == "stop"], found
    assert all(f.evidence() and f.fix() for f in found)


def test_an_unused_layer_is_a_warning() -> None:
    found = examine(Listed(), cross_entropy, (torch.randn(8, 1, 8, 8), torch.arange(8) % 3), classes=3)
    # without an optimizer nobody knows whether it is meant to learn
    assert [(f.code, f.level) for f in found] == [("M24", "note")]


def test_outputs_that_no_class_needs_are_a_note() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    found = examine(model, cross_entropy, (torch.randn(8, 1, 8, 8), torch.arange(8) % 3), classes=3)
    assert [(f.code, f.level) for f in found] == [("M07", "note")]


@pytest.mark.parametrize("name", ["cnn", "cnn-bn", "compact", "lenet5", "mlp", "resnet18", "separable", "alexnet"])
def test_right_models_pass_untouched(name: str) -> None:
    torch.manual_seed(0)
    body: Any = build(name, (1, 16, 16))
    model = Network(body, nn.Linear(body.features, 3))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    batch = torch.randn(16, 1, 16, 16), torch.arange(16) % 3
    state = torch.get_rng_state()
    found = examine(model, cross_entropy, batch, classes=3, budget=120)
    assert found == []
    assert model.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())


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
    rows = rows or Plain(torch.randint(0, 255, (n, 4, 4, 1)))
    found = look(targets=torch.tensor(targets), classes=["a", "b"], split=split, rows=rows)
    return {f.code for f in found}


def test_data() -> None:
    assert codes([0, 1] * 500, 600, 200) == set()
    assert "D09" in codes([0] * 950 + [1] * 20 + [0] * 15 + [1] * 15, 970, 30)
    assert "D23" in codes([0, 1] * 60, 100, 10)
    assert "D10" in codes([0, 1] * 300 + [0] * 400, 600, 200)
    assert "D06" in codes([0, 1] * 500, 600, 200, Plain(torch.full((1000, 4, 4, 1), 7)))


def test_a_finding_reads_as_a_sentence() -> None:
    finding = Finding("M01", "stop", "output", "probabilities", {"floor": 1.4612})
    first, second = str(finding).splitlines()
    assert first.startswith("stop M01 output: ") and "1.4612" in first
    assert second.startswith("    -> ") and "--allow M01" in second
    assert set(finding.to_json()) == {"code", "level", "where", "saw", "values", "evidence", "why", "fix"}
