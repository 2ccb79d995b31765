"""Optimisers by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.optim.adadelta import Adadelta
from deepwell.optim.adagrad import Adagrad
from deepwell.optim.adam import Adam
from deepwell.optim.decayed import is_decayed
from deepwell.optim.muon import Muon, hidden
from deepwell.optim.optimizer import Optimizer
from deepwell.optim.rmsprop import RMSprop
from deepwell.optim.rule import Rule
from deepwell.optim.sgd import SGD


@dataclass(frozen=True)
class Entry:
    """A named optimiser.

    Attributes:
        make: options to a rule.
        description: what it is, and its source.
        learning_rate: one to begin with.
        options: names of the options that ``make`` takes.
        fits: ``(names, parameters, decayed) -> for each, whether the rule is meant for it``; what it is not meant for
            is updated by AdamW. None: it is meant for all.
    """

    make: Callable[..., Rule]
    description: str
    learning_rate: float
    options: tuple[str, ...] = ()
    fits: Callable[[Sequence[str], Sequence[Tensor], Sequence[bool]], list[bool]] | None = None


OPTIMIZERS: dict[str, Entry] = {
    "sgd": Entry(lambda: SGD(), "stochastic gradient descent (Robbins and Monro 1951)", 0.01),
    "momentum": Entry(lambda momentum=0.9: SGD(momentum), "SGD with momentum (Polyak 1964)", 0.01, ("momentum",)),
    "nesterov": Entry(
        lambda momentum=0.9: SGD(momentum, nesterov=True), "SGD with Nesterov's momentum (1983)", 0.01, ("momentum",)
    ),
    "adagrad": Entry(Adagrad, "Adagrad (Duchi et al. 2011)", 0.01, ("eps",)),
    "adadelta": Entry(Adadelta, "Adadelta (Zeiler 2012)", 1.0, ("rho", "eps")),
    "rmsprop": Entry(RMSprop, "RMSprop (Tieleman and Hinton 2012)", 0.001, ("alpha", "eps", "momentum")),
    "adam": Entry(Adam, "Adam (Kingma and Ba 2015)", 0.001, ("betas", "eps")),
    "adamw": Entry(
        lambda betas=(0.9, 0.999), eps=1e-8: Adam(betas, eps, decoupled=True),
        "Adam with decoupled weight decay (Loshchilov and Hutter 2019)",
        0.001,
        ("betas", "eps"),
    ),
    "muon": Entry(
        Muon,
        "momentum made orthogonal for matrices and filters, AdamW for the rest (Jordan et al. 2024)",
        0.002,
        ("momentum",),
        hidden,
    ),
}


def build(
    name: str,
    named_parameters: Iterable[tuple[str, Tensor]],
    *,
    learning_rate: float | None = None,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    undecayed: Collection[str] | None = None,
    factors: Mapping[str, float] | None = None,
    **options: Any,
) -> Optimizer:
    """An optimiser over named parameters.

    Weight decay and L1 act on matrices and filters alone: biases and the parameters of normalisation layers
    (one dimension or none) and embeddings (``embedding`` in the name) are left as they are.

    Args:
        name: see ``OPTIMIZERS``.
        named_parameters: as ``module.named_parameters()`` gives them.
        learning_rate: checked and not kept: each step is told its own.
        weight_decay, l1: strengths, at least 0.
        undecayed: names that weight decay and L1 leave alone, such as ``undecayed(model)`` gives; None goes by
            dimensions and names.
        factors: by name, what a parameter's learning rate is multiplied by; 1 for one that is not named.
        options: of the rule, such as ``momentum`` or ``betas``.

    Raises:
        UserError: unknown name or option, a number out of range, no parameters.

    >>> import torch
    >>> w = torch.tensor([1.0])
    >>> build("sgd", [("w", w)]).step([torch.tensor([2.0])], 0.1)
    >>> w
    tensor([0.8000])
    """
    if name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS)
    entry = OPTIMIZERS[name]
    for option, value in options.items():
        if option not in entry.options:
            raise unknown_name(f"option of {name}", option, entry.options or ["(none)"])
        _check_option(option, value)
    if learning_rate is not None and not (_is_number(learning_rate) and 0 < learning_rate < math.inf):
        fix = f"leave it out for {entry.learning_rate}, the usual one of {name}"
        raise UserError(f"learning_rate is {learning_rate}", expected="a number above 0", fix=fix)
    for word, value in (("weight_decay", weight_decay), ("l1", l1)):
        if not (_is_number(value) and 0 <= value < math.inf):
            raise UserError(f"{word} is {value}", expected="a number from 0 up", fix=f"leave {word} out")
    named = list(named_parameters)
    if not named:
        raise UserError("there are no parameters to optimise", fix="set requires_grad on some of the model's")
    decayed = [is_decayed(key, p) if undecayed is None else key not in undecayed for key, p in named]
    given = factors or {}
    for key, factor in given.items():
        if not (_is_number(factor) and 0 < factor < math.inf):
            raise UserError(f"the learning rate's factor of {key} is {factor}", expected="a number above 0")
    scales = [float(given.get(key, 1.0)) for key, _ in named]
    names, parameters = [key for key, _ in named], [p for _, p in named]
    rule = entry.make(**options)
    rules = [rule] * len(parameters)
    if entry.fits is not None:
        other = OPTIMIZERS["adamw"].make()
        rules = [rule if fits else other for fits in entry.fits(names, parameters, decayed)]
    return Optimizer(parameters, rules, decayed=decayed, weight_decay=weight_decay, l1=l1, factors=scales)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_option(option: str, value: Any) -> None:
    """Refuse what would make an update diverge, stand still or divide by zero."""
    if option == "eps":
        right, expected = _is_number(value) and 0 < value < math.inf, "a number above 0"
    elif option == "betas":
        right = isinstance(value, (tuple, list)) and len(value) == 2
        right = right and all(_is_number(beta) and 0 <= beta < 1 for beta in value)
        expected = "two numbers from 0 to below 1, such as (0.9, 0.999)"
    else:
        right, expected = _is_number(value) and 0 <= value < 1, "a number from 0 to below 1"
    if not right:
        raise UserError(f"{option} is {value}", expected=expected, fix=f"leave {option} out")
