"""What a mutation operator is, and how it changes one part of a program."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import torch
from programs.adversarial import Pair
from programs.learners import Named
from programs.program import Data, Program
from torch import Tensor, nn


class DoesNotApply(Exception):
    """The program has no such part: no rectifier to take away, no column to break."""


@dataclass(frozen=True)
class Operator:
    """A fault that is planted into a healthy program.

    Attributes:
        name: of the operator.
        code: of the catalogue of faults.
        accept: other codes that name the cause equally well, or whose fix repairs it.
        stage: ``preflight``: can be known before training; ``training``: only shows in it.
        applies: whether a program has the part.
        mutate: the program with the fault.
        deepcrime: the operator of DeepCrime (Humbatova 2021) that it is, or "".
        declared: why the mutant is worse without a measurement, or "".
    """

    name: str
    code: str
    accept: frozenset[str]
    stage: str
    applies: Callable[[Program], bool]
    mutate: Callable[[Program], Program]
    deepcrime: str = ""
    declared: str = ""

    @property
    def right(self) -> frozenset[str]:
        """Every code that counts as a hit."""
        return self.accept | {self.code}


OPERATORS: dict[str, Operator] = {}


def operator(
    name: str,
    code: str,
    stage: str,
    *,
    accept: str = "",
    tasks: Collection[str] = (),
    loops: Collection[str] = ("plain", "learner"),
    only: Collection[str] = (),
    deepcrime: str = "",
    declared: str = "",
    where: Callable[[Program], bool] | None = None,
) -> Callable[[Callable[[Program], Program]], Callable[[Program], Program]]:
    """Registers a function Program -> Program.

    ``tasks``, ``loops`` and ``only`` (names of programs) say where it applies; empty says everywhere.
    """
    if name in OPERATORS:
        raise ValueError(f"two operators are called {name}")

    def applies(program: Program) -> bool:
        return (
            (not tasks or program.task in tasks)
            and program.loop in loops
            and (not only or program.name in only)
            and (where is None or where(program))
        )

    def register(mutate: Callable[[Program], Program]) -> Callable[[Program], Program]:
        OPERATORS[name] = Operator(name, code, frozenset(accept.split()), stage, applies, mutate, deepcrime, declared)
        return mutate

    return register


# ---- one part changed


def with_data(program: Program, change: Callable[[Data], Data]) -> Program:
    """The data that the model (or the Learner) is given, changed."""
    prepare = program.prepare
    return replace(program, prepare=lambda raw: change(prepare(raw)))


class Changed:
    """A model factory whose modules are changed; of a name the change waits until the network was built."""

    def __init__(self, make: Any, change: Callable[[nn.Module, Data], nn.Module]) -> None:
        self.make = make
        self._change = change
        if isinstance(make, Named):
            self.change = change

    def __call__(self, data: Data) -> Any:
        made = self.make(data)
        if isinstance(made, str):
            return made
        if isinstance(made, Pair):
            made.discriminator = self._change(made.discriminator, data)
            return made
        return self._change(made, data)


def with_model(program: Program, change: Callable[[nn.Module, Data], nn.Module]) -> Program:
    """The network, changed after it was built; of an adversarial pair the discriminator."""
    return replace(program, model=Changed(program.model, change))


def with_loss(program: Program, loss: Callable[[Any, Tensor], Tensor]) -> Program:
    """Another loss, given as a mean over the batch; a Learner is given (sum, count)."""
    if program.loop == "plain":
        return replace(program, loss=loss)
    return replace(program, loss=lambda scores, y: (loss(scores, y) * len(y), len(y)))


# ---- pieces


def pick(part: Any, rows: Any) -> Any:
    """Rows of a tensor or of a list."""
    rows = [int(i) for i in rows]
    return part[rows] if isinstance(part, Tensor) else [part[i] for i in rows]


def joined(first: Any, second: Any) -> Any:
    return torch.cat([first, second]) if isinstance(first, Tensor) else first + second


def of_classes(data: Data) -> int:
    return int(data.facts.get("classes", 2))


def end_with(model: nn.Module, *layers: nn.Module) -> nn.Module:
    """Layers behind the last one, where a user would have written them."""
    head = getattr(model, "head", None)
    if isinstance(head, nn.Module):
        model.head = nn.Sequential(head, *layers)
        return model
    return nn.Sequential(*model, *layers) if isinstance(model, nn.Sequential) else nn.Sequential(model, *layers)


def last_linear(model: nn.Module) -> nn.Linear:
    found = [m for m in model.modules() if isinstance(m, nn.Linear)]
    if not found:
        raise DoesNotApply("no linear layer")
    return found[-1]


def swap(model: nn.Module, kinds: tuple[type[nn.Module], ...], make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Every layer of these kinds replaced."""
    found = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kinds):
                setattr(parent, name, make(child))
                found += 1
    if not found:
        raise DoesNotApply("no layer of this kind")
    return model


RECTIFIERS: tuple[type[nn.Module], ...] = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.GELU)


class Before(nn.Module):
    """Something done to the input before the model sees it."""

    def __init__(self, model: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.change = model, change

    def forward(self, x: Tensor) -> Tensor:
        return self.model(self.change(x))


class Do(nn.Module):
    """A line of forward as a layer."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(x)
