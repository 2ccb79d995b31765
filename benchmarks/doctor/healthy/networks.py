"""Right programs whose network is not the usual one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from programs import PROGRAMS, parts
from programs.plain import _mlp, _pretrained
from programs.program import Data, Program
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from healthy.answers import (
    Factors,
    Heads,
    Named,
    Variational,
    both,
    digit,
    digit_and_ink,
    elbo,
    linear,
    masks,
    pixels,
    ratings,
    redrawn,
)

DENSE, REGRESSION = PROGRAMS["dense"], PROGRAMS["regression"]


def odd(base: Program, name: str, **changes: Any) -> Program:
    return replace(base, name=name, kind="odd", **changes)


def _with(activation: type[nn.Module], width: int = 64) -> Any:
    def model(_data: Data) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, width),
            activation(),
            nn.Linear(width, width),
            activation(),
            nn.Linear(width, 10),
        )

    return model


def _no_bias(_data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64, bias=False), nn.ReLU(), nn.Linear(64, 64, bias=False), nn.ReLU(),
        nn.Linear(64, 10, bias=False),
    )  # fmt: skip


def _grouped(_data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1), nn.GroupNorm(4, 24), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(96, 4),
    )  # fmt: skip


def _layer_normalised(_data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(),
        nn.Linear(64, 10),
    )  # fmt: skip


class Tied(nn.Module):
    """An autoencoder whose decoder is the encoder turned round."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(64, 20)
        self.bias = nn.Parameter(torch.zeros(64))

    def forward(self, x: Tensor) -> Tensor:
        code = torch.relu(self.encoder(x.flatten(1)))
        return F.linear(code, self.encoder.weight.t(), self.bias).reshape(x.shape)


def _tied_letters(data: Data) -> nn.Module:
    model = parts.LanguageModel(data.facts["vocabulary"])
    with torch.no_grad():
        model.embedding.weight.mul_(0.3)
    model.head.weight = model.embedding.weight
    return model


class Checkpointed(nn.Module):
    """Activations are computed again in the backward pass (Chen 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(self.second, self.first(x), use_reentrant=False)
        return self.head(x)


class Deep(nn.Module):
    """Residual blocks that are left out at random while training (Huang 2016), with gates that begin at zero."""

    def __init__(self, drop: float = 0.2) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(64, 48))
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 48)) for _ in range(4))
        self.gates = nn.Parameter(torch.zeros(4))
        self.head = nn.Linear(48, 10)
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block, gate in zip(self.blocks, self.gates, strict=True):
            if not (self.training and float(torch.rand(())) < self.drop):
                x = x + gate * block(x)
        return self.head(torch.relu(x))


class Packed(nn.Module):
    """An LSTM that is given packed sequences."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 24, padding_idx=0)
        self.rnn = nn.LSTM(24, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        lengths = (x != 0).sum(1).clamp(min=1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        _, (last, _) = self.rnn(packed)
        return self.head(torch.cat([last[0], last[1]], 1))


class FromBytes(nn.Module):
    """Whole numbers go in; the first line of forward makes quantities of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), *_mlp(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.float() / 127.5 - 1)


def _random_features(_data: Data) -> nn.Module:
    """Rahimi and Recht 2007: a wide layer that is never trained, and a linear one that is."""
    model = parts.Transfer(nn.Sequential(nn.Flatten(), nn.Linear(64, 400), nn.Tanh()), 400, 10)
    nn.init.normal_(model.body[1].weight, std=0.1)
    return model


class FrozenNorm(nn.Module):
    """A frozen body with batch normalisation that stays in evaluation mode, as it should."""

    def __init__(self) -> None:
        super().__init__()
        first = nn.Conv2d(1, 16, 3, padding=1)
        known = _pretrained()
        first.load_state_dict({"weight": known["0.weight"], "bias": known["0.bias"]})
        self.body = nn.Sequential(first, nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.body.requires_grad_(False)
        self.head = nn.Linear(256, 5)

    def train(self, mode: bool = True) -> FrozenNorm:
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def _weight_normalised(_data: Data) -> nn.Module:
    norm = nn.utils.parametrizations.weight_norm
    return nn.Sequential(nn.Flatten(), norm(nn.Linear(64, 64)), nn.ReLU(), norm(nn.Linear(64, 10)))


def _zero_head(data: Data) -> nn.Module:
    """The last layer begins at zero: the first scores are all alike, and that is meant."""
    model = DENSE.model(data)
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    return model


def _doubled(data: Data) -> Data:
    made = parts.columns_and_target(data)
    return Data(*(part.double() for part in (made.x, made.y, made.x_val, made.y_val, made.x_test, made.y_test)), {})


NETWORKS = [
    *[
        odd(DENSE, name, model=_with(kind))
        for name, kind in (("elu", nn.ELU), ("gelu", nn.GELU), ("tanh", nn.Tanh), ("selu", nn.SELU), ("silu", nn.SiLU))
    ],
    odd(DENSE, "one sigmoid layer", learning_rate=1e-2,
         model=lambda d: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Sigmoid(), nn.Linear(64, 10))),
    odd(DENSE, "logistic regression", model=lambda d: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
         learning_rate=1e-2),
    odd(DENSE, "no bias", model=_no_bias),
    odd(PROGRAMS["cnn-norm"], "group normalisation", model=_grouped),
    odd(DENSE, "layer normalisation", model=_layer_normalised),
    odd(PROGRAMS["autoencoder"], "tied autoencoder", model=lambda d: Tied()),
    odd(PROGRAMS["letters"], "tied embedding", model=_tied_letters),
    odd(DENSE, "gradient checkpointing", model=lambda d: Checkpointed()),
    odd(DENSE, "stochastic depth from zero gates", model=lambda d: Deep(), learning_rate=3e-3),
    odd(DENSE, "dropout of a half", learning_rate=3e-3, model=lambda d: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))),
    odd(PROGRAMS["lstm"], "packed sequences", model=lambda d: Packed(d.facts["vocabulary"])),
    odd(DENSE, "whole numbers in", prepare=lambda d: d, model=lambda d: FromBytes()),
    odd(REGRESSION, "matrix factorisation", data=ratings, prepare=lambda d: d, model=lambda d: Factors(),
         learning_rate=2e-2, epochs=4, batch_size=40),
    odd(REGRESSION, "linear regression", data=linear, model=lambda d: nn.Linear(10, 1), learning_rate=2e-2),
    odd(DENSE, "two heads as a tuple", task="heads", prepare=digit_and_ink, model=lambda d: Heads(), loss=both,
         score=digit),
    odd(DENSE, "two heads as a mapping", task="heads", prepare=digit_and_ink, model=lambda d: Named(), loss=both,
         score=digit),
    odd(PROGRAMS["autoencoder"], "variational autoencoder", model=lambda d: Variational(), loss=elbo,
         score=redrawn, learning_rate=3e-3),
    odd(DENSE, "classes of pixels", task="pixels", data=masks, prepare=lambda d: d, model=pixels, epochs=8,
         learning_rate=1e-2, batch_size=16),
    odd(DENSE, "random features", model=_random_features, learning_rate=5e-3),
    odd(PROGRAMS["transfer"], "frozen normalisation", model=lambda d: FrozenNorm(), learning_rate=1e-2),
    odd(DENSE, "weight normalisation", model=_weight_normalised, learning_rate=3e-3),
    odd(DENSE, "a head that begins at zero", model=_zero_head),
    odd(REGRESSION, "double precision", prepare=_doubled, model=lambda d: _mlp(10, 1).double()),
    odd(PROGRAMS["bag"], "a mean of word vectors", model=lambda d: nn.Sequential(
        nn.EmbeddingBag(d.facts["vocabulary"], 6, padding_idx=0)), learning_rate=3e-2),
]  # fmt: skip
