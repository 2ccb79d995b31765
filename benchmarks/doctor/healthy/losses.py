"""Right programs whose loss is not the usual one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from operators.model import _above_half
from operators.operator import end_with
from programs import PROGRAMS, parts, world
from programs.plain import _mlp
from programs.program import Data, Program
from programs.world import _columns, _surface, _tensor, parted

DENSE, BINARY, REGRESSION = PROGRAMS["dense"], PROGRAMS["binary"], PROGRAMS["regression"]


def _ended(program: Program, *layers: nn.Module) -> Any:
    return lambda data: end_with(program.model(data), *layers)


def _targets(program: Program, change: Any) -> Any:
    """The program's data with other targets."""

    def prepare(raw: Data) -> Data:
        made = program.prepare(raw)
        return replace(made, y=change(made.y), y_val=change(made.y_val), y_test=change(made.y_test))

    return prepare


class Focal(nn.Module):
    """Lin 2017: the easy samples count less."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, scores: Tensor, y: Tensor) -> Tensor:
        log_p = F.log_softmax(scores, 1).gather(1, y[:, None])[:, 0]
        return -((1 - log_p.exp()) ** self.gamma * log_p).mean()


class LogCosh(nn.Module):
    def forward(self, found: Tensor, y: Tensor) -> Tensor:
        return torch.log(torch.cosh(found - y)).mean()


def brier(scores: Tensor, y: Tensor) -> Tensor:
    """Brier 1950: a proper score of probabilities, squared error and all."""
    return (scores.softmax(1) - F.one_hot(y, scores.shape[1])).square().sum(1).mean()


def _teacher(data: Data) -> Data:
    """Soft targets of a teacher: the truth, smoothed towards neighbours."""
    data = parts.pictures(data)

    def soft(y: Tensor) -> Tensor:
        rows = F.one_hot(y, 10).float() * 0.8
        return rows + F.one_hot((y + 3) % 10, 10) * 0.15 + 0.005

    return replace(data, y=soft(data.y), y_val=soft(data.y_val))


def _as_teacher(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return parts.accuracy(model, x, y if y.dim() == 1 else y.argmax(1))


def distillation(scores: Tensor, y: Tensor) -> Tensor:
    return F.kl_div(F.log_softmax(scores, 1), y, reduction="batchmean")


def _counts(seed: int) -> Data:
    """How often something happens: counts from 0 up, float32 [n, 1]."""
    z, x = _columns(seed + 9, 2000)
    y = np.random.default_rng(seed + 209).poisson(np.exp(0.25 * _surface(z).clip(-6, 8)))
    return parted(_tensor(x), _tensor(y)[:, None], 1200, 300)


def _explained(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Correlation of the rate's logarithm with the count's."""
    pair = torch.stack([model(x)[:, 0], torch.log1p(y[:, 0])])
    return float(torch.corrcoef(pair)[0, 1])


def pinball(found: Tensor, y: Tensor, q: float = 0.9) -> Tensor:
    return torch.maximum(q * (y - found), (q - 1) * (y - found)).mean()


def _coverage(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """1 where nine of ten lie below."""
    return 1 - abs(float((y <= model(x)).float().mean()) - 0.9)


def hinge(scores: Tensor, y: Tensor) -> Tensor:
    """For labels of -1 and 1."""
    return F.relu(1 - y * scores).mean()


def _side(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((model(x).sign() == y.sign()).float().mean())


def gaussian(found: Tensor, y: Tensor) -> Tensor:
    """Mean and logarithm of the variance; below 0 where it is sure and right."""
    mean, log_variance = found[:, :1], found[:, 1:].clamp(-6, 6)
    return 0.5 * (log_variance + (y - mean).square() / log_variance.exp()).mean()


def _mean_r2(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(1 - (model(x)[:, :1] - y).square().mean() / y.var())


def _rare_labels(seed: int) -> Data:
    """Five labels, each true for about one in twelve."""
    data = world.tags_of_table(seed)
    z, x = _columns(seed + 3, 2000)
    values = np.stack([z[:, 0] + z[:, 1], z[:, 2], z[:, 3] - z[:, 4], z[:, 5] * 1.2, z[:, 6] + z[:, 7]], 1)
    y = (values > np.quantile(values, 0.92, 0)).astype(np.float32)
    made = parted(_tensor(x), _tensor(y), 1200, 300)
    return replace(made, facts=data.facts)


def _balanced_labels(model: nn.Module, x: Tensor, y: Tensor) -> float:
    found = (model(x) > 0).float()
    return float(0.5 * (found[y > 0.5].mean() + (1 - found)[y < 0.5].mean()))


def _rank_pairs(seed: int) -> Data:
    """Two rows and which is worth more: float32 [n, 2, 10] -> 1 or -1."""
    z, x = _columns(seed + 10, 4000)
    value = _surface(z).reshape(-1, 2)
    y = np.sign(value[:, 0] - value[:, 1])
    x = ((x - x.mean(0)) / x.std(0)).reshape(-1, 2, 10)
    return parted(_tensor(x), _tensor(y), 1200, 300)


class Ranker(nn.Module):
    """How much more the first is worth than the second (RankNet, Burges 2005)."""

    def __init__(self) -> None:
        super().__init__()
        self.worth = _mlp(10, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (self.worth(x[:, 0]) - self.worth(x[:, 1]))[:, 0]


def _bandit(seed: int) -> Data:
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


def _two_views(seed: int) -> Data:
    """Two noisy views of the same thing: float32 [n, 2, 12]; there is nothing to answer."""
    rng = np.random.default_rng(seed + 211)
    hidden = rng.normal(size=(2000, 4))
    mix = np.random.default_rng(3).normal(size=(2, 4, 12))
    views = np.stack([hidden @ m + 0.6 * rng.normal(size=(2000, 12)) for m in mix], 1)
    return parted(_tensor(views), torch.zeros(2000), 1200, 300)


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


def _found_partner(model: nn.Module, x: Tensor, _y: Tensor) -> float:
    pairs = model(x[:64])
    return float(((pairs[:, 0] @ pairs[:, 1].T).argmax(1) == torch.arange(len(pairs))).float().mean())


def _triplets(seed: int) -> Data:
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


def _closer(model: nn.Module, x: Tensor, _y: Tensor) -> float:
    z = model(x)
    return float(((z[:, 0] - z[:, 1]).norm(dim=1) < (z[:, 0] - z[:, 2]).norm(dim=1)).float().mean())


def _levels(y: Tensor) -> Tensor:
    """Ordered classes as questions "more than k?": float32 [n, 3]."""
    edges = torch.tensor([-0.7, 0.0, 0.7])
    return (y > edges).float()


def _hand_weighted(scores: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(scores, y, weight=torch.tensor([0.5, 6.0]))


def _odd(base: Program, name: str, **changes: Any) -> Program:
    return replace(base, name=name, kind="odd", **changes)


LOSSES = [
    _odd(DENSE, "log-softmax before cross-entropy", model=_ended(DENSE, nn.LogSoftmax(1))),
    _odd(DENSE, "nll after log-softmax", model=_ended(DENSE, nn.LogSoftmax(1)), loss=nn.NLLLoss()),
    _odd(BINARY, "bce after sigmoid", model=_ended(BINARY, nn.Sigmoid()), loss=nn.BCELoss(), score=_above_half),
    _odd(PROGRAMS["imbalanced"], "focal loss", loss=Focal(), learning_rate=5e-3, score=parts.accuracy),
    _odd(PROGRAMS["cnn"], "label smoothing", loss=nn.CrossEntropyLoss(label_smoothing=0.1)),
    _odd(DENSE, "distillation", prepare=_teacher, loss=distillation, score=_as_teacher),
    _odd(DENSE, "brier score", loss=brier),
    _odd(DENSE, "multi-margin", loss=nn.MultiMarginLoss()),
    _odd(REGRESSION, "poisson counts", data=_counts, prepare=parts.columns, loss=nn.PoissonNLLLoss(),
         score=_explained, learning_rate=3e-3),
    _odd(REGRESSION, "quantile", loss=pinball, score=_coverage),
    _odd(REGRESSION, "huber", loss=nn.HuberLoss()),
    _odd(REGRESSION, "smooth l1", loss=nn.SmoothL1Loss()),
    _odd(REGRESSION, "log cosh", loss=LogCosh()),
    _odd(REGRESSION, "gaussian with its own variance", model=lambda d: _mlp(10, 2), loss=gaussian, score=_mean_r2),
    _odd(REGRESSION, "flat target and flat answer", prepare=_targets(REGRESSION, lambda y: y[:, 0]),
         model=lambda d: nn.Sequential(*_mlp(10, 1), nn.Flatten(0))),
    _odd(BINARY, "hinge with labels of -1 and 1", prepare=_targets(BINARY, lambda y: 2 * y - 1), loss=hinge,
         score=_side, task="margin"),
    _odd(BINARY, "two outputs for yes or no", prepare=_targets(BINARY, lambda y: y[:, 0].long()), task="category",
         model=lambda d: _mlp(10, 2), loss=nn.CrossEntropyLoss(), score=parts.accuracy),
    _odd(PROGRAMS["multi-label"], "rare labels with pos_weight", data=_rare_labels, score=_balanced_labels,
         loss=nn.BCEWithLogitsLoss(pos_weight=torch.full((5,), 11.0))),
    _odd(PROGRAMS["imbalanced"], "weights by hand", loss=_hand_weighted),
    _odd(REGRESSION, "ranking of pairs", task="ranking", data=_rank_pairs, prepare=lambda d: d,
         model=lambda d: Ranker(), loss=lambda s, y: F.softplus(-y * s).mean(), score=_side),
    _odd(DENSE, "policy gradient", task="policy", data=_bandit, prepare=lambda d: d, model=lambda d: _mlp(10, 5),
         loss=policy_gradient, score=lambda m, x, y: float((m(x).argmax(1) == y).float().mean())
         if y.dim() == 1 else float((m(x).softmax(1).gather(1, y[:, :1].long())[:, 0] * y[:, 1]).mean() * 5),
         epochs=7, learning_rate=3e-3),
    _odd(DENSE, "contrastive over the batch", task="views", data=_two_views, prepare=lambda d: d,
         model=lambda d: Views(), loss=info_nce, score=_found_partner, epochs=7, drop_last=True, learning_rate=3e-3),
    _odd(DENSE, "triplets", task="triplets", data=_triplets, prepare=lambda d: d, model=lambda d: Embedder(),
         loss=triplet, score=_closer, epochs=7),
    _odd(REGRESSION, "ordered classes", task="levels", model=lambda d: _mlp(10, 3), loss=nn.BCEWithLogitsLoss(),
         prepare=lambda d: (lambda m: replace(m, y=_levels(m.y), y_val=_levels(m.y_val), y_test=_levels(m.y_test)))(
             parts.columns_and_target(d)), score=parts.yes_or_no),
]  # fmt: skip
