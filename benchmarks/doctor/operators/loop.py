"""Faults of the loop, the optimiser and the evaluation: rows O and E, and DeepCrime's on hyper-parameters."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from programs.program import Data, Program
from torch import Tensor, nn

from operators.operator import DoesNotApply, last_linear, operator, with_loss, with_model

PLAIN = ("plain",)


def _alone(p: Program) -> bool:
    """One network, one optimiser."""
    return p.task != "samples"


@operator("learning rate 100 times", "O01", "training", accept="O08 O10 O18 O20 O19", deepcrime="HLR")
def fast(program: Program) -> Program:
    return replace(program, learning_rate=program.learning_rate * 100)


@operator("learning rate 1000 times", "O01", "training", accept="O08 O10 O18 O20 O19", deepcrime="HLR")
def very_fast(program: Program) -> Program:
    return replace(program, learning_rate=program.learning_rate * 1000)


@operator("learning rate a thousandth", "O02", "training", accept="O19", deepcrime="HLR")
def slow(program: Program) -> Program:
    return replace(program, learning_rate=program.learning_rate / 1000)


@operator("adam's rate for plain SGD", "O02", "training", accept="O19 O27", deepcrime="OCH",
          where=lambda p: p.optimizer in ("adam", "adamw") and p.task != "samples")  # fmt: skip
def slow_sgd(program: Program) -> Program:
    return replace(program, optimizer="sgd")


@operator("SGD's rate for adam", "O01", "training", accept="O08 O10 O18 O20 O19", deepcrime="OCH",
          where=lambda p: p.optimizer == "momentum")  # fmt: skip
def fast_adam(program: Program) -> Program:
    return replace(program, optimizer="adam", learning_rate=program.learning_rate * 4)


@operator("zero_grad forgotten", "O03", "training", loops=PLAIN)
def no_zero_grad(program: Program) -> Program:
    return replace(program, zero_grad=False)


@operator("step forgotten", "O04", "training", loops=PLAIN, where=_alone)
def no_step(program: Program) -> Program:
    return replace(program, step=False)


@operator("optimizer of another copy", "O04", "preflight", accept="M26", loops=PLAIN, where=_alone)
def other_copy(program: Program) -> Program:
    """The model was rebuilt after the optimiser was made."""
    return replace(program, parameters=lambda model: [p for p in copy.deepcopy(model).parameters() if p.requires_grad])


@operator("optimizer without the head", "O04", "preflight", accept="M26", loops=PLAIN, where=_alone)
def without_head(program: Program) -> Program:
    def some(model: nn.Module) -> list[nn.Parameter]:
        head = {id(p) for p in last_linear(model).parameters()}
        found = [p for p in model.parameters() if p.requires_grad and id(p) not in head]
        if not found:
            return [nn.Parameter(p.detach().clone()) for p in last_linear(model).parameters()]
        return found

    return replace(program, parameters=some)


@operator("schedule of epochs stepped by batch", "O05", "training", accept="O02 O27", loops=PLAIN, where=_alone)
def early_schedule(program: Program) -> Program:
    def schedule(optimizer: torch.optim.Optimizer, _steps: int, _epoch: int) -> Any:
        return torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.3)

    return replace(program, schedule=schedule)


@operator("warm-up that never ends", "O05", "training", accept="O02 O27", loops=PLAIN, where=_alone)
def endless_warm_up(program: Program) -> Program:
    def schedule(optimizer: torch.optim.Optimizer, steps: int, _epoch: int) -> Any:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (steps * 300)))

    return replace(program, schedule=schedule)


class _Summed:
    """Gradients of micro batches added up as if each were the whole batch."""

    def __init__(self, loss: Any, times: int) -> None:
        self.loss, self.times = loss, times

    def __call__(self, scores: Tensor, y: Tensor) -> Tensor:
        return self.loss(scores, y) * self.times


@operator("accumulation that adds up", "O06", "training", accept="O07 O01", loops=PLAIN,
          where=lambda p: p.optimizer == "momentum")  # fmt: skip
def added_up(program: Program) -> Program:
    changed = replace(program, loss=_Summed(program.loss, 16), accumulate=16)
    return replace(changed, batch_size=max(2, program.batch_size // 16))


@operator(
    "sum in place of mean", "O07", "preflight", accept="O01", where=lambda p: p.task not in ("label-sets", "tags")
)
def summed(program: Program) -> Program:
    loss = program.loss

    def total(scores: Tensor, y: Tensor) -> Tensor:
        return (nn.functional.cross_entropy if loss is None else loss)(scores, y) * len(y)

    if program.loop == "learner":
        return replace(program, loss=lambda scores, y: (total(scores, y), torch.tensor(1.0)), optimizer="sgd",
                       learning_rate=program.learning_rate * 20)  # fmt: skip
    return replace(program, loss=total)


@operator("gradient clipped to nothing", "O12", "training", accept="O02", deepcrime="OCG",
          where=lambda p: p.optimizer in ("momentum", "sgd"))  # fmt: skip
def clipped_away(program: Program) -> Program:
    return replace(program, clip=1e-4)


@operator("plain SGD, clipped to nothing", "O12", "training", accept="O02", deepcrime="OCG",
          where=lambda p: p.optimizer in ("adam", "adamw") and p.task != "samples")  # fmt: skip
def sgd_clipped_away(program: Program) -> Program:
    return replace(program, optimizer="sgd", learning_rate=program.learning_rate * 20, clip=1e-4)


@operator("weight decay of 3", "O13", "preflight", deepcrime="RAW", where=_alone)
def much_decay(program: Program) -> Program:
    return replace(program, weight_decay=30.0 if program.optimizer == "adamw" else 3.0)


@operator("a penalty larger than the loss", "O13", "preflight", deepcrime="RCW", loops=("learner",))
def penalty(program: Program) -> Program:
    return replace(program, learner={**program.learner, "l1": 0.3})


@operator("regularisation removed", "E09", "training", accept="M31", deepcrime="RRW",
          where=lambda p: p.weight_decay > 0 or p.kind == "cnn")  # fmt: skip
def unregularised(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        for layer in model.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
        return model

    return replace(with_model(program, change), weight_decay=0.0)


@operator("sign turned", "O17", "training", accept="M03")
def maximised(program: Program) -> Program:
    loss = program.loss
    if program.loop == "learner":
        if program.task != "category":
            raise DoesNotApply("loss is the output's own")
        return with_loss(program, lambda scores, y: -nn.functional.cross_entropy(scores, y))
    return replace(program, loss=lambda scores, y: -loss(scores, y))  # type: ignore[misc]


@operator("momentum of 0.995", "O18", "training", accept="O01 O24 O08 O20", loops=PLAIN,
          where=lambda p: p.optimizer == "momentum")  # fmt: skip
def heavy(program: Program) -> Program:
    return replace(program, optimizer_options={"momentum": 0.995}, learning_rate=program.learning_rate * 4)


@operator("logarithm of zero", "O20", "training", accept="M02 D05 M09", loops=PLAIN,
          where=lambda p: p.task == "category" and p.name != "imbalanced")  # fmt: skip
def log_of_zero(program: Program) -> Program:
    """Cross-entropy by hand: p log p with a probability that rounds to zero."""

    def loss(scores: Tensor, y: Tensor) -> Tensor:
        p = torch.softmax(scores * 8, 1)
        return -(nn.functional.one_hot(y, scores.shape[1]) * torch.log(p)).sum(1).mean()

    return replace(program, loss=loss)


@operator("adam with an epsilon of 1", "O24", "preflight", accept="O02", loops=PLAIN,
          where=lambda p: p.optimizer in ("adam", "adamw") and p.task != "samples")  # fmt: skip
def large_epsilon(program: Program) -> Program:
    return replace(program, optimizer_options={"eps": 1.0})


@operator("one batch of everything", "O24", "preflight", accept="O27 O02", deepcrime="HDB", where=_alone)
def one_batch(program: Program) -> Program:
    return replace(program, batch_size=100_000)


@operator("batches of half the set", "O24", "preflight", accept="O27 O02", deepcrime="HBS", where=_alone)
def large_batches(program: Program) -> Program:
    return replace(program, batch_size=400)


@operator("one epoch", "O27", "training", accept="O02", deepcrime="HNE")
def one_epoch(program: Program) -> Program:
    return replace(program, epochs=1)


@operator("stops at the first bad epoch", "O27", "training", accept="E06 O02", deepcrime="CPP", where=_alone)
def impatient(program: Program) -> Program:
    """The smallest patience, and a gain that counts only if it is large."""
    return replace(program, patience=1, min_delta=0.5)


# ---- evaluation


@operator("evaluation mode forgotten", "E01", "training", accept="E03", loops=PLAIN, where=_alone)
def no_eval(program: Program) -> Program:
    return replace(program, eval_mode=False)


@operator("training mode not restored", "E02", "training", accept="E03", loops=PLAIN, where=_alone)
def no_train(program: Program) -> Program:
    return replace(program, train_mode="once")


@operator("discriminator far ahead", "M32", "training", accept="O01 O02", only=("gan",))
def ahead(program: Program) -> Program:
    return replace(program, learner={"discriminator_factor": 5.0, "generator_factor": 0.01})


@operator("generator far ahead", "M32", "training", accept="O01 O02", only=("gan",))
def generator_ahead(program: Program) -> Program:
    return replace(program, learner={"discriminator_factor": 0.005, "generator_factor": 10.0})
