"""What every model of texts promises: no answer depends on padding or on the other texts of the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, RESERVED, UNKNOWN, Ids, Nodes
from deepwell.models.attention import AttentionRecurrent
from deepwell.models.embedding_bag import EmbeddingBag
from deepwell.models.recurrent import Recurrent
from deepwell.models.tagger import BiLSTMTagger
from deepwell.models.textcnn import TextCNN
from deepwell.models.transformer import Transformer

WORDS = Ids(40)
SPELT = Ids(40, characters=20, width=6)

Row = tuple[str, Callable[..., nn.Module], Ids, dict[str, Any]]
SMALL: dict[str, Any] = {"embedding": 8, "hidden": 6}
ROWS: list[Row] = [
    ("bag", EmbeddingBag, WORDS, {"embedding": 8}),
    ("bag-hidden", EmbeddingBag, SPELT, {"embedding": 8, "hidden": 6}),
    ("textcnn", TextCNN, WORDS, {"embedding": 8, "filters": 5}),
    ("textcnn-gelu", TextCNN, SPELT, {"embedding": 8, "filters": 5, "activation": "gelu", "widths": (1, 7)}),
    *(
        (f"{cell}-{pool}-{layers}{'-both' if both else ''}", Recurrent, WORDS,
         {**SMALL, "cell": cell, "pool": pool, "layers": layers, "bidirectional": both})
        for cell, pool, layers, both in (
            ("rnn", "last", 1, False), ("rnn", "max", 2, True), ("lstm", "last", 2, True), ("lstm", "mean", 1, True),
            ("lstm", "max", 1, False), ("gru", "last", 1, True), ("gru", "mean", 2, False), ("gru", "max", 1, True),
        )
    ),
    ("lstm-positions", Recurrent, SPELT, {**SMALL, "per_position": True, "layers": 2}),
    ("attention", AttentionRecurrent, WORDS, {**SMALL, "attention": 7}),
    ("attention-gru", AttentionRecurrent, SPELT, {**SMALL, "attention": 7, "cell": "gru", "layers": 2}),
    *(
        (f"transformer-{positions}-{pool}", Transformer, WORDS, {"width": 8, "positions": positions, "pool": pool})
        for positions, pool in (
            ("sinusoidal", "mean"), ("learned", "start"), ("rotary", "mean"), ("none", "start"), ("rotary", "start"),
        )
    ),
    ("transformer-positions", Transformer, SPELT, {"width": 8, "per_position": True}),
    ("tagger", BiLSTMTagger, WORDS, {**SMALL}),
    ("tagger-cnn", BiLSTMTagger, SPELT, {**SMALL, "characters_by": "cnn", "layers": 2}),
    ("tagger-lstm", BiLSTMTagger, SPELT, {**SMALL, "characters_by": "lstm", "character_features": 7}),
    ("tagger-none", BiLSTMTagger, SPELT, {**SMALL, "characters_by": "none"}),
]  # fmt: skip
rows = pytest.mark.parametrize(("make", "shape", "options"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])


def build(make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any], **more: Any) -> Any:
    torch.manual_seed(3)
    return make(shape, **{"dropout": 0.0, **options, **more})


def batch(shape: Ids, lengths: tuple[int, ...] = (9, 1, 2, 12, 5), seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    size = (len(lengths), max(lengths))
    x = torch.randint(RESERVED, shape.vocabulary, size, generator=g)
    x[0, 0] = UNKNOWN
    real = torch.arange(size[1]) < torch.tensor(lengths)[:, None]
    if not shape.width:
        return x * real
    spelt = torch.randint(RESERVED, shape.characters, (*size, shape.width), generator=g)
    wide = torch.randint(1, shape.width + 1, size, generator=g)
    spelt = spelt * (torch.arange(shape.width) < wide[..., None])
    return torch.cat((x[..., None], spelt), 2) * real[..., None]


def padded(x: Tensor, by: int) -> Tensor:
    return torch.cat((x, x.new_zeros(x.shape[0], by, *x.shape[2:])), 1)


def near(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@rows
def test_shapes(make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]) -> None:
    model, x = build(make, shape, options).eval(), batch(shape)
    out = model(x)
    per_position = options.get("per_position", make is BiLSTMTagger)
    assert out.shape == ((5, 12, model.features) if per_position else (5, model.features))
    assert out.dtype == torch.float32
    assert type(model).__doc__


@rows
@pytest.mark.parametrize("by", [1, 7, 50])
def test_padding_changes_no_answer(
    make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any], by: int
) -> None:
    model, x = build(make, shape, options).eval(), batch(shape)
    with torch.no_grad():
        plain, more = model(x), model(padded(x, by))
    if plain.dim() == 3:
        assert not more[:, 12:].any()
        more = more[:, :12]
    near(more, plain)


@rows
def test_neither_order_nor_company_changes_an_answer(
    make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]
) -> None:
    model, x = build(make, shape, options).eval(), batch(shape)
    order = torch.tensor([3, 0, 4, 2, 1])
    with torch.no_grad():
        together = model(x)
        near(model(x[order]), together[order])
        for row, length in enumerate((9, 1, 2, 12, 5)):
            alone = model(x[row : row + 1, :length])[0]  # as short as it is
            near(alone, together[row, :length] if together.dim() == 3 else together[row])


@rows
def test_a_gradient_reaches_every_parameter(
    make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]
) -> None:
    model, x = build(make, shape, options), batch(shape)
    out = model(x)
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad((out * weights).sum(), list(parameters.values()), allow_unused=True)
    for name, gradient in zip(parameters, gradients, strict=True):
        assert gradient is not None, name
        assert torch.isfinite(gradient).all(), name
        assert gradient.any(), name
        if name == "embedding.weight":
            assert not gradient[PADDING].any()


@rows
def test_a_text_of_padding_alone_is_finite(make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]) -> None:
    model, x = build(make, shape, options), batch(shape)
    x[1] = PADDING
    for rows in (x, x[1:2], x[1:2, :1]):
        out = model(rows)
        assert torch.isfinite(out).all()
        gradients = torch.autograd.grad(out.square().sum(), list(model.parameters()), allow_unused=True)
        assert all(g is None or torch.isfinite(g).all() for g in gradients)
    model.eval()
    near(model(x)[[0, 2, 3, 4]], model(x[[0, 2, 3, 4]]))
    near(model(x[1:2])[0, ..., :], model(x)[1])


@rows
def test_predicting_first_and_training_in_half_precision(
    make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]
) -> None:
    model, x = build(make, shape, options).eval(), batch(shape)
    x[1] = PADDING
    with torch.inference_mode():
        predicted = model(x)
    near(model(x), predicted)
    with torch.autocast("cpu", torch.bfloat16):
        out = model.train()(x)
    torch.testing.assert_close(out.float(), predicted, rtol=0.1, atol=0.1)
    gradients = torch.autograd.grad(out.float().square().sum(), list(model.parameters()), allow_unused=True)
    assert all(g is None or torch.isfinite(g).all() for g in gradients)


@rows
def test_same_seed_same_answers_and_round_trip(
    make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]
) -> None:
    one, two = build(make, shape, options, dropout=0.4), build(make, shape, options, dropout=0.4)
    x = batch(shape)
    torch.manual_seed(0)
    first = one(x)
    torch.manual_seed(0)
    assert torch.equal(first, two(x))
    torch.manual_seed(1)
    assert not torch.equal(first, two(x))
    with torch.no_grad():
        for parameter in two.parameters():
            parameter.zero_()
    two.load_state_dict(one.state_dict())
    assert torch.equal(one.eval()(x), two.eval()(x))


@rows
@pytest.mark.parametrize("name", ["he-normal", "orthogonal", "glorot-uniform"])
def test_initialisation_by_name(make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any], name: str) -> None:
    assert torch.isfinite(build(make, shape, options, initialisation=name)(batch(shape))).all()


@rows
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"dropout": 1.5}, "from 0 to less than 1"),
        ({"initialisation": "he_normal"}, "did you mean 'he-normal'"),
    ],
)
def test_bad_options_are_named(
    make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any], option: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        make(shape, **{**options, **option})


@pytest.mark.parametrize("make", [EmbeddingBag, TextCNN, Recurrent, AttentionRecurrent, Transformer, BiLSTMTagger])
def test_bad_shapes_are_named(make: Callable[..., nn.Module]) -> None:
    with pytest.raises(UserError, match="Expected: texts"):
        make((1, 28, 28))
    with pytest.raises(UserError, match="Expected: texts"):
        make(Nodes(30))
    with pytest.raises(UserError, match="reserved"):
        make(Ids(2))


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (EmbeddingBag, {"embedding": 0}, "embedding=0"),
        (EmbeddingBag, {"hidden": -1}, "hidden=-1"),
        (EmbeddingBag, {"hidden": 4, "activation": "rellu"}, "did you mean 'relu'"),
        (EmbeddingBag, {"activation": "rellu"}, "did you mean 'relu'"),
        (TextCNN, {"widths": 3}, "widths=\\(3, 4, 5\\)"),
        (TextCNN, {"widths": ()}, "at least one size"),
        (TextCNN, {"widths": (3, 0)}, "each above 0"),
        (TextCNN, {"filters": 1.5}, "filters=1.5"),
        (TextCNN, {"activation": "rellu"}, "did you mean 'relu'"),
        (Recurrent, {"cell": "lsmt"}, "did you mean 'lstm'"),
        (Recurrent, {"pool": "men"}, "did you mean 'mean'"),
        (Recurrent, {"layers": 0}, "layers=0"),
        (Recurrent, {"cell": "lstm", "activation": "relu"}, "leave it out"),
        (Recurrent, {"cell": "rnn", "activation": "gelu"}, "relu or tanh"),
        (AttentionRecurrent, {"attention": 0}, "attention=0"),
        (AttentionRecurrent, {"cell": "gruu"}, "did you mean 'gru'"),
        (Transformer, {"width": 10, "heads": 4}, "heads that divide the width"),
        (Transformer, {"width": 12, "heads": 4, "positions": "rotary"}, "even"),
        (Transformer, {"width": 9, "heads": 3}, "even"),
        (Transformer, {"positions": "sinus"}, "did you mean 'sinusoidal'"),
        (Transformer, {"pool": "max"}, "one of mean, start"),
        (Transformer, {"feedforward": -1}, "feedforward=-1"),
        (Transformer, {"activation": "gellu"}, "did you mean 'gelu'"),
        (BiLSTMTagger, {"characters_by": "ccn"}, "did you mean 'cnn'"),
        (BiLSTMTagger, {"word_dropout": 1.0}, "word_dropout is 1.0"),
        (BiLSTMTagger, {"character_features": 0}, "character_features=0"),
    ],
)
def test_bad_options_of_one_model(make: Callable[..., nn.Module], options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make(SPELT, **options)


def test_more_positions_than_were_learnt() -> None:
    model = Transformer(WORDS, width=8, positions="learned", longest=11)
    model(batch(WORDS)[:, :11])
    with pytest.raises(UserError, match="longest=12"):
        model(batch(WORDS))


def test_the_mean_of_a_bag_by_hand() -> None:
    model = EmbeddingBag(WORDS, embedding=4).eval()
    out = model(torch.tensor([[5, 7, 7, 0]]))
    near(out[0], (model.embedding.weight[5] + 2 * model.embedding.weight[7]) / 3)


def test_padding_does_not_win_the_maximum() -> None:
    """All answers on real words are below those on zeros: a filter of -1 over positive vectors."""
    model: Any = TextCNN(WORDS, embedding=4, widths=(2,), filters=1, activation="identity", dropout=0.0)
    with torch.no_grad():
        model.embedding.weight[RESERVED:] = 1.0
        model.convolutions[0].weight.fill_(-1.0)
        model.convolutions[0].bias.zero_()
    near(model(torch.tensor([[4, 5, 6, 0, 0, 0], [4, 0, 0, 0, 0, 0]])), torch.tensor([[-8.0], [-4.0]]))


def test_the_last_state_is_that_of_the_last_word() -> None:
    """Beside nn.LSTM on each text alone, without padding; the backward direction's is the one at the first word."""
    model = build(Recurrent, WORDS, {**SMALL, "pool": "last"})
    reference = nn.LSTM(8, 6, bidirectional=True)
    mine = {**model.recurrence.forwards[0].state_dict()}
    mine |= {f"{k}_reverse": v for k, v in model.recurrence.backwards[0].state_dict().items()}
    reference.load_state_dict(mine)
    x = batch(WORDS)
    for row, length in enumerate((9, 1, 2, 12, 5)):
        _, (state, _) = reference(model.embedding(x[row, :length])[:, None])
        near(model(x)[row], state.flatten())


def test_stacked_states_are_those_of_packed_sequences() -> None:
    model = build(Recurrent, WORDS, {**SMALL, "per_position": True, "layers": 2})
    reference = nn.LSTM(8, 6, num_layers=2, bidirectional=True)
    names: dict[str, Tensor] = {}
    for direction, layers in (("", model.recurrence.forwards), ("_reverse", model.recurrence.backwards)):
        for number, layer in enumerate(layers):
            names |= {k.replace("_l0", f"_l{number}{direction}"): v for k, v in layer.state_dict().items()}
    reference.load_state_dict(names)
    x, lengths = batch(WORDS), torch.tensor([9, 1, 2, 12, 5])
    packed = nn.utils.rnn.pack_padded_sequence(model.embedding(x.t()), lengths, enforce_sorted=False)
    wanted, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    near(model(x), wanted)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_attention_weights_can_be_read(cell: str) -> None:
    model = build(AttentionRecurrent, WORDS, {**SMALL, "attention": 7, "cell": cell}, dropout=0.5)
    x = batch(WORDS)
    x[1] = PADDING
    weights = model.attention_weights(x)
    assert weights.shape == x.shape and not weights.requires_grad and model.training
    assert not weights[x == PADDING].any()
    near(weights.sum(1), torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0]))
    model.eval()
    states = model.recurrence(model.embedding(x.t()), (x != PADDING).sum(1))
    near(model(x), (weights.t()[..., None] * states).sum(0))
    assert not model(x)[1].any()


def test_a_fresh_lstm_remembers() -> None:
    """The forget gate's bias is 1 in all (Jozefowicz 2015), also after another initialisation."""
    for name in ("default", "orthogonal"):
        layer = build(Recurrent, WORDS, SMALL, initialisation=name).recurrence.forwards[0]
        near((layer.bias_ih_l0 + layer.bias_hh_l0)[6:12], torch.ones(6))


def test_dropped_words_become_unknown_in_training_alone() -> None:
    model = build(BiLSTMTagger, SPELT, {**SMALL, "word_dropout": 0.9})
    x = batch(SPELT)
    torch.manual_seed(0)
    ids = x[..., 0]
    hidden = model._hidden(ids)
    changed = hidden != ids
    assert 0.7 < float(changed[ids >= RESERVED].float().mean()) < 1
    assert (hidden[changed] == UNKNOWN).all() and torch.equal(hidden == PADDING, ids == PADDING)
    assert torch.equal(model.eval()._hidden(ids), ids)


def test_the_same_word_may_be_spelt_in_two_ways() -> None:
    """Two unknown words share an id and not their characters."""
    model = build(BiLSTMTagger, SPELT, SMALL).eval()
    x = batch(SPELT, (2, 2))
    x[:, :, 0] = UNKNOWN
    x[1] = x[0]
    x[1, 0, 1:] = torch.tensor([9, 8, 7, 6, 5, 4])
    assert not torch.allclose(model(x)[0, 0], model(x)[1, 0])


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
def test_positions_make_order_count(positions: str) -> None:
    model = build(Transformer, WORDS, {"width": 8, "positions": positions}).eval()
    bag = build(Transformer, WORDS, {"width": 8, "positions": "none"}).eval()
    x = torch.tensor([[4, 5, 6, 7]])
    assert not torch.allclose(model(x), model(x.flip(1)), atol=1e-4)
    near(bag(x), bag(x.flip(1)))


@rows
def test_a_short_training_lowers_the_loss(make: Callable[..., nn.Module], shape: Ids, options: dict[str, Any]) -> None:
    body = build(make, shape, options)
    net = nn.Sequential(body, nn.Linear(body.features, 3))
    x = batch(shape, (4, 6, 5, 3, 6, 2))
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    parameters = list(net.parameters())
    losses = []
    for _ in range(15):
        scores = net(x)
        scores = scores[:, 0] if scores.dim() == 3 else scores
        loss = nn.functional.cross_entropy(scores, y)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        with torch.no_grad():
            for p, g in zip(parameters, gradients, strict=True):
                if g is not None:
                    p.sub_(g, alpha=0.3)
    assert min(losses[-3:]) < losses[0]
