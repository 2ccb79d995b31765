"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.optim.optimizer import Optimizer
from deepwell.optim.rules import SGD, Adadelta, Adagrad, Adam, RMSprop, Rule


@dataclass(frozen=True)
class Entry:
    """A named optimiser: how to make its rule, the options it takes, and a learning rate to begin with."""

    make: Callable[..., Rule]
    description: str
    learning_rate: float
    options: tuple[str, ...] = ()


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
}


def build(
    name: str,
    named_parameters: Iterable[tuple[str, Tensor]],
    *,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    **options: Any,
) -> Optimizer:
    """An optimiser over named parameters.

    Weight decay and L1 act on matrices and filters alone: biases and the parameters of normalisation layers
    (one dimension or none) and embeddings (``embedding`` in the name) are left as they are.

    Args:
        name: see ``OPTIMIZERS``.
        named_parameters: as ``module.named_parameters()`` gives them.
        weight_decay, l1: strengths, at least 0.
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
    for option in options:
        if option not in entry.options:
            raise unknown_name(f"option of {name}", option, entry.options or ["(none)"])
    for word, value in (("weight_decay", weight_decay), ("l1", l1)):
        if not 0 <= value < float("inf"):
            raise UserError(f"{word} is {value}", expected="a number from 0 up", fix=f"leave {word} out")
    named = list(named_parameters)
    if not named:
        raise UserError("there are no parameters to optimise", fix="set requires_grad on some of the model's")
    decayed = [p.dim() > 1 and "embedding" not in key.lower() for key, p in named]
    rule = entry.make(**options)
    return Optimizer([p for _, p in named], rule, decayed=decayed, weight_decay=weight_decay, l1=l1)
