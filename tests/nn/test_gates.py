"""Recurrent cells against their formulas, written out gate by gate.

The tutorial that gives the three gates of the LSTM prints the candidate tanh(W x + W m + b) as if it were the cell
state C_t, and a product with C_{t-1} as the output m_t, in which the input and output gates do not occur at all; the
cell state is c_t = f_t * c_{t-1} + i_t * candidate_t and the output m_t = o_t * tanh(c_t), as tested here.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.nn.recurrence import Recurrence

INNER, HIDDEN, LENGTH, ROWS = 5, 4, 7, 3
FULL = torch.full((ROWS,), LENGTH)


def near(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def made(cell: str, **options: object) -> tuple[Recurrence, Tensor, dict[str, tuple[Tensor, ...]]]:
    """The layer, an input, and of each parameter the parts that belong to the gates, in PyTorch's order."""
    torch.manual_seed(0)
    layer = Recurrence(INNER, HIDDEN, cell=cell, **options)  # type: ignore[arg-type]
    x = torch.randn(LENGTH, ROWS, INNER)
    parts = {name: value.split(HIDDEN) for name, value in layer.forwards[0].named_parameters()}
    return layer, x, parts


def gate(parts: dict[str, tuple[Tensor, ...]], which: int, x: Tensor, m: Tensor) -> Tensor:
    """W_x x_t + W_m m_{t-1} + b of one gate; PyTorch keeps the bias in two summands."""
    bias = parts["bias_ih_l0"][which] + parts["bias_hh_l0"][which]
    return x @ parts["weight_ih_l0"][which].t() + m @ parts["weight_hh_l0"][which].t() + bias


def test_lstm_gates() -> None:
    layer, x, parts = made("lstm")
    m, c = torch.zeros(ROWS, HIDDEN), torch.zeros(ROWS, HIDDEN)
    wanted = []
    for now in x:
        i = torch.sigmoid(gate(parts, 0, now, m))
        f = torch.sigmoid(gate(parts, 1, now, m))
        o = torch.sigmoid(gate(parts, 3, now, m))
        candidate = torch.tanh(gate(parts, 2, now, m))
        c = f * c + i * candidate
        m = o * torch.tanh(c)
        wanted.append(m)
    near(layer(x, FULL), torch.stack(wanted))


def test_gru_gates() -> None:
    """r and z: sigmoid; n = tanh(W x + b + r * (W h + b)); h = (1 - z) * n + z * h (arXiv:1406.1078, section 2.3)."""
    layer, x, parts = made("gru")
    h = torch.zeros(ROWS, HIDDEN)
    wanted = []
    for now in x:
        r, z = torch.sigmoid(gate(parts, 0, now, h)), torch.sigmoid(gate(parts, 1, now, h))
        past = h @ parts["weight_hh_l0"][2].t() + parts["bias_hh_l0"][2]
        n = torch.tanh(now @ parts["weight_ih_l0"][2].t() + parts["bias_ih_l0"][2] + r * past)
        h = (1 - z) * n + z * h
        wanted.append(h)
    near(layer(x, FULL), torch.stack(wanted))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_formula(activation: str) -> None:
    layer, x, parts = made("rnn", activation=activation)
    h = torch.zeros(ROWS, HIDDEN)
    wanted = []
    for now in x:
        h = getattr(torch, activation)(gate(parts, 0, now, h))
        wanted.append(h)
    near(layer(x, FULL), torch.stack(wanted))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_gradients_are_those_of_finite_differences(cell: str) -> None:
    torch.manual_seed(0)
    layer = Recurrence(2, 2, cell=cell, layers=2, bidirectional=True).double()
    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 1, 3])
    real = (torch.arange(4)[:, None] < lengths)[..., None]
    assert torch.autograd.gradcheck(lambda x: layer(x, lengths) * real, (x,))
    assert torch.autograd.gradcheck(lambda x: layer.last(layer(x, lengths), lengths), (x,))


@pytest.mark.parametrize("cell", ["rnn", "gru"])
@pytest.mark.parametrize("length", [1, 2, 9])
def test_written_out_gradients_are_pytorchs(cell: str, length: int) -> None:
    torch.manual_seed(0)
    layer = Recurrence(INNER, HIDDEN, cell=cell)
    x = torch.randn(length, ROWS, INNER, requires_grad=True)
    weights = torch.randn(length, ROWS, HIDDEN)
    inputs = [x, *layer.parameters()]
    found = torch.autograd.grad((layer(x, FULL.clamp(max=length)) * weights).sum(), inputs)
    wanted = torch.autograd.grad((layer.forwards[0](x)[0] * weights).sum(), inputs)
    for one, two in zip(found, wanted, strict=True):
        near(one, two)
    with torch.no_grad():
        near(layer(x, FULL.clamp(max=length)), layer.forwards[0](x)[0])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_bfloat16_and_an_input_that_lies_otherwise_in_memory(cell: str) -> None:
    layer = Recurrence(INNER, HIDDEN, cell=cell, bidirectional=True)
    x = torch.randn(ROWS, LENGTH, INNER).transpose(0, 1)
    near(layer(x, FULL), layer(x.contiguous(), FULL))
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x, FULL)
    torch.testing.assert_close(out.float(), layer(x, FULL), rtol=0.05, atol=0.05)
    assert all(g is not None for g in torch.autograd.grad(out.float().sum(), list(layer.parameters())))


def test_turning_round_has_a_second_derivative() -> None:
    layer = Recurrence(2, 2, cell="rnn", bidirectional=True, activation="relu").double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(layer(x, torch.tensor([3, 2])).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    assert torch.isfinite(second).all() and second.any()


def test_an_empty_row_knows_nothing() -> None:
    layer = Recurrence(INNER, HIDDEN, bidirectional=True)
    lengths = torch.tensor([LENGTH, 0, 2])
    known = layer.last(layer(torch.randn(LENGTH, ROWS, INNER), lengths), lengths)
    assert not known[1].any() and known[0].all()


def test_unknown_cells_and_activations() -> None:
    with pytest.raises(UserError, match="did you mean 'gru'"):
        Recurrence(2, 2, cell="gruu")
    with pytest.raises(UserError, match="Expected: tanh"):
        Recurrence(2, 2, cell="gru", activation="relu")
    with pytest.raises(UserError, match="did you mean 'orthogonal'"):
        Recurrence(2, 2).initialise("orthogonl")
