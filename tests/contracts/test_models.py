"""One suite for every architecture. A new one passes it by adding a row."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import Counts, Ids, Nodes
from deepwell.inputs import INPUTS
from deepwell.losses import cross_entropy
from deepwell.models import MODELS, build
from deepwell.nn.network import Network
from deepwell.nn.summary import summary

WORDS, WRITTEN, TREES = Ids(20), Ids(20, 12, 5), Nodes(12)
COUNTS = Counts(40, pieces=15)

ROWS: list[tuple[str, Any, dict[str, Any]]] = [
    ("alexnet", (3, 16, 16), {}),
    ("attention", WORDS, {}),
    ("bilstm-crf", WORDS, {}),
    ("bilstm-crf", WRITTEN, {}),
    ("bilstm-crf", WRITTEN, {"characters_by": "lstm"}),
    ("cnn", (1, 12, 12), {}),
    ("cnn", (3, 28, 28), {}),
    ("cnn-bn", (3, 24, 24), {"filters": (8, 16)}),
    ("compact", (1, 16, 16), {"width": 8}),
    ("embedding-bag", WORDS, {}),
    ("gru", WORDS, {"layers": 2, "bidirectional": True}),
    ("inception", (1, 8, 8), {}),
    ("lenet5", (1, 8, 8), {}),
    ("lenet5", (3, 32, 32), {}),
    ("lstm", WORDS, {"bidirectional": True}),
    ("mlp", (3, 5, 7), {"hidden": (16, 8)}),
    ("ngrams", COUNTS, {"width": 16}),
    ("ngrams", Counts(30), {"activation": "tanh"}),
    ("recursive", TREES, {"width": 12}),
    ("recursive", TREES, {"width": 8, "embedding": 8, "cell": "rntn"}),
    ("resnet18", (1, 8, 8), {}),
    ("rnn", WORDS, {}),
    ("separable", (3, 16, 16), {"width": 0.1}),
    ("textcnn", WORDS, {}),
    ("transformer", WORDS, {"width": 16, "layers": 2, "heads": 2}),
]
if find_spec("transformers"):
    TINY = {
        "model_type": "bert", "vocab_size": 17, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24, "max_position_embeddings": 64, "initializer_range": 0.2,
    }  # fmt: skip
    ROWS.append(("hf", WORDS, {"config": TINY}))
IDS = [f"{name}-{tuple(shape)}-{number}" for number, (name, shape, _) in enumerate(ROWS)]
rows = pytest.mark.parametrize(("name", "shape", "options"), ROWS, ids=IDS)
pictures = pytest.mark.parametrize(
    ("name", "shape", "options"),
    [row for row in ROWS if not isinstance(row[1], (Counts, Ids, Nodes))],
    ids=[i for i, row in zip(IDS, ROWS, strict=True) if not isinstance(row[1], (Counts, Ids, Nodes))],
)


IMAGE = {name for name, entry in MODELS.items() if entry.takes == ("image",)}


def batch(shape: Any, count: int) -> torch.Tensor:
    """Prepared samples as the input of this shape gives them, of different lengths where it can."""
    generator = torch.Generator().manual_seed(count)
    if isinstance(shape, Ids):
        x = torch.randint(3, shape.vocabulary, (count, 6), generator=generator)
        if shape.width:
            letters = torch.randint(3, shape.characters, (count, 6, shape.width), generator=generator)
            x = torch.cat([x[..., None], letters], 2)
        for row in range(1, count):
            x[row, 2 + row % 5 :] = 0
        return x
    if isinstance(shape, Counts):
        ids = torch.randint(1, shape.vocabulary, (count, 6), generator=generator)
        x = torch.stack([ids, torch.randint(1, 4, (count, 6), generator=generator)], 2)
        for row in range(1, count):
            x[row, 2 + row % 5 :] = 0
        return x
    if isinstance(shape, Nodes):
        x = torch.zeros(count, 5, 4, dtype=torch.int64)
        for row in range(count):
            x[row, :, 0] = torch.randint(3, shape.vocabulary, (5,), generator=generator)
            if row % 2:
                x[row, 2, 1:], x[row, 3:] = torch.tensor([1, 2, 1]), 0
            else:
                x[row, 3, 1:], x[row, 4, 1:] = torch.tensor([2, 3, 1]), torch.tensor([1, 4, 2])
        return x
    return torch.randn(count, *shape, generator=generator)


def network(name: str, shape: Any, options: dict[str, Any]) -> Network:
    torch.manual_seed(0)
    body: Any = build(name, shape, **options, **(MODELS[name].tags or {} if name == "bilstm-crf" else {}))
    return Network(body, nn.Linear(body.features, 3))


def single(scores: torch.Tensor) -> torch.Tensor:
    """One row of scores a sample, also where there is one for each position."""
    return scores[:, 0] if scores.dim() == 3 else scores


def test_every_name_has_a_row() -> None:
    aliases = {"resnet", "resnet34", "resnet50"}  # one class with resnet18
    # "hf" has a row where transformers is installed
    assert {name for name, _, _ in ROWS} | aliases | {"hf"} == set(MODELS)


@rows
def test_shapes_and_types(name: str, shape: Any, options: dict[str, Any]) -> None:
    body = network(name, shape, options).body
    out = body.eval()(batch(shape, 2))
    assert single(out).shape == (2, body.features)
    assert out.dtype == torch.float32
    assert type(body).__doc__


@rows
def test_it_says_what_it_takes(name: str, shape: Any, options: dict[str, Any]) -> None:
    kinds = {Counts: {"text"}, Ids: {"text", "tokens"}, Nodes: {"tree"}}.get(type(shape), {"image"})
    assert kinds & set(MODELS[name].takes)
    assert set(MODELS[name].takes) <= set(INPUTS)


@rows
def test_a_gradient_reaches_every_parameter(name: str, shape: Any, options: dict[str, Any]) -> None:
    net = network(name, shape, options | {"dropout": 0.0})
    net.train()
    total, count = cross_entropy(single(net(batch(shape, 4))), torch.tensor([0, 1, 2, 0]))
    gradients = torch.autograd.grad(total / count, list(net.parameters()), allow_unused=True)
    for (parameter, _), gradient in zip(net.named_parameters(), gradients, strict=True):
        assert gradient is not None, parameter
        assert torch.isfinite(gradient).all(), parameter


@rows
def test_answers_do_not_depend_on_the_batch(name: str, shape: Any, options: dict[str, Any]) -> None:
    net = network(name, shape, options).eval()
    x = batch(shape, 7)
    with torch.no_grad():
        together, alone = net(x), torch.cat([net(row[None]) for row in x])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pictures
def test_memory_format_does_not_change_answers(name: str, shape: Any, options: dict[str, Any]) -> None:
    net = network(name, shape, options).eval()
    x = torch.randn(3, *shape)
    with torch.no_grad():
        plain = net(x)
        last = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(plain, last, rtol=1e-4, atol=1e-5)


@rows
def test_same_seed_same_weights_and_round_trip(name: str, shape: Any, options: dict[str, Any]) -> None:
    one, two = network(name, shape, options), network(name, shape, options)
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    with torch.no_grad():
        for parameter in two.parameters():
            parameter.zero_()
    two.load_state_dict(one.state_dict())
    x = batch(shape, 2)
    assert torch.equal(one.eval()(x), two.eval()(x))


@rows
def test_a_short_training_lowers_the_loss(name: str, shape: Any, options: dict[str, Any]) -> None:
    net = network(name, shape, options | {"dropout": 0.0})
    x, y = batch(shape, 6), torch.tensor([0, 1, 2, 0, 1, 2])
    parameters = list(net.parameters())
    losses = []
    for _ in range(12):
        total, count = cross_entropy(single(net(x)), y)
        losses.append(float(total.detach() / count))
        gradients = torch.autograd.grad(total / count, parameters)
        with torch.no_grad():
            size = torch.sqrt(sum((g * g).sum() for g in gradients))
            for p, g in zip(parameters, gradients, strict=True):
                p -= 0.1 * g / size.clamp(min=1.0)
    assert min(losses[-3:]) < losses[0]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu", "leaky_relu"])
@pytest.mark.parametrize("name", sorted(IMAGE - {"resnet34", "resnet50", "inception", "alexnet"}))
def test_options_by_name(name: str, activation: str) -> None:
    body: Any = build(name, (1, 12, 12), activation=activation, dropout=0.3, initialisation="he-normal")
    assert torch.isfinite(body(torch.randn(2, 1, 12, 12))).all()


@pytest.mark.parametrize("name", sorted(IMAGE))
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


@pytest.mark.parametrize("name", sorted(set(MODELS) - IMAGE - {"hf"}))
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"dropout": 1.5}, "from 0 to less than 1"),
        ({"initialisation": "he_normal"}, "did you mean 'he-normal'"),
        ({"drop": 0.5}, "did you mean 'dropout'"),
    ],
)
def test_bad_options_of_texts_and_trees_are_named(name: str, option: dict[str, Any], words: str) -> None:
    shape = TREES if "tree" in MODELS[name].takes else COUNTS if name == "ngrams" else WORDS
    with pytest.raises(UserError, match=words):
        build(name, shape, **option)


@pytest.mark.parametrize("more", [1, 7, 50])
@rows
def test_padding_changes_nothing(name: str, shape: Any, options: dict[str, Any], more: int) -> None:
    if not isinstance(shape, (Counts, Ids, Nodes)):
        pytest.skip("pictures have no padding")
    net = network(name, shape, options).eval()
    x = batch(shape, 5)
    padded = torch.cat([x, torch.zeros(5, more, *x.shape[2:], dtype=torch.int64)], 1)
    with torch.no_grad():
        torch.testing.assert_close(net(padded)[:, : x.shape[1]], net(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(IMAGE - {"mlp"}))
def test_a_picture_too_small(name: str) -> None:
    with pytest.raises(UserError, match="too small"):
        build(name, (1, 2, 2))


@rows
def test_summary_counts_and_leaves_no_trace(name: str, shape: Any, options: dict[str, Any]) -> None:
    net = network(name, shape, options)
    state = torch.get_rng_state()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    table = summary(net, batch(shape, 2))
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
def test_parameters_as_published(name: str, shape: Any, classes: int, parameters: int) -> None:
    with torch.device("meta"):
        body: Any = build(name, shape)
        found = sum(p.numel() for p in body.parameters()) + (body.features + 1) * classes
    assert found == parameters


def test_separable_at_full_width_is_mobilenet() -> None:
    """4,231,976 parameters: 3,206,976 of the body (Howard et al. 2017 print 4.2 million) and the head."""
    with torch.device("meta"):
        body: Any = build("separable", (3, 224, 224), width=1.0)
    assert sum(p.numel() for p in body.parameters()) + 1025 * 1000 == 4_231_976
