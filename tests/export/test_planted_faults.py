"""Five faults that exports really have, planted one by one: each must fail, with its place named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deepwell.export import Difference, export
from deepwell.export.describe import describe
from deepwell.export.networks import Graph, graph_of
from deepwell.export.networks.image import Normalise, Seeing
from deepwell.export.pieces import Pieces, reloaded
from deepwell.saved.model import SavedModel


class Backwards(nn.Module):
    """Blue, green, red."""

    def __init__(self, prepare: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare

    def forward(self, x: Tensor) -> Tensor:
        return self.prepare(x).flip(1)


class Dropping(nn.Module):
    """What somebody wrote who forgot that F.dropout drops unless told otherwise."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5)


def seeing(prepare: Callable[[nn.Module], nn.Module], network: Callable[[nn.Module], nn.Module]) -> Any:
    """A piece that makes the graph with one part changed."""

    def graph(model: SavedModel) -> Graph:
        right = graph_of(model)
        whole: Any = right.network
        return replace(right, network=Seeing(prepare(whole.prepare), network(copy.deepcopy(whole.network))).eval())

    return graph


def same(module: nn.Module) -> nn.Module:
    return module


def untrained(network: nn.Module) -> nn.Module:
    torch.manual_seed(5)
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return network


def dropping(network: nn.Module) -> nn.Module:
    assert isinstance(network, nn.Sequential)
    network[5] = Dropping()
    return network


def in_training(model: SavedModel) -> Graph:
    right = graph_of(model)
    return replace(right, network=copy.deepcopy(right.network).train())


def swapped(model: SavedModel) -> dict[str, Any]:
    found = describe(model)
    found["output"]["classes"] = found["output"]["classes"][::-1]
    return found


def bare(_prepare: nn.Module) -> nn.Module:
    return Normalise([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 255.0)


FAULTS: dict[str, tuple[Pieces, str, str]] = {
    "channel order": (Pieces(graph=seeing(Backwards, same)), "preprocessing", ""),
    "missing normalisation": (Pieces(graph=seeing(bare, same)), "preprocessing", ""),
    "training mode": (Pieces(graph=in_training), "body", "1"),
    "untrained weights": (Pieces(graph=seeing(same, untrained)), "body", "0"),
    "swapped labels": (Pieces(describe=swapped), "decoding", ""),
}


@pytest.mark.parametrize("to", ["onnx", "torch"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_the_export(
    fault: str, to: str, model: SavedModel, samples: list[Any], tmp_path: Path
) -> None:
    pieces, where, layer = FAULTS[fault]
    # the normalisation of the fixture's pictures must not be the identity for its lack to be a fault
    assert model.input.mean[0] > 0.1
    with pytest.raises(Difference, match=f"exported file does not answer.*begins in the {where}") as found:
        export(model, tmp_path / "out" / "m", to=to, samples=samples, pieces=pieces)
    if fault == "untrained weights" and to == "onnx":
        layer = "1"  # the convolution before it was fused into the normalisation
    assert (found.value.where, found.value.layer) == (where, layer)
    assert not layer or f"the first layer that differs is {layer}" in str(found.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_dropout_that_drops_in_evaluation(model: SavedModel, samples: list[Any], tmp_path: Path) -> None:
    """No flag tells it: the numbers do."""
    pieces = Pieces(graph=seeing(same, dropping))
    with pytest.raises(Difference) as found:
        export(model, tmp_path / "m", to="torch", samples=samples, pieces=pieces)
    assert (found.value.where, found.value.layer) == ("body", "5")


def test_a_file_with_other_weights(model: SavedModel, samples: list[Any], tmp_path: Path) -> None:
    """The file that is read again is held against the trained model too, in every format."""

    def forgetful(model: SavedModel, path: Path) -> SavedModel:
        again = reloaded(model, path)
        untrained(again.network)
        return again

    with pytest.raises(Difference, match=r"the saved file does not answer.*body"):
        export(model, tmp_path / "m", to="safetensors", samples=samples, pieces=Pieces(reload=forgetful))
    assert list(tmp_path.iterdir()) == []


def test_without_a_fault_it_passes(model: SavedModel, samples: list[Any], tmp_path: Path) -> None:
    made = export(model, tmp_path / "m", to="torch", samples=samples)
    assert made.parity.answers_differ == 0
