"""Sizes of pictures: every family at its smallest, around its thresholds, and not square."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from deepwell.core.errors import UserError
from deepwell.models import MODELS, CNNBatchNorm, LeNet5, build, default
from deepwell.nn.dropout import Dropout

SMALLEST = {
    "alexnet": 8,
    "cnn": 4,
    "cnn-bn": 8,
    "compact": 4,
    "inception": 8,
    "lenet5": 4,
    "mlp": 1,
    "resnet18": 8,
    "separable": 4,
}
THRESHOLDS = (15, 16, 19, 20, 21, 22, 27, 28, 31, 32, 47, 48, 63, 64, 65, 96)


@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_no_map_vanishes(name: str) -> None:
    """On the meta device, which checks shapes and computes nothing."""
    smallest = SMALLEST[name]
    shapes = [(3, smallest, smallest), (1, smallest, 40), (1, 40, smallest), (3, 70, 33)]
    shapes += [(1, side, side) for side in THRESHOLDS]
    for shape in shapes:
        with torch.device("meta"):
            body: Any = build(name, shape).eval()
            assert body(torch.empty(2, *shape)).shape == (2, body.features), shape


def test_every_class_is_in_the_table_of_sizes() -> None:
    classes = {MODELS[name].make for name in SMALLEST}
    assert classes == {entry.make for entry in MODELS.values() if entry.takes == ("image",)}


def test_too_many_poolings() -> None:
    with pytest.raises(UserError, match="5 poolings leave nothing of pictures of 24x24"):
        CNNBatchNorm((3, 24, 24), filters=(8,) * 5)


@pytest.mark.parametrize("hidden", [128, (), (16, 0)])
def test_hidden_layers_of_the_mlp(hidden: Any) -> None:
    with pytest.raises(UserError, match="width of each layer"):
        build("mlp", (1, 4, 4), hidden=hidden)


@pytest.mark.parametrize(
    ("name", "options"), [("resnet", {"depth": 19}), ("separable", {"width": 0}), ("cnn-bn", {"filters": ()})]
)
def test_options_of_the_families(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="Expected"):
        build(name, (3, 32, 32), **options)


def test_depth_is_fixed_where_the_name_says_it() -> None:
    with pytest.raises(UserError, match="unknown option of resnet18 'depth'"):
        build("resnet18", (3, 32, 32), depth=34)


def test_lenet_is_the_paper_s_at_32() -> None:
    kinds = [(type(m).__name__, getattr(m, "kernel_size", None)) for m in LeNet5((1, 32, 32)).maps]
    assert kinds[0] == ("Conv2d", (5, 5))
    assert sum(kind == "Conv2d" for kind, _ in kinds) == 2
    assert isinstance(LeNet5((1, 32, 32)).units[1], nn.Tanh)


@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_dropout_is_there_when_asked_for(name: str) -> None:
    body = build(name, (3, 32, 32), dropout=0.25)
    shares = {m.p for m in body.modules() if isinstance(m, Dropout)}
    assert shares == {0.25}


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224)])
def test_the_default_is_a_name_and_a_reason(shape: tuple[int, int, int]) -> None:
    name, why = default(shape, 1000)
    assert name in MODELS
    assert why
