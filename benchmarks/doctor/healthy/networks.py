"""Right programs whose network is not the usual one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from programs import PROGRAMS, parts
from programs.plain import _mlp, _pretrained
from programs.program import Data, Program
from programs.world import _columns, _tensor, parted

DENSE, REGRESSION = PROGRAMS["dense"], PROGRAMS["regression"]


def _odd(base: Program, name: str, **changes: Any) -> Program:
    return replace(base, name=name, kind="odd", **changes)


def _with(activation: type[nn.Module], width: int = 64) -> Any:
    def model(_data: Data) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, 10)
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


def _ratings(seed: int) -> Data:
    """Who rated what, and how, around 3.6: int64 [n, 2] -> float32 [n]."""
    taste, kinds = (np.random.default_rng(s).normal(size=(n, 4)) for s, n in ((21, 60), (22, 40)))
    rng = np.random.default_rng(seed + 320)
    who, what = rng.integers(0, 60, 4000), rng.integers(0, 40, 4000)
    y = 3.6 + 0.5 * (taste[who] * kinds[what]).sum(1) + 0.15 * rng.normal(size=4000)
    return parted(torch.from_numpy(np.stack([who, what], 1)), _tensor(y), 2600, 500)


def _linear(seed: int) -> Data:
    """A table in which the columns add up."""
    z, x = _columns(seed + 30, 2000)
    y = z @ np.arange(-5, 5) + 2 * np.random.default_rng(seed + 322).normal(size=2000)
    return parted(_tensor(x), _tensor(y)[:, None], 1200, 300)


class Factors(nn.Module):
    """Matrix factorisation: a product of two linear maps without anything between them, as it is meant."""

    def __init__(self) -> None:
        super().__init__()
        self.who, self.what = nn.Embedding(60, 6), nn.Embedding(40, 6)
        self.mean = nn.Parameter(torch.tensor(3.6))
        for table in (self.who, self.what):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, x: Tensor) -> Tensor:
        return (self.who(x[:, 0]) * self.what(x[:, 1])).sum(1) + self.mean


class Heads(nn.Module):
    """One body, two answers: a class and a quantity, as a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.digit, self.ink = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body(x)
        return self.digit(body), self.ink(body)


class Named(nn.Module):
    """The same as a mapping."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = Heads()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        digit, ink = self.heads(x)
        return {"digit": digit, "ink": ink}


def _digit_and_ink(data: Data) -> Data:
    """Targets float32 [n, 2]: the digit and how much ink there is."""
    made = parts.pictures(data)

    def both(x: Tensor, y: Tensor) -> Tensor:
        return torch.stack([y.float(), x.flatten(1).mean(1)], 1)

    return replace(made, y=both(made.x, made.y), y_val=both(made.x_val, made.y_val), y_test=both(made.x_test, made.y_test))


def _both(found: Any, y: Tensor) -> Tensor:
    digit, ink = found.values() if isinstance(found, dict) else found
    return F.cross_entropy(digit, y[:, 0].long()) + F.mse_loss(ink[:, 0], y[:, 1])


def _digit(model: nn.Module, x: Tensor, y: Tensor) -> float:
    found = model(x)
    digit = found["digit"] if isinstance(found, dict) else found[0]
    return float((digit.argmax(1) == y[:, 0]).float().mean())


class Variational(nn.Module):
    """Kingma and Welling 2013: picture, mean and log variance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        return self.decoder(mean + noise * (0.5 * log_variance).exp()), mean, log_variance


def _elbo(found: Any, y: Tensor) -> Tensor:
    picture, mean, log_variance = found
    apart = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
    return F.binary_cross_entropy_with_logits(picture, y, reduction="sum") / len(y) + apart


def _redrawn(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(1 - (model(x)[0].sigmoid() - y).square().mean() / y.var())


def _masks(seed: int) -> Data:
    """Pictures with a disc, and which pixels it covers: float32 [n, 1, 16, 16] -> int64 [n, 16, 16]."""
    rng = np.random.default_rng(seed + 321)
    grid = np.arange(16)
    middle, size = rng.uniform(4, 12, (700, 2)), rng.uniform(2, 5, 700)
    far = (grid[None, :, None] - middle[:, :1, None]) ** 2 + (grid[None, None, :] - middle[:, 1:, None]) ** 2
    y = (far < (size**2)[:, None, None]).astype(np.int64)
    x = 1.5 * y + rng.normal(size=y.shape) - 0.3
    return parted(_tensor(x)[:, None], torch.from_numpy(y), 400, 100)


def _pixels(_data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 2, 1)
    )


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
        _odd(DENSE, name, model=_with(kind))
        for name, kind in (("elu", nn.ELU), ("gelu", nn.GELU), ("tanh", nn.Tanh), ("selu", nn.SELU), ("silu", nn.SiLU))
    ],
    _odd(DENSE, "one sigmoid layer", learning_rate=1e-2,
         model=lambda d: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Sigmoid(), nn.Linear(64, 10))),
    _odd(DENSE, "logistic regression", model=lambda d: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
         learning_rate=1e-2),
    _odd(DENSE, "no bias", model=_no_bias),
    _odd(PROGRAMS["cnn-norm"], "group normalisation", model=_grouped),
    _odd(DENSE, "layer normalisation", model=_layer_normalised),
    _odd(PROGRAMS["autoencoder"], "tied autoencoder", model=lambda d: Tied()),
    _odd(PROGRAMS["letters"], "tied embedding", model=_tied_letters),
    _odd(DENSE, "gradient checkpointing", model=lambda d: Checkpointed()),
    _odd(DENSE, "stochastic depth from zero gates", model=lambda d: Deep(), learning_rate=3e-3),
    _odd(DENSE, "dropout of a half", learning_rate=3e-3, model=lambda d: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))),
    _odd(PROGRAMS["lstm"], "packed sequences", model=lambda d: Packed(d.facts["vocabulary"])),
    _odd(DENSE, "whole numbers in", prepare=lambda d: d, model=lambda d: FromBytes()),
    _odd(REGRESSION, "matrix factorisation", data=_ratings, prepare=lambda d: d, model=lambda d: Factors(),
         learning_rate=2e-2, epochs=4, batch_size=40),
    _odd(REGRESSION, "linear regression", data=_linear, model=lambda d: nn.Linear(10, 1), learning_rate=2e-2),
    _odd(DENSE, "two heads as a tuple", task="heads", prepare=_digit_and_ink, model=lambda d: Heads(), loss=_both,
         score=_digit),
    _odd(DENSE, "two heads as a mapping", task="heads", prepare=_digit_and_ink, model=lambda d: Named(), loss=_both,
         score=_digit),
    _odd(PROGRAMS["autoencoder"], "variational autoencoder", model=lambda d: Variational(), loss=_elbo,
         score=_redrawn, learning_rate=3e-3),
    _odd(DENSE, "classes of pixels", task="pixels", data=_masks, prepare=lambda d: d, model=_pixels, epochs=8,
         learning_rate=1e-2, batch_size=16),
    _odd(DENSE, "random features", model=_random_features, learning_rate=5e-3),
    _odd(PROGRAMS["transfer"], "frozen normalisation", model=lambda d: FrozenNorm(), learning_rate=1e-2),
    _odd(DENSE, "weight normalisation", model=_weight_normalised, learning_rate=3e-3),
    _odd(DENSE, "a head that begins at zero", model=_zero_head),
    _odd(REGRESSION, "double precision", prepare=_doubled, model=lambda d: _mlp(10, 1).double()),
    _odd(PROGRAMS["bag"], "a mean of word vectors", model=lambda d: nn.Sequential(
        nn.EmbeddingBag(d.facts["vocabulary"], 6, padding_idx=0)), learning_rate=3e-2),
]  # fmt: skip
