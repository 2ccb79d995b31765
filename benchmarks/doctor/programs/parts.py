"""What the programs share: how raw data is made ready, what answers are worth, and a few small networks."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from programs.program import Data

# ---- raw data made ready: what is learnt, is learnt on the training part


def pictures(data: Data) -> Data:
    """uint8 pictures, standardised over the training part."""
    values = data.x.float()
    axes = [0, *range(values.dim() - 2, values.dim())]
    mean, std = values.mean(axes, keepdim=True)[0], values.std(axes, keepdim=True)[0]
    return with_inputs(data, lambda x: (x.float() - mean) / std)


def unit_pictures(data: Data) -> Data:
    """uint8 pictures as 0 to 1."""
    return with_inputs(data, lambda x: x.float() / 255)


def columns(data: Data) -> Data:
    """Columns of a table, each standardised over the training part."""
    mean, std = data.x.mean(0), data.x.std(0)
    return with_inputs(data, lambda x: (x - mean) / std)


def columns_and_target(data: Data) -> Data:
    """The same, and the target too: the score does not depend on its scale."""
    mean, std = data.y.mean(), data.y.std()
    data = columns(data)
    return replace(data, y=(data.y - mean) / std, y_val=(data.y_val - mean) / std, y_test=(data.y_test - mean) / std)


def level(data: Data) -> Data:
    """One scale for a series and for what comes next."""
    mean, std = data.x.mean(), data.x.std()
    data = with_inputs(data, lambda x: (x - mean) / std)
    return replace(data, y=(data.y - mean) / std, y_val=(data.y_val - mean) / std, y_test=(data.y_test - mean) / std)


def with_inputs(data: Data, change) -> Data:
    """The same change to the inputs of all three parts."""
    return replace(data, x=change(data.x), x_val=change(data.x_val), x_test=change(data.x_test))


# ---- what answers are worth, higher is better


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((model(x).argmax(1) == y).float().mean())


def balanced_accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    found = model(x).argmax(1)
    return float(torch.stack([(found[y == c] == c).float().mean() for c in y.unique()]).mean())


def yes_or_no(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of answers on the right side: of logits above and below 0."""
    return float(((model(x) > 0) == (y > 0.5)).float().mean())


def r2(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Squared correlation with a sign: what is explained if target and answer may be scaled freely."""
    answers = model(x).reshape(-1)
    y = y.reshape(-1)
    error = (answers - y).square().mean()
    return max(-1.0, float(1 - error / y.var()))


def reconstruction(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return max(-1.0, float(1 - (model(x) - y).square().mean() / y.var()))


def next_letter(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right guesses of the last letter of pieces whose later letters are not there yet."""
    middle = x.shape[1] // 2
    found = model(x[:, :middle])[:, -1].argmax(1)
    return float((found == y[:, middle - 1]).float().mean())


def same_pair(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of pairs on the right side of half the margin."""
    return float(((model(x) < 0.5) == (y > 0.5)).float().mean())


# ---- losses that PyTorch does not have ready


def contrastive(distance: Tensor, same: Tensor) -> Tensor:
    """Hadsell, Chopra, LeCun 2006: pull the same together, push others beyond a margin of 1."""
    return (same * distance.square() + (1 - same) * F.relu(1 - distance).square()).mean()


def every_letter(scores: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy over all positions of scores [n, t, c]."""
    return F.cross_entropy(scores.flatten(0, 1), y.flatten())


# ---- small networks


class Residual(nn.Module):
    """relu(x + f(x)), f two normalised convolutions; a stride halves the picture."""

    def __init__(self, inner: int, outer: int, stride: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(),
            nn.Conv2d(outer, outer, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outer),
        )
        straight = inner == outer and stride == 1
        self.shortcut = nn.Identity() if straight else nn.Conv2d(inner, outer, 1, stride, bias=False)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.shortcut(x) + self.branch(x))


class Reader(nn.Module):
    """A recurrent network over ids or values; the state after the last real position is the answer's ground."""

    def __init__(self, cell: str, width: int, outputs: int, *, vocabulary: int = 0, features: int = 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 24, padding_idx=0) if vocabulary else None
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.rnn = kind(24 if vocabulary else features, width, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.embedding is None:
            return self.head(self.rnn(x)[0][:, -1])
        last = (x != 0).sum(1).clamp(min=1) - 1
        states, _ = self.rnn(self.embedding(x))
        return self.head(states[torch.arange(len(x)), last])


class Encoder(nn.Module):
    """A Transformer's encoder over ids, 0 fills up; the mean over real positions is the answer's ground."""

    def __init__(self, vocabulary: int, outputs: int, length: int, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)
        self.mask_padding = True

    def forward(self, x: Tensor) -> Tensor:
        padding = x == 0
        states = self.embedding(x) + self.positions[: x.shape[1]]
        if not self.mask_padding:
            return self.head(self.encoder(states).mean(1))
        states = self.encoder(states, src_key_padding_mask=padding)
        real = (~padding)[:, :, None]
        return self.head((states * real).sum(1) / real.sum(1).clamp(min=1))


class Bag(nn.Module):
    """The mean of the words' vectors, without the padding."""

    def __init__(self, vocabulary: int, outputs: int, width: int = 32) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(vocabulary, width, padding_idx=0, mode="mean")
        self.head = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.bag(x))


class LanguageModel(nn.Module):
    """A causal Transformer over letters: scores of the next one at every position."""

    def __init__(self, alphabet: int, width: int = 32, longest: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(alphabet, width)
        self.positions = nn.Parameter(torch.randn(longest, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, alphabet)
        self.causal = True

    def forward(self, x: Tensor) -> Tensor:
        states = self.embedding(x) + self.positions[: x.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        return self.head(self.encoder(states, mask=mask))


class Siamese(nn.Module):
    """The distance of two pictures [n, 2, 1, 8, 8] in a space of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.body(x[:, 0]), self.body(x[:, 1])
        return (first - second).square().sum(1).add(1e-6).sqrt()


class Transfer(nn.Module):
    """A frozen body that was trained on other classes, and a head that learns."""

    def __init__(self, body: nn.Module, features: int, outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, outputs)
        for parameter in self.body.parameters():
            parameter.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))
