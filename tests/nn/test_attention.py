"""Attention and the encoder's layer beside PyTorch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.nn.attention import SelfAttention, padding_bias
from deepwell.nn.encoder_layer import EncoderLayer
from deepwell.nn.positions import Angles, Sinusoids, rotated

WIDTH, HEADS, LENGTH = 12, 3, 7
MASK = torch.arange(LENGTH) < torch.tensor([7, 4, 1])[:, None]


def near(found: Tensor, wanted: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_beside_scaled_dot_product_attention(masked: bool) -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(WIDTH, HEADS), torch.randn(3, LENGTH, WIDTH)
    queries, keys, values = (
        part.view(3, LENGTH, HEADS, -1).transpose(1, 2) for part in layer.project(x).chunk(3, dim=2)
    )
    given = MASK[:, None, None].expand(-1, HEADS, LENGTH, -1) if masked else None
    mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=given)
    wanted = layer.join(mixed.transpose(1, 2).flatten(2))
    near(layer(x, padding_bias(MASK, HEADS) if masked else None), wanted)


def test_padding_alone_gives_no_nan() -> None:
    layer, x = SelfAttention(WIDTH, HEADS), torch.randn(2, LENGTH, WIDTH, requires_grad=True)
    out = layer(x, padding_bias(torch.zeros(2, LENGTH, dtype=torch.bool), HEADS))
    assert torch.isfinite(out).all()
    assert torch.isfinite(torch.autograd.grad(out.square().sum(), x)[0]).all()


@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("masked", [False, True])
def test_encoder_layer_beside_pytorch(activation: str, masked: bool) -> None:
    torch.manual_seed(0)
    mine = EncoderLayer(WIDTH, HEADS, feedforward=20, activation=activation, dropout=0.3).eval()
    theirs = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 20, 0.3, activation=activation, batch_first=True, norm_first=True
    ).eval()
    pairs = (
        (theirs.self_attn.out_proj, mine.attention.join), (theirs.linear1, mine.widen), (theirs.linear2, mine.narrow),
        (theirs.norm1, mine.attention_norm), (theirs.norm2, mine.inner_norm),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in mine.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)  # norms and biases too are no zeros and ones then
        for there, here in pairs:
            there.load_state_dict(here.state_dict())
        theirs.self_attn.in_proj_weight.copy_(mine.attention.project.weight)
        theirs.self_attn.in_proj_bias.copy_(mine.attention.project.bias)
    x = torch.randn(3, LENGTH, WIDTH, requires_grad=True)
    wanted = theirs(x, src_key_padding_mask=~MASK if masked else None)
    found = mine(x, padding_bias(MASK, HEADS) if masked else None)
    real = MASK if masked else torch.ones_like(MASK)
    near(found[real], wanted[real])
    weights = torch.randn_like(found) * real[..., None]
    near(torch.autograd.grad((found * weights).sum(), x)[0], torch.autograd.grad((wanted * weights).sum(), x)[0])


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    layer, x = EncoderLayer(WIDTH, HEADS, feedforward=20, dropout=0.5), torch.randn(3, LENGTH, WIDTH)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


def test_sinusoids_by_the_formula() -> None:
    table = Sinusoids(6)
    table(3)  # grows from here on
    for t in (0, 1, 99):
        for i in range(3):
            angle = torch.tensor(t / 10_000 ** (2 * i / 6), dtype=torch.float64)
            near(table(100)[t, 2 * i].double(), angle.sin())
            near(table(100)[t, 2 * i + 1].double(), angle.cos())
    assert not table.state_dict()


def test_rotation_tells_distance_alone() -> None:
    """The product of a query at s and a key at t is that of s + 5 and t + 5; at equal places nothing changes."""
    torch.manual_seed(0)
    q, k = torch.randn(8), torch.randn(8)
    angles = Angles(8)(40)
    turned_q, turned_k = rotated(q.expand(40, 8), angles), rotated(k.expand(40, 8), angles)
    products = turned_q @ turned_k.t()
    near(products[:-5, :-5], products[5:, 5:])
    near(products.diagonal(), (q @ k).expand(40))
    assert not torch.allclose(products[0, 1], products[0, 2], atol=1e-3)


def test_heads_must_divide() -> None:
    with pytest.raises(UserError, match="width=9"):
        SelfAttention(10, 3)
