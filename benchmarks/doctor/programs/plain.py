"""Programs that train by a plain PyTorch loop."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from programs import parts, world
from programs.program import Data, Program


def _mlp(inputs: int, outputs: int, width: int = 64) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )


def _dense(data: Data) -> nn.Module:
    return nn.Sequential(nn.Flatten(), *_mlp(64, 10))


def _cnn(data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10),
    )  # fmt: skip


def _cnn_normalised(data: Data) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((3, 12), (12, 24)):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 4),
    )


def _residual(data: Data) -> nn.Module:
    blocks = [parts.Residual(8, 16, 2), parts.Residual(16, 16)]
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
    )


def _one_cycle(optimizer: torch.optim.Optimizer, steps: int, _epoch: int) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], total_steps=steps + 1)


def _cosine(optimizer: torch.optim.Optimizer, steps: int, _epoch: int) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)


def _weighted(data_share: float = 12.0):
    weight = torch.tensor([1.0, data_share])

    def loss(scores: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(scores, y, weight=weight)

    return loss


def _itself(data: Data) -> Data:
    """Pictures as 0 to 1, and the answer is the picture."""
    data = parts.unit_pictures(data)
    return replace(data, y=data.x, y_val=data.x_val, y_test=data.x_test)


def _autoencoder(data: Data) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12), nn.Linear(12, 48), nn.ReLU(),
        nn.Linear(48, 64), nn.Unflatten(1, (1, 8, 8)),
    )  # fmt: skip


@cache
def _pretrained() -> dict[str, Tensor]:
    """Weights of a body that knows the digits 0 to 4."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        data = parts.pictures(world.digits(0, 1000))
        known = data.y < 5
        body = _body()
        model = nn.Sequential(body, nn.Linear(384, 5))
        optimizer = torch.optim.Adam(model.parameters(), 2e-3)
        for _ in range(30):
            for x, y in zip(data.x[known].split(64), data.y[known].split(64), strict=True):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
    return body.eval().state_dict()


def _body() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip


def transfer_model(data: Data) -> nn.Module:
    body = _body()
    body.load_state_dict(_pretrained())
    return parts.Transfer(body, 384, 5)


def _new_digits(seed: int) -> Data:
    """The digits 5 to 9, as classes 0 to 4."""
    data = world.digits(seed, 900)

    def part(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x[y >= 5], y[y >= 5] - 5

    return Data(*part(data.x, data.y), *part(data.x_val, data.y_val), *part(data.x_test, data.y_test), {"classes": 5})


CROSS_ENTROPY = nn.CrossEntropyLoss()
LOGITS = nn.BCEWithLogitsLoss()
SQUARES = nn.MSELoss()

PLAIN = [
    Program("dense", "dense", "category", world.digits, _dense, parts.accuracy, CROSS_ENTROPY, parts.pictures),
    Program("dense-table", "dense", "category", world.species, lambda d: _mlp(10, 5), parts.accuracy,
            CROSS_ENTROPY, parts.columns, optimizer="momentum", learning_rate=0.05, schedule=_cosine),
    Program("cnn", "cnn", "category", world.digits, _cnn, parts.accuracy, CROSS_ENTROPY, parts.pictures),
    Program("cnn-norm", "cnn with normalisation", "category", world.signs, _cnn_normalised, parts.accuracy,
            CROSS_ENTROPY, parts.pictures, learning_rate=3e-3, batch_size=40),
    Program("residual", "residual", "category", world.signs, _residual, parts.accuracy, CROSS_ENTROPY,
            parts.pictures, optimizer="momentum", learning_rate=0.05, weight_decay=5e-4, schedule=_one_cycle,
            batch_size=40, epochs=8),
    Program("lstm", "recurrent", "category", world.markers,
            lambda d: parts.Reader("lstm", 48, 3, vocabulary=d.facts["vocabulary"]), parts.accuracy,
            CROSS_ENTROPY, learning_rate=1e-2, clip=1.0, epochs=9),
    Program("encoder", "attention", "category", world.markers,
            lambda d: parts.Encoder(d.facts["vocabulary"], 3, 11), parts.accuracy, CROSS_ENTROPY,
            optimizer="adamw", learning_rate=4e-3, epochs=9, clip=1.0, schedule=_one_cycle),
    Program("bag", "embedding bag", "category", world.topics, lambda d: parts.Bag(d.facts["vocabulary"], 6),
            parts.accuracy, CROSS_ENTROPY, learning_rate=1e-2, epochs=7),
    Program("regression", "regression", "regression", world.prices, lambda d: _mlp(10, 1), parts.r2, SQUARES,
            parts.columns_and_target, learning_rate=3e-3, epochs=7),
    Program("window", "regression over time", "regression", world.tide, lambda d: parts.Reader("gru", 16, 1), parts.r2,
            SQUARES, parts.level, learning_rate=5e-3, epochs=8, clip=1.0),
    Program("binary", "binary", "binary", world.churn, lambda d: _mlp(10, 1), parts.yes_or_no, LOGITS,
            parts.columns, learning_rate=3e-3, epochs=7, keep_best=True, patience=5),
    Program("multi-label", "multi-label", "multi-label", world.tags_of_table, lambda d: _mlp(10, 5),
            parts.yes_or_no, LOGITS, parts.columns, optimizer="adamw", weight_decay=0.01, learning_rate=5e-3, epochs=7),
    Program("autoencoder", "autoencoder", "reconstruction", world.digits, _autoencoder, parts.reconstruction,
            SQUARES, _itself, learning_rate=4e-3),
    Program("transfer", "transfer", "category", _new_digits, transfer_model, parts.accuracy, CROSS_ENTROPY,
            parts.pictures, learning_rate=5e-3, epochs=14),
    Program("letters", "language model", "characters", world.letters,
            lambda d: parts.LanguageModel(d.facts["vocabulary"]), parts.next_letter, parts.every_letter,
            optimizer="adamw", learning_rate=8e-3, epochs=10, clip=1.0),
    Program("siamese", "pairs", "pairs", world.pairs, lambda d: parts.Siamese(), parts.same_pair,
            parts.contrastive, parts.pictures, learning_rate=2e-3, epochs=7),
    Program("imbalanced", "imbalanced", "category", world.fraud, lambda d: _mlp(10, 2), parts.balanced_accuracy,
            _weighted(), parts.columns, learning_rate=3e-3, epochs=5, batch_size=40),
]  # fmt: skip
