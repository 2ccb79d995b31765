"""Healthy training loops of many kinds, odd but right ones among them: none may be stopped or warned of.

Each is a generator function ``(seed) -> (model, optimizers, steps)``, where ``steps`` yields after every step what
``watch.step`` and ``watch.epoch`` are told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 200


@dataclass
class Program:
    """A model, its optimiser(s), and one step after another."""

    model: nn.Module
    optimizer: Any
    step: Callable[[int], Tensor | float | None]
    """Makes step i; returns the loss, or None where there is nothing to tell."""
    epoch: Callable[[int], dict[str, float] | None] = field(default=lambda i: None)
    options: dict[str, Any] = field(default_factory=dict)


def blobs(n: int = 512, features: int = 20, classes: int = 4, spread: float = 1.5) -> tuple[Tensor, Tensor]:
    """Gaussian clouds: learnt in some tens of steps, never perfectly."""
    y = torch.arange(n) % classes
    return torch.randn(classes, features)[y] + spread * torch.randn(n, features), y


def pictures(n: int = 256, size: int = 12, classes: int = 3) -> tuple[Tensor, Tensor]:
    """A bright square whose place is the class."""
    y = torch.arange(n) % classes
    x = 0.5 * torch.randn(n, 1, size, size)
    for i, label in enumerate(y.tolist()):
        x[i, 0, 2:6, 1 + 3 * label : 4 + 3 * label] += 1.5
    return x, y


def draw(n: int, size: int) -> Tensor:
    return torch.randint(0, n, (size,))


def mlp(features: int = 20, width: int = 32, classes: int = 4, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    return nn.Sequential(
        nn.Linear(features, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, classes)
    )


def supervised(
    model: nn.Module, x: Tensor, y: Tensor, optimizer: Any, *, loss: Any = F.cross_entropy, size: int = 32, **rest: Any
) -> Program:
    def step(_i: int) -> Tensor:
        rows = draw(len(x), size)
        optimizer.zero_grad()
        value = loss(model(x[rows]), y[rows])
        value.backward()
        optimizer.step()
        return value

    return Program(model, optimizer, step, **rest)


def sgd_high() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.5))


def full_batch_edge() -> Program:
    x, y = blobs(128)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def step(_i: int) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def adam() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3))


def adam_small_rate() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.AdamW(model.parameters(), lr=3e-4))


def adam_large_rate() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-2))


def accumulation() -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(_i: int) -> Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for _ in range(4):
            rows = draw(len(x), 8)
            loss = F.cross_entropy(model(x[rows]), y[rows]) / 4
            loss.backward()
            total += loss.detach()
        optimizer.step()
        return total

    return Program(model, optimizer, step)


def accumulation_told_each_part() -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(i: int) -> Tensor:
        rows = draw(len(x), 8)
        loss = F.cross_entropy(model(x[rows]), y[rows])
        (loss / 4).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    return Program(model, optimizer, step)


def cleared_after_the_step() -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(_i: int) -> Tensor:
        rows = draw(len(x), 32)
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        return loss

    return Program(model, optimizer, step)


def frozen_backbone() -> Program:
    x, y = pictures()
    body = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    body.requires_grad_(False)
    model = nn.Sequential(body, nn.Linear(64, 3))

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        body.eval()
        return F.cross_entropy(scores, targets)

    body.eval()
    return supervised(model, x, y, torch.optim.Adam(model[1].parameters(), lr=1e-2), loss=loss)


def backbone_left_out() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.Adam(model[4].parameters(), lr=1e-2))


def whole_model_frozen_in_eval() -> Program:
    x, y = pictures()
    body = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(0.2), nn.AdaptiveAvgPool2d(2))
    body.requires_grad_(False)
    model = nn.Sequential(body, nn.Flatten(), nn.Linear(64, 3)).eval()
    return supervised(model, x, y, torch.optim.Adam(model[2].parameters(), lr=1e-2))


class Gan(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
        self.d = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(32, 1))


def gan_step(gan: Gan, opt_g: Any, opt_d: Any, i: int) -> tuple[Tensor, Tensor]:
    real = torch.randn(32, 2) * 0.3 + torch.tensor([1.0, -1.0])
    with torch.no_grad():
        fake = gan.g(torch.randn(32, 8))
    opt_d.zero_grad()
    ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
    loss_d = F.binary_cross_entropy_with_logits(gan.d(real), ones) + F.binary_cross_entropy_with_logits(
        gan.d(fake), zeros
    )
    loss_d.backward()
    opt_d.step()
    opt_g.zero_grad()
    loss_g = F.binary_cross_entropy_with_logits(gan.d(gan.g(torch.randn(32, 8))), ones)
    loss_g.backward()
    opt_g.step()
    return loss_g.detach(), loss_d.detach()


def gan_watched_whole() -> Program:
    gan = Gan()
    parts = nn.ModuleList([gan.g, gan.d])
    opt_g = torch.optim.Adam(gan.g.parameters(), lr=2e-3, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(gan.d.parameters(), lr=2e-3, betas=(0.5, 0.999))
    return Program(parts, [opt_g, opt_d], lambda i: gan_step(gan, opt_g, opt_d, i)[1])


def gan_generator_watched() -> Program:
    gan = Gan()
    opt_g = torch.optim.Adam(gan.g.parameters(), lr=2e-3, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(gan.d.parameters(), lr=2e-3, betas=(0.5, 0.999))
    return Program(gan.g, opt_g, lambda i: gan_step(gan, opt_g, opt_d, i)[0])


def gan_critic_watched() -> Program:
    gan = Gan()
    opt_g = torch.optim.Adam(gan.g.parameters(), lr=2e-3, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(gan.d.parameters(), lr=2e-3, betas=(0.5, 0.999))
    return Program(gan.d, opt_d, lambda i: gan_step(gan, opt_g, opt_d, i)[1])


class Tied(nn.Module):
    """A language model whose embedding is also its output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.rnn = nn.GRU(16, 16, batch_first=True)
        self.out = nn.Linear(16, 20, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(self.embed(x))[0]).flatten(0, 1)


def weight_tying() -> Program:
    x = (torch.arange(11)[None] * torch.randint(1, 4, (256, 1)) + torch.randint(0, 20, (256, 1))) % 20
    model = Tied()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def step(_i: int) -> Tensor:
        rows = draw(256, 16)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows, :-1]), x[rows, 1:].flatten())
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def evaluating(program: Program, model: nn.Module, x: Tensor, y: Tensor, *, every: int = 50) -> Program:
    """With an evaluation, in evaluation mode, between epochs."""

    def epoch(i: int) -> dict[str, float] | None:
        if i % every != every - 1:
            return None
        model.eval()
        with torch.no_grad():
            loss = sum(float(F.cross_entropy(model(a), b)) for a, b in zip(x.split(64), y.split(64), strict=True))
        model.train()
        return {"loss": loss / len(x.split(64)) + 0.05, "val_loss": loss / len(x.split(64))}

    program.epoch = epoch
    return program


def dropout() -> Program:
    x, y = blobs()
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 4))
    return evaluating(supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3)), model, x, y)


def batch_norm() -> Program:
    x, y = pictures()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 3),
    )  # fmt: skip
    return evaluating(supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)), model, x, y)


def tiny_batches() -> Program:
    x, y = blobs(spread=0.7)
    model = mlp()
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=1e-3), size=2)


def single_class_batches() -> Program:
    x, y = blobs(spread=0.7)
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(_i: int) -> Tensor:
        rows = torch.nonzero(y == int(torch.randint(0, 4, ()))).flatten()
        rows = rows[draw(len(rows), 8)]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def clipped(limit: float, rate: float) -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    def step(_i: int) -> Tensor:
        rows = draw(len(x), 32)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def scheduled(make: Callable[[Any], Any], *, rate: float = 0.1, by_batch: bool = True) -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    scheduler = make(optimizer)
    program = supervised(model, x, y, optimizer)
    plain = program.step

    def step(i: int) -> Any:
        value = plain(i)
        if by_batch or i % 20 == 19:
            scheduler.step()
        return value

    program.step = step
    program.options = {"scheduler": scheduler}
    if not by_batch:
        program.epoch = lambda i: {"loss": 1.0 - i / 400} if i % 20 == 19 else None
    return program


def cosine() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS))


def cosine_by_epoch() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10), by_batch=False)


def one_cycle() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, STEPS))


def step_decay() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.StepLR(o, 4, 0.3), by_batch=False)


def warm_up_from_zero() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda i: min(1.0, i / 50)))


def regression() -> Program:
    x = torch.randn(512, 8)
    y = x @ torch.randn(8, 1) + 0.3 * torch.randn(512, 1) + 5
    model = mlp(8, 32, 1)
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=1e-2), loss=F.mse_loss)


def binary() -> Program:
    x, y = blobs(classes=2)
    model = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return supervised(model, x, y.float(), optimizer, loss=F.binary_cross_entropy_with_logits)


def sigmoid_output() -> Program:
    x, y = blobs(classes=2, spread=0.5)
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid(), nn.Flatten(0))
    return supervised(model, x, y.float(), torch.optim.Adam(model.parameters(), lr=1e-2), loss=F.binary_cross_entropy)


def log_softmax_before_cross_entropy() -> Program:
    x, y = blobs()
    model = nn.Sequential(mlp(), nn.LogSoftmax(1))
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3))


def nll() -> Program:
    x, y = blobs()
    model = nn.Sequential(mlp(), nn.LogSoftmax(1))
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3), loss=F.nll_loss)


def rnn() -> Program:
    x = torch.randn(256, 12, 4)
    y = (x[:, :, 0].sum(1) > 0).long()

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.LSTM(4, 24, batch_first=True), nn.Linear(24, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0][:, -1])

    model = Last()
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=1e-2))


def label_smoothing() -> Program:
    x, y = blobs()
    model = mlp()
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3), loss=loss)


def class_weights() -> Program:
    x, y = blobs()
    model = mlp()
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0]))
    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3), loss=loss)


def focal() -> Program:
    x, y = blobs()
    model = mlp()

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        each = F.cross_entropy(scores, targets, reduction="none")
        return ((1 - torch.exp(-each)) ** 2 * each).mean()

    return supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3), loss=loss)


def summed_autoencoder() -> Program:
    x = torch.rand(256, 16)
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 16), nn.Sigmoid())
    loss = nn.MSELoss(reduction="sum")
    return supervised(model, x, x, torch.optim.Adam(model.parameters(), lr=3e-3), loss=loss)


def attention() -> Program:
    x = torch.randint(0, 16, (256, 10))
    y = (x == 3).any(1).long()

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(16, 16)
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
            self.out = nn.Linear(16, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.layer(self.embed(x)).mean(1))

    model = Encoder()
    return supervised(model, x, y, torch.optim.AdamW(model.parameters(), lr=3e-3))


def averaged_copy() -> Program:
    """An exponential average of the weights, a deep copy made inside the watch."""
    x, y = blobs()
    model = mlp()
    program = supervised(model, x, y, torch.optim.Adam(model.parameters(), lr=3e-3))
    plain = program.step
    kept: list[nn.Module] = []

    def step(i: int) -> Any:
        value = plain(i)
        if not kept:
            kept.append(copy.deepcopy(model))
        with torch.no_grad():
            for a, b in zip(kept[0].parameters(), model.parameters(), strict=True):
                a.mul_(0.99).add_(b, alpha=0.01)
            kept[0](x[:8])
        return value

    program.step = step
    return program


def converged() -> Program:
    """A model that is already good goes on."""
    x, y = blobs(spread=0.3)
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    program = supervised(model, x, y, optimizer)
    for i in range(200):
        program.step(i)
    for group in optimizer.param_groups:
        group["lr"] = 1e-4
    return program


def lbfgs() -> Program:
    x, y = blobs(128)
    model = nn.Linear(20, 4)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)

    def step(_i: int) -> float:
        def closure() -> float:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y) + 1e-3 * model.weight.square().sum()
            loss.backward()
            return float(loss.detach())

        return optimizer.step(closure)

    return Program(model, optimizer, step)


def contrastive() -> Program:
    """The loss begins at ln(batch) and has no targets."""
    x = torch.randn(256, 16)
    model = mlp(16, 32, 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(_i: int) -> Tensor:
        rows = draw(256, 32)
        a, b = (F.normalize(model(x[rows] + 0.3 * torch.randn(32, 16)), dim=1) for _ in range(2))
        optimizer.zero_grad()
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(32))
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def policy_gradient() -> Program:
    """A loss that may be of either sign and is no measure of progress."""
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def step(_i: int) -> Tensor:
        x = torch.randn(32, 4)
        spread = torch.distributions.Categorical(logits=model(x))
        action = spread.sample()
        reward = (action == (x[:, 0] > 0).long()).float() - 0.5
        optimizer.zero_grad()
        loss = -(spread.log_prob(action) * reward).mean()
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


HEALTHY: dict[str, Callable[[], Program]] = {
    make.__name__: make
    for make in (
        sgd_high, full_batch_edge, adam, adam_small_rate, adam_large_rate, accumulation, accumulation_told_each_part,
        cleared_after_the_step, frozen_backbone, backbone_left_out, whole_model_frozen_in_eval, gan_watched_whole,
        gan_generator_watched, gan_critic_watched, weight_tying, dropout, batch_norm, tiny_batches,
        single_class_batches, cosine, cosine_by_epoch, one_cycle, step_decay, warm_up_from_zero, regression, binary,
        sigmoid_output, log_softmax_before_cross_entropy, nll, rnn, label_smoothing, class_weights, focal,
        summed_autoencoder, attention, averaged_copy, converged, lbfgs, contrastive, policy_gradient,
    )
}  # fmt: skip
HEALTHY["clipped_at_first"] = lambda: clipped(1.0, 0.1)
HEALTHY["clipped_always"] = lambda: clipped(0.05, 0.5)


def run(program: Program, told: Any, *, steps: int = STEPS) -> Iterator[float]:
    """Make the steps of a program, telling a watch; gives the losses."""
    for i in range(steps):
        loss = program.step(i)
        if loss is not None:
            told.step(loss)
            yield float(loss.detach()) if isinstance(loss, Tensor) else float(loss)
        values = program.epoch(i)
        if values is not None:
            told.epoch(**values)


class Deaf:
    """A watch that is none."""

    def step(self, *_values: Any) -> None: ...

    def epoch(self, **_values: float) -> None: ...
