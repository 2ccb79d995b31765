"""Faults at the end of the network: how its answers meet the loss (rows M01 to M09)."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from programs.program import Data, Program
from torch import Tensor, nn

from operators.operator import (
    Do,
    DoesNotApply,
    end_with,
    last_linear,
    operator,
    with_loss,
    with_model,
)

ONE_OUTPUT = ("binary",)


LOGITS = ("binary", "multi-label", "samples")


def probable(p: Program) -> bool:
    """Its loss is cross-entropy over scores [n, c]."""
    return p.task == "category" and p.name != "imbalanced"


@operator("softmax before cross-entropy", "M01", "preflight", tasks=("category", "characters"), deepcrime="ACH")
def double_softmax(program: Program) -> Program:
    return with_model(program, lambda m, d: end_with(m, nn.Softmax(-1)))


@operator("logits into BCELoss", "M02", "preflight", accept="M03", tasks=LOGITS, loops=("plain",))
def logits_into_probabilities(program: Program) -> Program:
    return replace(program, loss=nn.BCELoss())


@operator("NLL of raw scores", "M02", "preflight", accept="M03", where=probable)
def nll_of_scores(program: Program) -> Program:
    return with_loss(program, F.nll_loss)


@operator("NLL of probabilities", "M03", "preflight", accept="M02", where=probable)
def nll_of_probabilities(program: Program) -> Program:
    return with_loss(with_model(program, lambda m, d: end_with(m, nn.Softmax(-1))), F.nll_loss)


@operator("sigmoid before BCE-with-logits", "M04", "preflight", tasks=LOGITS, loops=("plain",), deepcrime="ACH")
def double_sigmoid(program: Program) -> Program:
    changed = with_model(program, lambda m, d: end_with(m, nn.Sigmoid()))
    return changed if program.task == "samples" else replace(changed, score=above_half)


def above_half(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(((model(x) > 0.5) == (y > 0.5)).float().mean())


@operator("softmax on one unit", "M05", "preflight", accept="M18", tasks=ONE_OUTPUT, loops=("plain",))
def softmax_of_one(program: Program) -> Program:
    changed = with_model(program, lambda m, d: end_with(m, nn.Softmax(1)))
    return replace(changed, loss=nn.BCELoss(), score=above_half)


def _one_hot_squares(scores: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(scores, F.one_hot(y, scores.shape[-1]).float())


@operator("squared error for classes", "M06", "preflight", where=probable, deepcrime="LCH")
def squares_for_classes(program: Program) -> Program:
    return with_loss(program, _one_hot_squares)


@operator("absolute error of class numbers", "M06", "preflight", accept="M07 D12", where=probable, deepcrime="LCH")
def numbers_as_quantities(program: Program) -> Program:
    """The mean of the outputs is fitted to the class number."""
    return with_loss(program, lambda scores, y: F.l1_loss(scores.mean(1), y.float()))


@operator("cross-entropy for many labels", "M06", "preflight", accept="D34", tasks=("multi-label",), loops=("plain",),
          deepcrime="LCH")  # fmt: skip
def exclusive_for_many(program: Program) -> Program:
    return replace(program, loss=nn.CrossEntropyLoss())


@operator("squared error for yes or no", "M06", "preflight", tasks=("binary", "multi-label"), loops=("plain",),
          deepcrime="LCH")  # fmt: skip
def squares_for_binary(program: Program) -> Program:
    return replace(program, loss=nn.MSELoss())


@operator("one output too few", "M07", "preflight", accept="D11", where=probable)
def too_few_outputs(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        layer = last_linear(model)
        if layer.out_features < 3:
            raise DoesNotApply("too few")
        layer.weight = nn.Parameter(layer.weight.detach()[:-1])
        layer.bias = nn.Parameter(layer.bias.detach()[:-1])
        layer.out_features -= 1
        return model

    return with_model(program, change)


@operator("softmax over the batch", "M08", "preflight", accept="M01 M19", where=probable)
def wrong_axis(program: Program) -> Program:
    return with_loss(with_model(program, lambda m, d: end_with(m, nn.LogSoftmax(0))), F.nll_loss)


@operator("an end that cannot reach the target", "M09", "preflight", tasks=("regression", "reconstruction"),
          deepcrime="ACH")  # fmt: skip
def short_reach(program: Program) -> Program:
    end = nn.Sigmoid() if program.task == "regression" else nn.Sequential(nn.Tanh(), Do(lambda x: x * 0.3))
    return with_model(program, lambda m, d: end_with(m, end))


@operator("rectifier on the scores", "M09", "preflight", accept="M11 O10 M18", deepcrime="AAL",
          tasks=("category", "binary", "multi-label", "regression", "characters"))  # fmt: skip
def rectified_scores(program: Program) -> Program:
    return with_model(program, lambda m, d: end_with(m, nn.ReLU()))
