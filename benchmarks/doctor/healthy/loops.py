"""Right programs whose loop, optimiser or data is not the usual one."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from operators.operator import with_data
from programs import PROGRAMS, parts, world
from programs.adversarial import Pair
from programs.part import parted, tensor
from programs.plain import _cosine, _mlp, _one_cycle
from programs.program import Built, Data, NoWatch, Program, Run, build, measure
from programs.tables import columns_of, surface
from torch import Tensor, nn

DENSE, TABLE, REGRESSION = PROGRAMS["dense"], PROGRAMS["dense-table"], PROGRAMS["regression"]


def _odd(base: Program, name: str, **changes: Any) -> Program:
    return replace(base, name=name, kind="odd", **changes)


def _warm_up(optimizer: torch.optim.Optimizer, steps: int, _epoch: int) -> Any:
    return torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, 1.0, total_iters=steps // 6)


def _each_epoch(optimizer: torch.optim.Optimizer, _steps: int, epoch: int) -> Any:
    """A tenth after half of the epochs, counted in batches."""
    return torch.optim.lr_scheduler.StepLR(optimizer, 6 * epoch, 0.1)


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """Weights decay, biases and normalisations do not."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": weights, "weight_decay": 1e-2}, {"params": rest, "weight_decay": 0.0}]


def _slower_body(model: nn.Module) -> list[dict[str, Any]]:
    layers = list(model)  # type: ignore[call-overload]
    body = [p for layer in layers[:-1] for p in layer.parameters()]
    return [{"params": body, "lr": 3e-4}, {"params": list(layers[-1].parameters()), "lr": 3e-3}]


def averaged(program: Program, seed: int = 0, *, watch: Any = None, built: Built | None = None) -> Run:
    """The plain loop with a moving average of the weights that answers in the end (Polyak 1992)."""
    made = built or build(program, seed)
    model, optimizer = made.model, made.optimizer
    slow = copy.deepcopy(model)
    watch = watch or NoWatch()
    losses: list[float] = []
    for _ in range(program.epochs):
        model.train()
        for x, y in made.train:
            optimizer.zero_grad()
            loss = program.loss(model(x), y)  # type: ignore[misc]
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for old, new in zip(slow.parameters(), model.parameters(), strict=True):
                    old.lerp_(new, 0.05)
            losses.append(loss.item())
            watch.step(loss)
        watch.epoch(loss=losses[-1])
    return measure(program, made.data, slow, losses)


def _few(n: int, validation: int | None = None) -> Any:
    def change(data: Data) -> Data:
        return replace(data, x=data.x[:n], y=data.y[:n], x_val=data.x_val[:validation], y_val=data.y_val[:validation])

    return change


def _sorted_validation(data: Data) -> Data:
    """Validation batches of one class each."""
    order = torch.argsort(data.y_val)
    return replace(data, x_val=data.x_val[order], y_val=data.y_val[order])


def _easy(seed: int) -> Data:
    """Classes that lie far apart: 99.9 % is what there is to be had."""
    rng = np.random.default_rng(seed + 330)
    centres = np.random.default_rng(8).normal(size=(4, 10)) * 3
    y = rng.integers(0, 4, 2000)
    return parted(tensor(centres[y] + rng.normal(size=(2000, 10))), torch.from_numpy(y), 1200, 300, classes=4)


def _wide(seed: int) -> Data:
    """Standardised columns with long tails: many values beyond 3."""
    rng = np.random.default_rng(seed + 331)
    x = rng.standard_t(3, size=(2000, 10))
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.int64)
    return parted(tensor(x), torch.from_numpy(y), 1200, 300, classes=2)


def _answers(seed: int) -> Data:
    """A questionnaire: few columns of few values, so that rows are equal by chance and do not always agree."""
    rng = np.random.default_rng(seed + 332)
    x = rng.integers(0, 4, (2400, 5))
    chance = 1 / (1 + np.exp(-(1.5 * (x[:, 0] - 1.5) * (x[:, 1] - 1.5) + x[:, 2] - 1.5)))
    y = (rng.random(2400) < chance).astype(np.int64)
    return parted(tensor(x - 1.5), torch.from_numpy(y), 1400, 400, classes=2)


def _indicators(seed: int) -> Data:
    """Columns of 0 and 1, most of them 0, one of them always 1."""
    rng = np.random.default_rng(seed + 333)
    x = (rng.random((2000, 30)) < 0.15).astype(np.float32)
    x[:, 0] = 1
    y = ((x[:, 1:8].sum(1) > 1) ^ (x[:, 8:15].sum(1) > 1)).astype(np.int64)
    return parted(tensor(x), torch.from_numpy(y), 1200, 300, classes=2)


def _cities(seed: int) -> Data:
    """One class in nine is common, the others are not: 1 to 6, no weights needed."""
    data = world.species(seed)
    keep = torch.ones(len(data.y), dtype=torch.bool)
    keep[(data.y != 0) & (torch.arange(len(data.y)) % 3 != 0)] = False
    return replace(data, x=data.x[keep], y=data.y[keep])


def _off_centre(raw: Data) -> Data:
    """Targets around 7, with a spread of 1."""
    made = parts.columns_and_target(raw)
    return replace(made, y=made.y + 7, y_val=made.y_val + 7, y_test=made.y_test + 7)


def _hard(seed: int) -> Data:
    """Much noise: three quarters of the variance cannot be explained by anything."""
    z, x = columns_of(seed + 20, 3000)
    y = surface(z) + 4 * np.random.default_rng(seed + 334).normal(size=3000)
    return parted(tensor(x), tensor(y)[:, None], 2000, 400)


def wasserstein(scores: Tensor, real: Tensor) -> Tensor:
    """Arjovsky 2017: a difference of means, below 0 as often as above; both sides of a pair use it."""
    signs = 1 - 2 * real
    return 2 * (signs * scores).mean() if bool((real == 0).any()) else -scores.mean()


def _critic(_data: Data) -> nn.Module:
    pair = Pair()
    norm = nn.utils.parametrizations.spectral_norm
    pair.discriminator = nn.Sequential(
        norm(nn.Linear(2, 48)), nn.LeakyReLU(0.2), norm(nn.Linear(48, 48)), nn.LeakyReLU(0.2), norm(nn.Linear(48, 1))
    )
    return pair


def _jitter(x: Tensor) -> Tensor:
    """A picture, a pixel to the side, on the training part alone."""
    return torch.roll(x, int(torch.randint(-1, 2, ())), -1)


LOOPS = [
    _odd(DENSE, "sgd at a rate of 0.5", optimizer="sgd", learning_rate=0.5),
    _odd(TABLE, "nesterov", optimizer_options={"nesterov": True}),
    _odd(DENSE, "rmsprop", optimizer="rmsprop"),
    _odd(DENSE, "adagrad", optimizer="adagrad", learning_rate=3e-2),
    _odd(DENSE, "nadam", optimizer="nadam", learning_rate=2e-3),
    _odd(DENSE, "adam with amsgrad", optimizer_options={"amsgrad": True}),
    _odd(REGRESSION, "betas of 0.9 and 0.95", optimizer="adamw", optimizer_options={"betas": (0.9, 0.95)}),
    _odd(DENSE, "one cycle", schedule=_one_cycle, learning_rate=6e-3),
    _odd(DENSE, "cosine to zero", schedule=_cosine, learning_rate=2e-3),
    _odd(DENSE, "warm-up", schedule=_warm_up, learning_rate=2e-3),
    _odd(TABLE, "a tenth after half", schedule=_each_epoch),
    _odd(DENSE, "accumulation of four", batch_size=8, accumulate=4),
    _odd(REGRESSION, "clipping that always acts", clip=0.05),
    _odd(DENSE, "decay by groups", optimizer="adamw", parameters=_groups),
    _odd(DENSE, "rates by layer", parameters=_slower_body),
    _odd(DENSE, "moving average of weights", run=averaged, validate=False),
    _odd(DENSE, "batches of two", data=lambda s: world.digits(s, 400), batch_size=2, epochs=2, optimizer="sgd",
         learning_rate=3e-2),
    _odd(TABLE, "batches of one", batch_size=1, epochs=1, optimizer="sgd", learning_rate=5e-3, schedule=None),
    _odd(TABLE, "batches of 200", batch_size=200, epochs=40, learning_rate=0.1),
    _odd(DENSE, "not shuffled, in random order", shuffle=False),
    _odd(DENSE, "no validation", validate=False),
    _odd(with_data(TABLE, _few(150, 150)), "a set of 150", epochs=50, batch_size=16, learning_rate=0.02),
    _odd(with_data(DENSE, _few(32)), "one batch by heart on purpose", epochs=200, validate=False, shuffle=False),
    _odd(with_data(DENSE, _sorted_validation), "validation batches of one class"),
    _odd(TABLE, "a task at 99.9 %", data=_easy, prepare=lambda d: d, model=lambda d: _mlp(10, 4)),
    _odd(TABLE, "long tails", data=_wide, prepare=lambda d: d, model=lambda d: _mlp(10, 2), learning_rate=0.03),
    _odd(TABLE, "a questionnaire", data=_answers, prepare=lambda d: d, model=lambda d: _mlp(5, 2), learning_rate=0.03),
    _odd(TABLE, "indicators", data=_indicators, prepare=lambda d: d, model=lambda d: _mlp(30, 2)),
    _odd(TABLE, "some classes rarer", data=_cities, score=parts.balanced_accuracy),
    _odd(REGRESSION, "target around seven", prepare=_off_centre, learning_rate=1e-2, epochs=10),
    _odd(REGRESSION, "mostly noise", data=_hard, epochs=4),
    _odd(DENSE, "pictures from 0 to 1", prepare=parts.unit_pictures, learning_rate=3e-3),
    _odd(PROGRAMS["cnn"], "augmentation on training alone", augment=_jitter),
    _odd(PROGRAMS["gan"], "wasserstein", loss=wasserstein, model=_critic, learning_rate=5e-3, epochs=20,
         learner={"discriminator_factor": 3.0, "generator_factor": 0.3}, optimizer_options={"betas": (0.0, 0.9)}),
    _odd(PROGRAMS["window"], "a window and nothing recurrent", model=lambda d: nn.Sequential(
        nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))),
]  # fmt: skip
