"""One suite for every architecture. A new one passes it by adding a row."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from deepwell.core.errors import UserError
from deepwell.losses import cross_entropy
from deepwell.models import MODELS, build
from deepwell.nn.network import Network
from deepwell.nn.summary import summary

ROWS: list[tuple[str, tuple[int, int, int], dict[str, Any]]] = [
    ("alexnet", (3, 16, 16), {}),
    ("cnn", (1, 12, 12), {}),
    ("cnn", (3, 28, 28), {}),
    ("cnn-bn", (3, 24, 24), {"filters": (8, 16)}),
    ("compact", (1, 16, 16), {"width": 8}),
    ("inception", (1, 8, 8), {}),
    ("lenet5", (1, 8, 8), {}),
    ("lenet5", (3, 32, 32), {}),
    ("mlp", (3, 5, 7), {"hidden": (16, 8)}),
    ("resnet18", (1, 8, 8), {}),
    ("separable", (3, 16, 16), {"width": 0.1}),
]
IDS = [f"{name}-{shape}" for name, shape, _ in ROWS]
rows = pytest.mark.parametrize(("name", "shape", "options"), ROWS, ids=IDS)


def network(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> Network:
    torch.manual_seed(0)
    body: Any = build(name, shape, **options)
    return Network(body, nn.Linear(body.features, 3))


def test_every_name_has_a_row() -> None:
    aliases = {"resnet", "resnet34", "resnet50"}  # one class with resnet18
    assert {name for name, _, _ in ROWS} | aliases == set(MODELS)


@rows
def test_shapes_and_types(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    body: Any = build(name, shape, **options)
    out = body.eval()(torch.randn(2, *shape))
    assert out.shape == (2, body.features)
    assert out.dtype == torch.float32
    assert type(body).__doc__


@rows
def test_a_gradient_reaches_every_parameter(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    net = network(name, shape, options | {"dropout": 0.0})
    total, count = cross_entropy(net(torch.randn(4, *shape)), torch.tensor([0, 1, 2, 0]))
    gradients = torch.autograd.grad(total / count, list(net.parameters()), allow_unused=True)
    for (parameter, _), gradient in zip(net.named_parameters(), gradients, strict=True):
        assert gradient is not None, parameter
        assert torch.isfinite(gradient).all(), parameter


@rows
def test_answers_do_not_depend_on_the_batch(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    net = network(name, shape, options).eval()
    x = torch.randn(7, *shape)
    with torch.no_grad():
        together, alone = net(x), torch.cat([net(row[None]) for row in x])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@rows
def test_memory_format_does_not_change_answers(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    net = network(name, shape, options).eval()
    x = torch.randn(3, *shape)
    with torch.no_grad():
        plain = net(x)
        last = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(plain, last, rtol=1e-4, atol=1e-5)


@rows
def test_same_seed_same_weights_and_round_trip(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    one, two = network(name, shape, options), network(name, shape, options)
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    with torch.no_grad():
        for parameter in two.parameters():
            parameter.zero_()
    two.load_state_dict(one.state_dict())
    x = torch.randn(2, *shape)
    assert torch.equal(one.eval()(x), two.eval()(x))


@rows
def test_a_short_training_lowers_the_loss(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    net = network(name, shape, options | {"dropout": 0.0})
    x, y = torch.randn(6, *shape), torch.tensor([0, 1, 2, 0, 1, 2])
    parameters = list(net.parameters())
    losses = []
    for _ in range(12):
        total, count = cross_entropy(net(x), y)
        losses.append(float(total.detach() / count))
        gradients = torch.autograd.grad(total / count, parameters)
        with torch.no_grad():
            size = torch.sqrt(sum((g * g).sum() for g in gradients))
            for p, g in zip(parameters, gradients, strict=True):
                p -= 0.1 * g / size.clamp(min=1.0)
    assert min(losses[-3:]) < losses[0]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu", "leaky_relu"])
@pytest.mark.parametrize("name", sorted(set(MODELS) - {"resnet34", "resnet50", "inception", "alexnet"}))
def test_options_by_name(name: str, activation: str) -> None:
    body: Any = build(name, (1, 12, 12), activation=activation, dropout=0.3, initialisation="he-normal")
    assert torch.isfinite(body(torch.randn(2, 1, 12, 12))).all()


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"activation": "rellu"}, "did you mean 'relu'"),
        ({"dropout": 1.5}, "from 0 to less than 1"),
        ({"initialisation": "he_normal"}, "did you mean 'he-normal'"),
        ({"activasion": "relu"}, "did you mean 'activation'"),
    ],
)
def test_bad_options_are_named(name: str, option: dict[str, Any], words: str) -> None:
    with torch.device("meta"), pytest.raises(UserError, match=words):
        build(name, (3, 64, 64), **option)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"mlp"}))
def test_a_picture_too_small(name: str) -> None:
    with pytest.raises(UserError, match="too small"):
        build(name, (1, 2, 2))


@rows
def test_summary_counts_and_leaves_no_trace(name: str, shape: tuple[int, int, int], options: dict[str, Any]) -> None:
    net = network(name, shape, options)
    state = torch.get_rng_state()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    table = summary(net, torch.zeros(2, *shape))
    assert table.total == sum(p.numel() for p in net.parameters()) == sum(row.parameters for row in table.rows)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert net.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


@pytest.mark.parametrize(
    ("name", "shape", "classes", "parameters"),
    [
        ("cnn", (1, 28, 28), 10, 225_034),  # 320 + 18,496 + 204,928 + 1,290, the tutorial's rows
        ("cnn-bn", (3, 32, 32), 10, 94_986),  # 896 + 64 + 18,496 + 128 + 73,856 + 256 + 1,290
        ("lenet5", (1, 32, 32), 10, 61_706),  # 156 + 2,416 + 48,120 + 10,164 + 850, all maps connected
        ("alexnet", (3, 224, 224), 1000, 61_100_840),  # torchvision's table of models, as the three below
        ("resnet18", (3, 224, 224), 1000, 11_689_512),
        ("resnet34", (3, 224, 224), 1000, 21_797_672),
        ("resnet50", (3, 224, 224), 1000, 25_557_032),
        # 5.97 million convolution weights of the paper's table and 1,024,000 + 1,000 of the head, plus 14,400 of
        # batch normalisation, which the paper's network does not have
        ("inception", (3, 224, 224), 1000, 7_005_832),
    ],
)
def test_parameters_as_published(name: str, shape: tuple[int, int, int], classes: int, parameters: int) -> None:
    with torch.device("meta"):
        body: Any = build(name, shape)
        found = sum(p.numel() for p in body.parameters()) + (body.features + 1) * classes
    assert found == parameters


def test_separable_at_full_width_is_mobilenet() -> None:
    """4,231,976 parameters: 3,206,976 of the body (Howard et al. 2017 print 4.2 million) and the head."""
    with torch.device("meta"):
        body: Any = build("separable", (3, 224, 224), width=1.0)
    assert sum(p.numel() for p in body.parameters()) + 1025 * 1000 == 4_231_976
