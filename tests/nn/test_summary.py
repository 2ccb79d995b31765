"""The table of layers, for any module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from deepwell.models import CNN
from deepwell.nn.network import Network
from deepwell.nn.summary import summary


def test_the_tutorial_s_table() -> None:
    """Keras's rows for the MNIST network: 320 + 18,496 + 204,928 + 1,290."""
    table = summary(Network(CNN((1, 28, 28)), nn.Linear(128, 10)), torch.zeros(2, 1, 28, 28))
    rows = [(row.kind, row.shape, row.parameters) for row in table.rows if row.parameters]
    assert rows == [
        ("Conv2d", (None, 32, 26, 26), 320),
        ("Conv2d", (None, 64, 11, 11), 18_496),
        ("Linear", (None, 128), 204_928),
        ("Linear", (None, 10), 1_290),
    ]
    assert (None, 1600) in [row.shape for row in table.rows if row.kind == "Flatten"]
    lines = str(table).splitlines()
    assert lines[-3:] == [
        "Total parameters: 225,034",
        "Trainable parameters: 225,034",
        "Non-trainable parameters: 0",
    ]
    assert table.to_json()["total"] == 225_034


def test_frozen_and_shared_parameters() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    second.bias.requires_grad_(False)
    table = summary(nn.Sequential(first, second, first), torch.zeros(1, 4))
    assert [row.parameters for row in table.rows] == [20, 4, 0]
    assert (table.total, table.trainable) == (24, 20)


class Several(nn.Module):
    """Its own parameter, a layer whose weight it takes without a call, outputs in a mapping."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.inner = nn.Linear(3, 3)
        self.silent = nn.Linear(3, 5)

    def forward(self, x: Tensor) -> dict[str, object]:
        return {"note": "text", "pair": (self.inner(x) * self.scale, x), "taken": x @ self.silent.weight.T}


def test_own_parameters_and_layers_without_a_call() -> None:
    table = summary(Several(), torch.zeros(2, 3))
    assert [(r.name, r.kind, r.shape, r.parameters) for r in table.rows] == [
        ("inner", "Linear", (None, 3), 12),
        ("model", "Several", (None, 3), 3),
        ("silent", "Linear", None, 20),
    ]
    assert sum(row.parameters for row in table.rows) == table.total == 35


@pytest.mark.parametrize(
    ("module", "example"),
    [
        (nn.LSTM(4, 5, batch_first=True), torch.zeros(2, 3, 4)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.zeros(2, 3, 8)),
        (nn.ModuleDict({"only": nn.Linear(2, 2)})["only"], torch.zeros(2, 2)),
        (nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 1)), torch.zeros(2, 2, dtype=torch.int64)),
    ],
)
def test_every_parameter_has_one_row(module: nn.Module, example: Tensor) -> None:
    table = summary(module, example)
    assert sum(row.parameters for row in table.rows) == table.total == sum(p.numel() for p in module.parameters())


class Breaks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.norm.eval()  # a mode of its own, that must come back

    def forward(self, x: Tensor) -> Tensor:
        torch.rand(1)
        self.norm.running_mean.add_(1)  # type: ignore[union-attr, operator]
        raise RuntimeError("on purpose")


def test_nothing_is_left_behind_by_a_failure() -> None:
    module = Breaks()
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="on purpose"):
        summary(module, torch.zeros(1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert module.training
    assert not module.norm.training
    assert float(module.norm.running_mean.sum()) == 0  # type: ignore[union-attr, operator]
    assert not any(m._forward_hooks for m in module.modules())
