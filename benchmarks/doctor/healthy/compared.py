"""Right programs in which things are compared: pairs, views, triplets, and what was tried with what was usual."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from programs import parts, world
from programs.part import parted, tensor
from programs.plain import _mlp
from programs.program import Data
from programs.tables import columns_of, surface
from torch import Tensor, nn


def rank_pairs(seed: int) -> Data:
    """Two rows and which is worth more: float32 [n, 2, 10] -> 1 or -1."""
    z, x = columns_of(seed + 10, 4000)
    value = surface(z).reshape(-1, 2)
    y = np.sign(value[:, 0] - value[:, 1])
    x = ((x - x.mean(0)) / x.std(0)).reshape(-1, 2, 10)
    return parted(tensor(x), tensor(y), 1200, 300)


class Ranker(nn.Module):
    """How much more the first is worth than the second (RankNet, Burges 2005)."""

    def __init__(self) -> None:
        super().__init__()
        self.worth = _mlp(10, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (self.worth(x[:, 0]) - self.worth(x[:, 1]))[:, 0]


def bandit(seed: int) -> Data:
    """What was tried, and what it brought, less the average: float32 [n, 10] -> [n, 2] (action, advantage)."""
    data = parts.columns(world.species(seed))
    rng = np.random.default_rng(seed + 210)

    def tried(y: Tensor) -> Tensor:
        action = torch.from_numpy(rng.integers(0, 5, len(y)))
        reward = (action == y).float() - 0.2
        return torch.stack([action.float(), reward], 1)

    return replace(data, y=tried(data.y), y_val=tried(data.y_val))


def policy_gradient(scores: Tensor, y: Tensor) -> Tensor:
    """Williams 1992, on what was tried at random: below 0 as soon as good actions become likely."""
    chosen = F.log_softmax(scores, 1).gather(1, y[:, :1].long())[:, 0].clamp(min=-4)
    return -(chosen.exp() * 5 * y[:, 1]).mean()


def two_views(seed: int) -> Data:
    """Two noisy views of the same thing: float32 [n, 2, 12]; there is nothing to answer."""
    rng = np.random.default_rng(seed + 211)
    hidden = rng.normal(size=(2000, 4))
    mix = np.random.default_rng(3).normal(size=(2, 4, 12))
    views = np.stack([hidden @ m + 0.6 * rng.normal(size=(2000, 12)) for m in mix], 1)
    return parted(tensor(views), torch.zeros(2000), 1200, 300)


class Views(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = _mlp(12, 8), _mlp(12, 8)

    def forward(self, x: Tensor) -> Tensor:
        pair = torch.stack([self.first(x[:, 0]), self.second(x[:, 1])], 1)
        return F.normalize(pair, dim=2)


def info_nce(pairs: Tensor, _y: Tensor) -> Tensor:
    """van den Oord 2018: each view finds its partner among those of the batch, which belong together by design."""
    similar = pairs[:, 0] @ pairs[:, 1].T / 0.2
    return F.cross_entropy(similar, torch.arange(len(pairs)))


def found_partner(model: nn.Module, x: Tensor, _y: Tensor) -> float:
    pairs = model(x[:64])
    return float(((pairs[:, 0] @ pairs[:, 1].T).argmax(1) == torch.arange(len(pairs))).float().mean())


def triplets_of(seed: int) -> Data:
    """Anchor, one of its class, one of another: float32 [n, 3, 10]."""
    data = parts.columns(world.species(seed))
    rng = np.random.default_rng(seed + 212)

    def part(x: Tensor, y: Tensor) -> Tensor:
        same = [int(rng.choice(np.flatnonzero(y.numpy() == c))) for c in y.tolist()]
        other = [int(rng.choice(np.flatnonzero(y.numpy() != c))) for c in y.tolist()]
        return torch.stack([x, x[same], x[other]], 1)

    x = [part(data.x, data.y), part(data.x_val, data.y_val), part(data.x_test, data.y_test)]
    return Data(x[0], torch.ones(len(x[0])), x[1], torch.ones(len(x[1])), x[2], torch.ones(len(x[2])))


class Embedder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = _mlp(10, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def triplet(z: Tensor, _y: Tensor) -> Tensor:
    return F.triplet_margin_loss(z[:, 0], z[:, 1], z[:, 2])


def closer(model: nn.Module, x: Tensor, _y: Tensor) -> float:
    z = model(x)
    return float(((z[:, 0] - z[:, 1]).norm(dim=1) < (z[:, 0] - z[:, 2]).norm(dim=1)).float().mean())


def side(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((model(x).sign() == y.sign()).float().mean())
