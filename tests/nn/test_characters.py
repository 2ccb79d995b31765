"""Words from their characters: the short cuts give what the long ways give."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from deepwell.core.shapes import PADDING
from deepwell.nn.characters import CharacterCNN, CharacterLSTM, distinct_rows
from deepwell.nn.masked import masked_max

IDS = torch.tensor([[4, 5, 6, 7], [9, 0, 0, 0], [4, 4, 0, 0], [0, 0, 0, 0], [8, 7, 6, 0]])


def test_looking_up_is_convolving() -> None:
    torch.manual_seed(0)
    layer = CharacterCNN(12, embedding=5, features=6)
    layer.bias.data.normal_()
    columns = layer.embedding(IDS).transpose(1, 2)
    convolved = F.conv1d(columns, layer.filters.weight, layer.bias, padding=1).transpose(1, 2)
    wanted, found = masked_max(convolved, IDS != PADDING, 1), layer(IDS)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    weights = torch.randn(found.shape)
    for one, two in zip(
        torch.autograd.grad((found * weights).sum(), list(layer.parameters())),
        torch.autograd.grad((wanted * weights).sum(), list(layer.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [CharacterCNN, CharacterLSTM])
def test_padding_and_words_without_characters(make: type[CharacterCNN] | type[CharacterLSTM]) -> None:
    torch.manual_seed(0)
    layer = make(12, embedding=5, features=6)
    out = layer(IDS)
    assert out.shape == (5, layer.features) and not out[3].any()
    wider = layer(F.pad(IDS, (0, 7)))
    torch.testing.assert_close(wider, out, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(layer(IDS[1:2, :1]), out[1:2], rtol=1e-5, atol=1e-6)
    assert not layer(IDS[3:4]).any()
    gradient = torch.autograd.grad(out.sum(), layer.embedding.weight)[0]
    assert not gradient[PADDING].any() and torch.isfinite(gradient).all()


def test_distinct_rows() -> None:
    torch.manual_seed(0)
    rows = torch.randint(0, 2, (50, 4))
    found, places = distinct_rows(rows)
    assert torch.equal(found[places], rows)
    assert len(found) == len(torch.unique(rows, dim=0))


def test_rows_whose_sums_agree_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deepwell.nn.characters.mix", lambda *parts: 1)  # now [1, 2] and [2, 1] have one sum
    rows = torch.tensor([[1, 2], [2, 1], [1, 2]])
    found, places = distinct_rows(rows)
    assert torch.equal(found[places], rows)
