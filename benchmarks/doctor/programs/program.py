"""A training program: its replaceable parts, and the plain loop that runs it as tutorials write it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


@dataclass(frozen=True)
class Data:
    """Three parts of samples and answers; as they come from the world, or ready for the model after ``prepare``.

    Attributes:
        x, y: for training.
        x_val, y_val: what the program holds out, and reports on.
        x_test, y_test: what no program ever sees: it tells what the model is worth.
        facts: what else a model must know to be built: ``classes``, ``vocabulary``, ...
    """

    x: Any
    y: Any
    x_val: Any
    y_val: Any
    x_test: Any
    y_test: Any
    facts: dict[str, Any] = field(default_factory=dict)


class Samples(Dataset):  # type: ignore[type-arg]
    """Pairs (x[i], y[i]); ``augment`` changes x each time it is asked for."""

    def __init__(self, x: Tensor, y: Tensor, augment: Callable[[Tensor], Tensor] | None = None) -> None:
        self.x, self.y, self.augment = x, y, augment

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return (self.x[i] if self.augment is None else self.augment(self.x[i])), self.y[i]


@dataclass(frozen=True)
class Program:
    """What a user's training script says, part by part. An operator replaces one part.

    Attributes:
        name, kind, task: ``task`` is what is answered: category, binary, multi-label, regression, reconstruction,
            characters, pairs, samples.
        loop: ``plain`` or ``learner``, deepwell's own.
        data: seed -> raw data.
        prepare: raw data -> what the model is given; learns on the training part only.
        model: prepared data -> module.
        loss: (scores, targets) -> scalar; of a Learner program (sum, count), or None for deepwell's own.
        score: (model, x, y) -> number, higher is better; of a Learner program its name in the evaluation.
        optimizer: sgd, momentum, adam, adamw, rmsprop, adagrad, nadam.
        optimizer_options: beside the learning rate and the weight decay.
        parameters: what the optimiser is given.
        schedule: (optimizer, steps in all, steps an epoch) -> scheduler, stepped after every batch.
        zero_grad, train_mode, eval_mode, step: lines of the loop that can be forgotten.
        train_mode: ``each`` epoch, ``once`` before the first.
        patience, min_delta: epochs without a validation loss better by so much; 0 epochs never stops early.
        keep_best: give back the weights of the best epoch.
        augment, augment_validation: of one sample; validation has none unless told so.
        learner: further settings of a Learner program.
        reading: how a Learner program reads its samples.
        run: how the program trains; another than ``train`` for a program with two optimisers.
    """

    name: str
    kind: str
    task: str
    data: Callable[[int], Data]
    model: Callable[[Data], Any]
    score: Any
    loss: Callable[[Any, Tensor], Tensor] | None = None
    prepare: Callable[[Data], Data] = lambda data: data
    loop: str = "plain"
    batch_size: int = 32
    epochs: int = 10
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    optimizer_options: dict[str, Any] = field(default_factory=dict)
    weight_decay: float = 0.0
    parameters: Callable[[nn.Module], Iterable[Any]] = lambda model: [p for p in model.parameters() if p.requires_grad]
    schedule: Callable[[torch.optim.Optimizer, int, int], Any] | None = None
    shuffle: bool = True
    drop_last: bool = False
    clip: float | None = None
    accumulate: int = 1
    zero_grad: bool = True
    step: bool = True
    train_mode: str = "each"
    eval_mode: bool = True
    validate: bool = True
    patience: int = 0
    min_delta: float = 0.0
    keep_best: bool = False
    augment: Callable[[Tensor], Tensor] | None = None
    augment_validation: Callable[[Tensor], Tensor] | None = None
    learner: dict[str, Any] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)
    run: Callable[..., Run] | None = None


@dataclass
class Run:
    """How a program ended: what the model is worth, what the program says it is, and the loss of every step."""

    score: float
    reported: float
    losses: list[float]
    model: Any = None


@dataclass
class Built:
    """A program about to make its first step."""

    data: Data
    model: nn.Module
    optimizer: torch.optim.Optimizer
    train: DataLoader[Any]
    validation: DataLoader[Any] | None
    scheduler: Any = None


_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda p, **o: torch.optim.SGD(p, **{"momentum": 0.9, **o}),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "nadam": torch.optim.NAdam,
}


def build(program: Program, seed: int = 0) -> Built:
    """Everything before the first step."""
    torch.manual_seed(seed)
    data = program.prepare(program.data(seed))
    model = program.model(data)
    optimizer = _OPTIMIZERS[program.optimizer](
        program.parameters(model),
        lr=program.learning_rate,
        weight_decay=program.weight_decay,
        **program.optimizer_options,
    )
    train = DataLoader(
        Samples(data.x, data.y, program.augment),
        batch_size=program.batch_size,
        shuffle=program.shuffle,
        drop_last=program.drop_last,
    )
    held_out = Samples(data.x_val, data.y_val, program.augment_validation)
    validation = DataLoader(held_out, batch_size=256) if program.validate else None
    scheduler = program.schedule(optimizer, len(train) * program.epochs, len(train)) if program.schedule else None
    return Built(data, model, optimizer, train, validation, scheduler)


class NoWatch:
    """Stands where the doctor's watch would stand."""

    def step(self, loss: Tensor) -> None: ...

    def epoch(self, **values: float) -> None: ...


class Enough(Exception):
    """Raised by a watch that has seen the steps that it was to see."""


def train(program: Program, seed: int = 0, *, watch: Any = None, built: Built | None = None) -> Run:
    """Train and measure. ``watch`` has ``step`` and ``epoch``, as ``deepwell.doctor.training.watch`` gives them."""
    if program.run is not None:
        return program.run(program, seed, watch=watch, built=built)
    made = built or build(program, seed)
    watch = watch or NoWatch()
    model, optimizer = made.model, made.optimizer
    losses: list[float] = []
    best, waited, kept = math.inf, 0, None
    turn = count(1)
    model.train()
    for _ in range(program.epochs):
        if program.train_mode == "each":
            model.train()
        seen: list[float] = []
        for x, y in made.train:
            number = next(turn)
            if program.zero_grad and (number - 1) % program.accumulate == 0:
                optimizer.zero_grad()
            loss = program.loss(model(x), y)  # type: ignore[misc]
            (loss / program.accumulate).backward()
            if number % program.accumulate == 0:
                if program.clip:
                    nn.utils.clip_grad_norm_(model.parameters(), program.clip)
                if program.step:
                    optimizer.step()
            if made.scheduler is not None:
                made.scheduler.step()
            losses.append(loss.item())
            seen.append(losses[-1])
            watch.step(loss)
        values = {"loss": sum(seen) / max(1, len(seen))}
        if made.validation is not None:
            values["val_loss"] = _validate(program, model, made.validation)
            if program.task in ("category", "binary", "multi-label"):
                with torch.no_grad():
                    values["val_accuracy"] = program.score(model, made.data.x_val, made.data.y_val)
        watch.epoch(**values)
        now = values.get("val_loss", math.inf)
        best, waited = (now, 0) if now < best - program.min_delta else (best, waited + 1)
        if program.keep_best and waited == 0:
            kept = copy.deepcopy(model.state_dict())
        if program.patience and waited >= program.patience:
            break
    if kept is not None:
        model.load_state_dict(kept)
    return measure(program, made.data, model, losses)


def _validate(program: Program, model: nn.Module, loader: DataLoader[Any]) -> float:
    if program.eval_mode:
        model.eval()
    total, samples = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            total += float(program.loss(model(x), y)) * len(x)  # type: ignore[misc]
            samples += len(x)
    return total / max(1, samples)


def measure(program: Program, data: Data, model: Any, losses: list[float]) -> Run:
    """The held-out score, and the score that the program itself would print.

    A program that forgets evaluation mode forgets it here too: these are the answers that its user would get.
    """
    if program.eval_mode:
        model.eval()
    with torch.no_grad():
        score = program.score(model, data.x_test, data.y_test)
        reported = program.score(model, data.x_val, data.y_val) if program.validate else math.nan
    return Run(_number(score), _number(reported), losses, model)


def _number(value: Any) -> float:
    value = float(value)
    return value if math.isfinite(value) else -1e9


def batches(x: Tensor, y: Tensor, size: int = 32) -> Iterator[tuple[Tensor, Tensor]]:
    """Consecutive batches."""
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]
