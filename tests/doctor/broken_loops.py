"""Training loops that are wrong in one known way each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from tests.doctor.healthy_loops import Program, blobs, clipped, draw, mlp, pictures, scheduled, supervised
from torch import Tensor, nn


def adam(model: nn.Module, rate: float = 3e-3) -> Any:
    return torch.optim.Adam(model.parameters(), lr=rate)


def nan_input() -> Program:
    x, y = blobs()
    x[7, 3] = float("nan")
    model = mlp()
    return supervised(model, x, y, adam(model))


def log_of_zero() -> Program:
    class Log(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.log(x)

    x, y = blobs()
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), Log(), nn.Linear(32, 4))
    return supervised(model, x, y, adam(model))


def root_of_zero() -> Program:
    """The output is finite, the gradient is not."""

    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.sqrt((x - x.detach()) ** 2)

    x, y = blobs()
    model = nn.Sequential(nn.Linear(20, 32), Root(), nn.ReLU(), nn.Linear(32, 4))
    return supervised(model, x, y, adam(model))


def zero_counted() -> Program:
    """The loss itself divides by the number of samples of a class, which may be none."""
    x, y = blobs()
    model = mlp()

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        each = F.cross_entropy(scores, targets, reduction="none")
        return each[targets == 0].sum() / (targets == 0).sum() + each.mean()

    return supervised(model, x, y, adam(model), loss=loss, size=8)


def rate_too_high(rate: float, kind: type) -> Callable[[], Program]:
    def make() -> Program:
        x, y = blobs()
        model = mlp()
        return supervised(model, x, y, kind(model.parameters(), lr=rate))

    return make


def rate_too_low() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=1e-6))


def never_cleared(kind: type = torch.optim.SGD, clip: bool = False) -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = kind(model.parameters(), lr=1e-3)

    def step(_i: int) -> Tensor:
        rows = draw(len(x), 32)
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def other_model() -> Program:
    x, y = blobs()
    optimizer = adam(mlp())
    model = mlp()

    def step(_i: int) -> Tensor:
        rows = draw(len(x), 32)
        model.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def head_replaced() -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = adam(model)
    model[4] = nn.Linear(32, 4)
    return supervised(model, x, y, optimizer)


def head_left_out() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.Adam(list(model.parameters())[:4], lr=3e-3))


def step_undone() -> Program:
    """The update goes to a copy: somebody keeps the old weights."""
    x, y = blobs()
    model = mlp()

    class Lost(torch.optim.SGD):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.clone().sub_(group["lr"] * p.grad)

    return supervised(model, x, y, Lost(model.parameters(), lr=0.1))


def rate_zero() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.0))


def step_decay_by_batch() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.StepLR(o, 5, 0.1))


def exponential_by_batch() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.8))


def cosine_by_batch_for_epochs() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10))


def one_cycle_by_epoch() -> Program:
    return scheduled(lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.3, 200), by_batch=False)


def never_scheduled() -> Program:
    program = scheduled(lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.3), by_batch=False)
    program.options["scheduler"].step = lambda: None
    return program


def summed() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, adam(model), loss=nn.CrossEntropyLoss(reduction="sum"))


def summed_last_batch() -> Program:
    """A loss of one's own, whose sum shows in the smaller last batch of each epoch."""
    x, y = blobs()
    model = mlp()
    optimizer = adam(model, 1e-4)

    def step(i: int) -> Tensor:
        rows = draw(len(x), 8 if i % 16 == 15 else 32)
        optimizer.zero_grad()
        loss = (F.cross_entropy(model(x[rows]), y[rows], reduction="none") ** 1.0001).sum()
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def deep(activation: type[nn.Module], depth: int = 12) -> nn.Module:
    layers: list[nn.Module] = [nn.Linear(20, 32), activation()]
    for _ in range(depth):
        layers += [nn.Linear(32, 32), activation()]
    return nn.Sequential(*layers, nn.Linear(32, 4))


def vanishing() -> Program:
    x, y = blobs()
    model = deep(nn.Sigmoid)
    return supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.1))


def dead() -> Program:
    x, y = blobs()
    model = mlp()
    with torch.no_grad():
        model[2].bias.fill_(-50.0)
    return supervised(model, x, y, adam(model))


class Functional(nn.Module):
    """The same as a function: no layer to put a hook on."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(20, 32), nn.Linear(32, 32), nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


def dead_function() -> Program:
    x, y = blobs()
    model = Functional()
    with torch.no_grad():
        model.b.bias.fill_(-50.0)
    return supervised(model, x, y, adam(model))


def saturated() -> Program:
    x, y = blobs()
    model = mlp(activation=nn.Tanh)
    return supervised(model, 100 * x, y, torch.optim.SGD(model.parameters(), lr=1e-4))


def clipped_to_nothing() -> Program:
    return clipped(1e-3, 0.1)


def clipped_late() -> Program:
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def step(_i: int) -> Tensor:
        rows = draw(len(x), 32)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        return loss

    return Program(model, optimizer, step)


class Scaler:
    """Of a loss that overflows at every second step."""

    def __init__(self) -> None:
        self.scale = 65536.0

    def get_scale(self) -> float:
        self.scale = max(1e-3, self.scale / 2**0.5)
        return self.scale


def overflowing() -> Program:
    x, y = blobs()
    model = mlp()
    program = supervised(model, x, y, adam(model))
    program.options = {"scaler": Scaler()}
    return program


def maximised() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.01, maximize=True))


def negated() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, adam(model, 1e-4), loss=lambda s, t: -F.cross_entropy(s, t))


def negated_squares() -> Program:
    x = torch.randn(512, 8)
    model = mlp(8, 32, 1)
    return supervised(model, x, x[:, :1], adam(model, 1e-4), loss=lambda s, t: -F.mse_loss(s, t))


def flipping() -> Program:
    """Full batches at the largest rate at which a quadratic does not diverge: it jumps from side to side."""
    x = torch.randn(64, 8)
    x[:, 0] *= 10
    y = x @ torch.randn(8, 1)
    model = nn.Linear(8, 1)
    rate = 2.0 / float(torch.linalg.eigvalsh(2 * x.T @ x / 64).max())
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    def step(_i: int) -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def unrelated_labels() -> Program:
    x, y = blobs(4096)
    y = y[torch.randperm(len(y))]
    model = mlp()
    return supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.05))


def blind_regression() -> Program:
    x = torch.randn(512, 8)
    y = x[:, :1] * 2
    model = mlp(8, 32, 1)
    return supervised(model, 0 * x, y, adam(model), loss=F.mse_loss)


def bad_batch() -> Program:
    x, y = blobs()
    model = mlp()
    program = supervised(model, x, y, torch.optim.SGD(model.parameters(), lr=0.02))
    plain = program.step

    def step(i: int) -> Any:
        if i != 133:
            return plain(i)
        y.add_(1).remainder_(4)
        x.mul_(60)
        value = plain(i)
        x.div_(60)
        y.sub_(1).remainder_(4)
        return value

    program.step = step
    return program


def evaluated_in_training_mode(report: bool) -> Callable[[], Program]:
    def make() -> Program:
        x, y = blobs()
        model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 4))
        program = supervised(model, x, y, adam(model))

        def epoch(i: int) -> dict[str, float] | None:
            if i % 40 != 39:
                return None
            with torch.no_grad():
                loss = [float(F.cross_entropy(model(a), b)) for a, b in zip(x.split(128), y.split(128), strict=True)]
            return {"loss": loss[0], "val_loss": sum(loss) / len(loss)} if report else None

        program.epoch = epoch
        return program

    return make


def training_mode_not_restored() -> Program:
    x, y = blobs()
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 4))
    program = supervised(model, x, y, adam(model))

    def epoch(i: int) -> dict[str, float] | None:
        if i % 40 != 39:
            return None
        model.eval()
        with torch.no_grad():
            model(x)
        return None

    program.epoch = epoch
    return program


def slow_statistics() -> Program:
    x, y = blobs()
    model = nn.Sequential(nn.Linear(20, 32), nn.BatchNorm1d(32, momentum=1e-4), nn.ReLU(), nn.Linear(32, 4))
    program = supervised(model, x + 3, y, adam(model))
    program.epoch = lambda i: {"loss": 0.3, "val_loss": 2.0} if i % 40 == 39 else None
    return program


def not_log() -> Program:
    x, y = blobs()
    model = nn.Sequential(mlp(), nn.Softmax(1))
    return supervised(model, x, y, adam(model), loss=F.nll_loss)


def raw_into_nll() -> Program:
    x, y = blobs()
    model = mlp()
    return supervised(model, x, y, adam(model), loss=F.nll_loss)


def softmax_twice() -> Program:
    x, y = blobs()
    model = nn.Sequential(mlp(), nn.Softmax(1))
    return supervised(model, x, y, adam(model))


def sigmoid_twice() -> Program:
    x, y = blobs(classes=2)
    model = nn.Sequential(nn.Linear(20, 1), nn.Sigmoid(), nn.Flatten(0))
    return supervised(model, x, y.float(), adam(model), loss=F.binary_cross_entropy_with_logits)


class Cut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.unused = nn.Linear(20, 32), nn.Linear(32, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(F.relu(self.a(x)).detach())


def cut() -> Program:
    x, y = blobs()
    model = Cut()
    del model.unused
    return supervised(model, x, y, adam(model))


def unused() -> Program:
    x, y = blobs()
    model = Cut()
    return supervised(model, x, y, adam(model))


def frozen_statistics_move() -> Program:
    x, y = pictures()
    body = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    body.requires_grad_(False)
    model = nn.Sequential(body, nn.Linear(64, 3))
    return supervised(model, x, y, torch.optim.Adam(model[1].parameters(), lr=1e-2))


def frozen_weights_move() -> Program:
    """Frozen in the middle of the training; the optimiser still has the last gradient of these weights."""
    x, y = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    F.cross_entropy(model(x), y).backward()
    model[0].requires_grad_(False)

    def step(_i: int) -> Tensor:
        rows = draw(len(x), 32)
        for p in model[2:].parameters():
            p.grad = None
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


def all_pairs() -> Program:
    x = torch.randn(512, 8)
    y = x[:, 0] * 2 + 5
    model = mlp(8, 32, 1)

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return ((scores - targets) ** 2).mean()

    return supervised(model, x, y, adam(model), loss=loss)


def sorted_labels() -> Program:
    x, y = blobs(6400)
    order = torch.argsort(y)
    x, y = x[order], y[order]
    model = mlp()
    optimizer = adam(model)

    def step(i: int) -> Tensor:
        rows = torch.arange(32 * i, 32 * i + 32) % len(x)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        return loss

    return Program(model, optimizer, step)


# name: (program, code, the least level that it must get, a word of where)
BROKEN: dict[str, tuple[Callable[[], Program], str, str, str]] = {
    "nan input": (nan_input, "O20", "stop", "samples"),
    "log of zero": (log_of_zero, "O20", "stop", "2"),
    "root of zero": (root_of_zero, "O20", "stop", "0."),
    "division in the loss": (zero_counted, "O20", "stop", "loss"),
    "SGD at 1000": (rate_too_high(1000.0, torch.optim.SGD), "O20", "stop", ""),
    "RMSprop at 0.3": (rate_too_high(0.3, torch.optim.RMSprop), "O01", "warn", ""),
    "Adam at 3": (rate_too_high(3.0, torch.optim.Adam), "O01", "warn", ""),
    "rate too low": (rate_too_low, "O02", "warn", ""),
    "never cleared": (never_cleared, "O03", "stop", "loop"),
    "never cleared, Adam": (lambda: never_cleared(torch.optim.Adam), "O03", "stop", "loop"),
    "never cleared, clipped": (lambda: never_cleared(clip=True), "O03", "stop", "loop"),
    "optimiser of another model": (other_model, "O04", "stop", "optimizer"),
    "head replaced": (head_replaced, "O04", "warn", "4"),
    "head left out": (head_left_out, "O04", "warn", "4"),
    "step undone": (step_undone, "O04", "stop", "optimizer"),
    "rate zero": (rate_zero, "O05", "warn", "optimizer"),
    "step decay by batch": (step_decay_by_batch, "O05", "warn", "optimizer"),
    "exponential by batch": (exponential_by_batch, "O05", "note", "optimizer"),
    "cosine by batch for epochs": (cosine_by_batch_for_epochs, "O05", "warn", "scheduler"),
    "one cycle by epoch": (one_cycle_by_epoch, "O05", "warn", "scheduler"),
    "never scheduled": (never_scheduled, "O05", "warn", "scheduler"),
    "sum": (summed, "O07", "note", "loss"),
    "sum seen in the last batch": (summed_last_batch, "O07", "note", "loss"),
    "vanishing": (vanishing, "O09", "warn", "0"),
    "dead": (dead, "O10", "warn", "2"),
    "dead, as a function": (dead_function, "O10", "warn", "b"),
    "saturated": (saturated, "O11", "warn", "0"),
    "clipped to nothing": (clipped_to_nothing, "O12", "warn", "optimizer"),
    "clipped late": (clipped_late, "O12", "warn", "optimizer"),
    "overflowing": (overflowing, "O15", "note", "optimizer"),
    "maximised": (maximised, "O17", "stop", "optimizer"),
    "negated": (negated, "O17", "stop", "loss"),
    "negated squares": (negated_squares, "O17", "stop", "loss"),
    "flipping": (flipping, "O18", "note", "loss"),
    "unrelated labels": (unrelated_labels, "O19", "warn", "loss"),
    "blind regression": (blind_regression, "O19", "warn", "loss"),
    "bad batch": (bad_batch, "O22", "note", "loss"),
    "evaluated in training mode": (evaluated_in_training_mode(True), "E01", "warn", "loop"),
    "evaluated in training mode, not told": (evaluated_in_training_mode(False), "E01", "warn", "loop"),
    "training mode not restored": (training_mode_not_restored, "E02", "warn", "loop"),
    "slow statistics": (slow_statistics, "E03", "warn", "1"),
    "NLL of probabilities": (not_log, "M03", "stop", "output"),
    "NLL of raw scores": (raw_into_nll, "M03", "stop", "output"),
    "softmax twice": (softmax_twice, "M01", "stop", "output"),
    "sigmoid twice": (sigmoid_twice, "M04", "warn", "output"),
    "graph cut": (cut, "M26", "note", "a"),
    "layer unused": (unused, "M24", "note", "a"),
    "frozen statistics move": (frozen_statistics_move, "M28", "note", "0.1"),
    "frozen weights move": (frozen_weights_move, "M28", "warn", "0"),
    "all pairs": (all_pairs, "D12", "warn", "loss"),
    "sorted labels": (sorted_labels, "D22", "warn", "train"),
}
