"""Right programs whose loss is not the usual one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from operators.operator import end_with
from operators.outputs import above_half
from programs import PROGRAMS, parts, world
from programs.part import parted, tensor
from programs.plain import _mlp
from programs.program import Data, Program
from programs.tables import columns_of, surface
from torch import Tensor, nn

from healthy.compared import (
    Embedder,
    Ranker,
    Views,
    bandit,
    closer,
    found_partner,
    info_nce,
    policy_gradient,
    rank_pairs,
    side,
    triplet,
    triplets_of,
    two_views,
)

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
    z, x = columns_of(seed + 9, 2000)
    y = np.random.default_rng(seed + 209).poisson(np.exp(0.25 * surface(z).clip(-6, 8)))
    return parted(tensor(x), tensor(y)[:, None], 1200, 300)


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


def gaussian(found: Tensor, y: Tensor) -> Tensor:
    """Mean and logarithm of the variance; below 0 where it is sure and right."""
    mean, log_variance = found[:, :1], found[:, 1:].clamp(-6, 6)
    return 0.5 * (log_variance + (y - mean).square() / log_variance.exp()).mean()


def _mean_r2(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(1 - (model(x)[:, :1] - y).square().mean() / y.var())


def _rare_labels(seed: int) -> Data:
    """Five labels, each true for about one in twelve."""
    data = world.tags_of_table(seed)
    z, x = columns_of(seed + 3, 2000)
    values = np.stack([z[:, 0] + z[:, 1], z[:, 2], z[:, 3] - z[:, 4], z[:, 5] * 1.2, z[:, 6] + z[:, 7]], 1)
    y = (values > np.quantile(values, 0.92, 0)).astype(np.float32)
    made = parted(tensor(x), tensor(y), 1200, 300)
    return replace(made, facts=data.facts)


def _balanced_labels(model: nn.Module, x: Tensor, y: Tensor) -> float:
    found = (model(x) > 0).float()
    return float(0.5 * (found[y > 0.5].mean() + (1 - found)[y < 0.5].mean()))


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
    _odd(BINARY, "bce after sigmoid", model=_ended(BINARY, nn.Sigmoid()), loss=nn.BCELoss(), score=above_half),
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
         score=side, task="margin"),
    _odd(BINARY, "two outputs for yes or no", prepare=_targets(BINARY, lambda y: y[:, 0].long()), task="category",
         model=lambda d: _mlp(10, 2), loss=nn.CrossEntropyLoss(), score=parts.accuracy),
    _odd(PROGRAMS["multi-label"], "rare labels with pos_weight", data=_rare_labels, score=_balanced_labels,
         loss=nn.BCEWithLogitsLoss(pos_weight=torch.full((5,), 11.0))),
    _odd(PROGRAMS["imbalanced"], "weights by hand", loss=_hand_weighted),
    _odd(REGRESSION, "ranking of pairs", task="ranking", data=rank_pairs, prepare=lambda d: d,
         model=lambda d: Ranker(), loss=lambda s, y: F.softplus(-y * s).mean(), score=side),
    _odd(DENSE, "policy gradient", task="policy", data=bandit, prepare=lambda d: d, model=lambda d: _mlp(10, 5),
         loss=policy_gradient, score=lambda m, x, y: float((m(x).argmax(1) == y).float().mean())
         if y.dim() == 1 else float((m(x).softmax(1).gather(1, y[:, :1].long())[:, 0] * y[:, 1]).mean() * 5),
         epochs=7, learning_rate=3e-3),
    _odd(DENSE, "contrastive over the batch", task="views", data=two_views, prepare=lambda d: d,
         model=lambda d: Views(), loss=info_nce, score=found_partner, epochs=7, drop_last=True, learning_rate=3e-3),
    _odd(DENSE, "triplets", task="triplets", data=triplets_of, prepare=lambda d: d, model=lambda d: Embedder(),
         loss=triplet, score=closer, epochs=7),
    _odd(REGRESSION, "ordered classes", task="levels", model=lambda d: _mlp(10, 3), loss=nn.BCEWithLogitsLoss(),
         prepare=lambda d: (lambda m: replace(m, y=_levels(m.y), y_val=_levels(m.y_val), y_test=_levels(m.y_test)))(
             parts.columns_and_target(d)), score=parts.yes_or_no),
]  # fmt: skip
