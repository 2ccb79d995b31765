"""Right networks whose answer is not one row of scores: several heads, products, pixels, distributions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from programs import parts
from programs.part import parted, tensor
from programs.program import Data
from programs.tables import columns_of
from torch import Tensor, nn


def ratings(seed: int) -> Data:
    """Who rated what, and how, around 3.6: int64 [n, 2] -> float32 [n]."""
    taste, kinds = (np.random.default_rng(s).normal(size=(n, 4)) for s, n in ((21, 60), (22, 40)))
    rng = np.random.default_rng(seed + 320)
    who, what = rng.integers(0, 60, 4000), rng.integers(0, 40, 4000)
    y = 3.6 + 0.5 * (taste[who] * kinds[what]).sum(1) + 0.15 * rng.normal(size=4000)
    return parted(torch.from_numpy(np.stack([who, what], 1)), tensor(y), 2600, 500)


def linear(seed: int) -> Data:
    """A table in which the columns add up."""
    z, x = columns_of(seed + 30, 2000)
    y = z @ np.arange(-5, 5) + 2 * np.random.default_rng(seed + 322).normal(size=2000)
    return parted(tensor(x), tensor(y)[:, None], 1200, 300)


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


def digit_and_ink(data: Data) -> Data:
    """Targets float32 [n, 2]: the digit and how much ink there is."""
    made = parts.pictures(data)

    def both(x: Tensor, y: Tensor) -> Tensor:
        return torch.stack([y.float(), x.flatten(1).mean(1)], 1)

    return replace(
        made, y=both(made.x, made.y), y_val=both(made.x_val, made.y_val), y_test=both(made.x_test, made.y_test)
    )


def both(found: Any, y: Tensor) -> Tensor:
    digit, ink = found.values() if isinstance(found, dict) else found
    return F.cross_entropy(digit, y[:, 0].long()) + F.mse_loss(ink[:, 0], y[:, 1])


def digit(model: nn.Module, x: Tensor, y: Tensor) -> float:
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


def elbo(found: Any, y: Tensor) -> Tensor:
    picture, mean, log_variance = found
    apart = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
    return F.binary_cross_entropy_with_logits(picture, y, reduction="sum") / len(y) + apart


def redrawn(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(1 - (model(x)[0].sigmoid() - y).square().mean() / y.var())


def masks(seed: int) -> Data:
    """Pictures with a disc, and which pixels it covers: float32 [n, 1, 16, 16] -> int64 [n, 16, 16]."""
    rng = np.random.default_rng(seed + 321)
    grid = np.arange(16)
    middle, size = rng.uniform(4, 12, (700, 2)), rng.uniform(2, 5, 700)
    far = (grid[None, :, None] - middle[:, :1, None]) ** 2 + (grid[None, None, :] - middle[:, 1:, None]) ** 2
    y = (far < (size**2)[:, None, None]).astype(np.int64)
    x = 1.5 * y + rng.normal(size=y.shape) - 0.3
    return parted(tensor(x)[:, None], torch.from_numpy(y), 400, 100)


def pixels(_data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 2, 1)
    )
