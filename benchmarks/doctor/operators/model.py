"""Faults of the network and of how it meets its loss: rows M of the catalogue, and DeepCrime's on layers."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from operators.operator import (
    RECTIFIERS,
    Before,
    Do,
    DoesNotApply,
    end_with,
    last_linear,
    of_classes,
    operator,
    swap,
    with_loss,
    with_model,
)
from programs import parts
from programs.adversarial import Pair
from programs.program import Data, Program

ONE_OUTPUT = ("binary",)
LOGITS = ("binary", "multi-label", "samples")



def _probable(p: Program) -> bool:
    """Its loss is cross-entropy over scores [n, c]."""
    return p.task == "category" and p.name != "imbalanced"


# ---- what leaves the network


@operator("softmax before cross-entropy", "M01", "preflight", tasks=("category", "characters"), deepcrime="ACH")
def double_softmax(program: Program) -> Program:
    return with_model(program, lambda m, d: end_with(m, nn.Softmax(-1)))


@operator("logits into BCELoss", "M02", "preflight", accept="M03", tasks=LOGITS, loops=("plain",))
def logits_into_probabilities(program: Program) -> Program:
    return replace(program, loss=nn.BCELoss())


@operator("NLL of raw scores", "M02", "preflight", accept="M03", where=_probable)
def nll_of_scores(program: Program) -> Program:
    return with_loss(program, F.nll_loss)


@operator("NLL of probabilities", "M03", "preflight", accept="M02", where=_probable)
def nll_of_probabilities(program: Program) -> Program:
    return with_loss(with_model(program, lambda m, d: end_with(m, nn.Softmax(-1))), F.nll_loss)


@operator("sigmoid before BCE-with-logits", "M04", "preflight", tasks=LOGITS, loops=("plain",), deepcrime="ACH")
def double_sigmoid(program: Program) -> Program:
    changed = with_model(program, lambda m, d: end_with(m, nn.Sigmoid()))
    return changed if program.task == "samples" else replace(changed, score=_above_half)


def _above_half(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(((model(x) > 0.5) == (y > 0.5)).float().mean())


@operator("softmax on one unit", "M05", "preflight", accept="M18", tasks=ONE_OUTPUT, loops=("plain",))
def softmax_of_one(program: Program) -> Program:
    changed = with_model(program, lambda m, d: end_with(m, nn.Softmax(1)))
    return replace(changed, loss=nn.BCELoss(), score=_above_half)


def _one_hot_squares(scores: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(scores, F.one_hot(y, scores.shape[-1]).float())


@operator("squared error for classes", "M06", "preflight", where=_probable, deepcrime="LCH")
def squares_for_classes(program: Program) -> Program:
    return with_loss(program, _one_hot_squares)


@operator("absolute error of class numbers", "M06", "preflight", accept="M07 D12", where=_probable, deepcrime="LCH")
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


@operator("one output too few", "M07", "preflight", accept="D11", where=_probable)
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


@operator("softmax over the batch", "M08", "preflight", accept="M01 M19", where=_probable)
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


# ---- between the layers


@operator("activations removed", "M10", "preflight", deepcrime="ARM")
def no_activation(program: Program) -> Program:
    return with_model(program, lambda m, d: swap(m, RECTIFIERS, lambda _: nn.Identity()))


@operator("sigmoid behind every activation", "M11", "preflight", accept="O09 O11", deepcrime="AAL")
def two_activations(program: Program) -> Program:
    return with_model(program, lambda m, d: swap(m, RECTIFIERS, lambda old: nn.Sequential(old, nn.Sigmoid())))


@operator("softmax between the layers", "M11", "training", accept="M01 O09 M13 M18", deepcrime="ACH",
          tasks=("category", "binary", "multi-label", "regression"))  # fmt: skip
def inner_softmax(program: Program) -> Program:
    return with_model(program, lambda m, d: swap(m, RECTIFIERS, lambda _: nn.Softmax(1)))


def _every_weight(model: nn.Module, change) -> nn.Module:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and parameter.requires_grad:
                change(parameter)
    return model


@operator("weights of zero", "M12", "preflight", accept="M18 M13", deepcrime="WCI")
def zeros(program: Program) -> Program:
    return with_model(program, lambda m, d: _every_weight(m, nn.init.zeros_))


@operator("weights all alike", "M12", "preflight", accept="M18 M13", deepcrime="WCI")
def constants(program: Program) -> Program:
    return with_model(program, lambda m, d: _every_weight(m, lambda p: nn.init.constant_(p, 0.05)))


@operator("weights ten times too large", "M13", "preflight", accept="M14 O08 O10 O11", deepcrime="WCI")
def large_weights(program: Program) -> Program:
    return with_model(program, lambda m, d: _every_weight(m, lambda p: p.mul_(10)))


@operator("weights a hundred times too small", "M13", "preflight", accept="M18 O09 M12", deepcrime="WCI")
def small_weights(program: Program) -> Program:
    return with_model(program, lambda m, d: _every_weight(m, lambda p: p.mul_(0.01)))


@operator("a head fifty times too large", "M14", "preflight", accept="M13")
def large_head(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        with torch.no_grad():
            last_linear(model).weight.mul_(50)
        return model

    return with_model(program, change)


@operator("biases removed", "M15", "preflight", accept="M09 M14", deepcrime="BRM")
def no_bias(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        for layer in model.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)) and layer.bias is not None:
                layer.bias.requires_grad = False
                nn.init.zeros_(layer.bias)
        return model

    return with_model(program, change)


@operator("biases added before normalisation", "M15", "preflight", only=("residual", "learner-residual"),
          deepcrime="BAD")  # fmt: skip
def more_bias(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is None:
                layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
        return model

    return with_model(program, change)


@operator("stem that shrinks too much", "M16", "preflight", only=("cnn-norm", "residual", "learner-cnn"))
def strided_stem(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
        first.stride = (5, 5)
        return model

    return with_model(program, change)


@operator("pooling that leaves nothing", "M17", "preflight", only=("cnn", "cnn-norm", "residual", "learner-cnn",
                                                                   "learner-residual"))  # fmt: skip
def eaten(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        layers = list(model)  # type: ignore[call-overload]
        return nn.Sequential(*layers[:2], nn.MaxPool2d(8), nn.MaxPool2d(4), *layers[2:])

    return with_model(program, change)


# ---- what the network does with the batch


@operator("input not used", "M18", "preflight", accept="M26 M24", where=lambda p: p.task != "samples")
def input_ignored(program: Program) -> Program:
    """A mask that is always zero, an early return: nothing of the input gets through."""

    def change(model: nn.Module, data: Data) -> nn.Module:
        if isinstance(model, nn.Sequential):
            return nn.Sequential(Do(torch.zeros_like), *model)
        first = next(m for _, m in model.named_children())
        first.register_forward_hook(lambda _m, _i, out: out * 0 if isinstance(out, Tensor) else None)
        return model

    return with_model(program, change)


@operator("samples mixed by a view", "M19", "preflight")
def mixed(program: Program) -> Program:
    """``view`` where ``permute`` was meant: rows are cut out of the wrong samples."""

    def mix(x: Tensor) -> Tensor:
        rows = x.reshape(len(x), -1)
        return rows.reshape(rows.shape[1], len(x)).transpose(0, 1).reshape(x.shape)

    def change(model: nn.Module, data: Data) -> nn.Module:
        return nn.Sequential(Do(mix), *model) if isinstance(model, nn.Sequential) else Before(model, mix)

    if program.loop == "learner" and not _own(program):
        raise DoesNotApply("no line of the user's own")
    return with_model(program, change)


def _own(program: Program) -> bool:
    return not hasattr(program.model, "name") and not hasattr(program.model, "change")


@operator("batch_first forgotten", "M19", "preflight", only=("lstm", "window"))
def batch_first(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        model.rnn.batch_first = False
        return model

    return with_model(program, change)


@operator("no causal mask", "M20", "preflight", accept="E11", only=("letters",))
def no_causal_mask(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        model.causal = False
        return model

    return with_model(program, change)


@operator("no padding mask", "M21", "preflight", only=("encoder",))
def no_padding_mask(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        model.mask_padding = False
        return model

    return with_model(program, change)


class _Hidden(nn.Module):
    """Layers in a plain list: PyTorch does not see them."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = layers[:-1]
        self.head = layers[-1]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


@operator("layers in a list", "M24", "preflight", accept="M25 M26 O04")
def hidden_layers(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        if not isinstance(model, nn.Sequential) or not isinstance(model[-1], nn.Linear):
            raise DoesNotApply("no row of layers")
        return _Hidden(list(model))

    return with_model(program, change)


@operator("one block three times", "M25", "preflight", only=("residual", "learner-residual"))
def same_block(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        layers = list(model)  # type: ignore[call-overload]
        first = next(i for i, m in enumerate(layers) if isinstance(m, parts.Residual))
        width = layers[first].branch[0].in_channels
        block = parts.Residual(width, width)
        # meant: three blocks of their own; [block] * 3 is one
        rest = [nn.LazyLinear(of_classes(data))]
        return nn.Sequential(*layers[:first], *[block] * 3, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *rest)

    def with_shape(model: nn.Module, data: Data) -> nn.Module:
        made = change(model, data)
        made.eval()(torch.zeros(2, *data.x.shape[1:]))
        return made.train()

    return with_model(program, with_shape)


@operator("graph cut before the head", "M26", "preflight", accept="M24 M27 O04",
          where=lambda p: p.kind != "transfer")  # fmt: skip
def cut(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        if isinstance(model, nn.Sequential):
            return nn.Sequential(*list(model)[:-1], Do(Tensor.detach), model[-1])
        layer = last_linear(model)
        layer.register_forward_pre_hook(lambda _m, args: (args[0].detach(),))
        return model

    return with_model(program, change)


@operator("everything frozen", "M27", "preflight", accept="O04 M26")
def frozen(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        return model.requires_grad_(False)

    return replace(with_model(program, change), parameters=lambda model: model.parameters())


@operator("everything but the head frozen, nothing pretrained", "M27", "preflight", accept="O04 M26 M29",
          where=lambda p: p.kind != "transfer")  # fmt: skip
def frozen_body(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        model.requires_grad_(False)
        last_linear(model).requires_grad_(True)
        return model

    return with_model(program, change)


@operator("pretrained weights not loaded", "M29", "preflight", accept="M27", only=("transfer", "learner-transfer"))
def not_loaded(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        for layer in model.body.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        return model

    return with_model(program, change)


@operator("dropout of 0.95", "M30", "preflight", deepcrime="RCD")
def much_dropout(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        drops = [m for m in model.modules() if isinstance(m, nn.Dropout)]
        for layer in drops:
            layer.p = 0.95
        return model if drops else swap(model, RECTIFIERS, lambda old: nn.Sequential(old, nn.Dropout(0.95)))

    return with_model(program, change)


@operator("dropout on the scores", "M30", "preflight", deepcrime="RCD")
def dropped_scores(program: Program) -> Program:
    return with_model(program, lambda m, d: end_with(m, nn.Dropout(0.8)))


@operator("a layer of one unit", "M31", "training", accept="O19 O10 M16 E08")
def narrow(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        last = last_linear(model)
        if last.out_features == 1 and isinstance(model, Pair):
            raise DoesNotApply("one output")
        squeeze = nn.Sequential(nn.Linear(last.in_features, 1), nn.ReLU(), nn.Linear(1, last.out_features))
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if child is last:
                    setattr(parent, name, squeeze)
        return model

    return with_model(program, change)


@operator("normalisation that barely follows", "E03", "training", accept="M28 O24")
def slow_statistics(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if not norms:
            raise DoesNotApply("no batch normalisation")
        for layer in norms:
            layer.momentum = 1e-4
        return model

    return with_model(program, change)


@operator("units dead from the start", "O10", "training", accept="M12 M13 M18")
def dead(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        if not any(isinstance(m, nn.ReLU) for m in model.modules()):
            raise DoesNotApply("no rectifier")
        layers = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d)) and m.bias is not None]
        for layer in layers[:-1]:
            nn.init.constant_(layer.bias, -2.5)
        return model

    return with_model(program, change)


@operator("saturated tanh", "O11", "training", accept="M13 D01 O09")
def saturated(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        swap(model, RECTIFIERS, lambda _: nn.Tanh())
        layers = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
        with torch.no_grad():
            for layer in layers[:-1]:
                layer.weight.mul_(30)
        return model

    return with_model(program, change)


@operator("six sigmoid layers", "O09", "training", accept="O11 M13 M18 O19", deepcrime="ACH")
def vanishing(program: Program) -> Program:
    """The same depth again and again with sigmoids, as before rectifiers and normalisation were known."""

    def change(model: nn.Module, data: Data) -> nn.Module:
        last = last_linear(model)
        swap(model, RECTIFIERS, lambda _: nn.Sigmoid())
        width = last.in_features
        deep = [layer for _ in range(5) for layer in (nn.Linear(width, width), nn.Sigmoid())]
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if child is last:
                    setattr(parent, name, nn.Sequential(*deep, copy.deepcopy(last)))
        return model

    return with_model(program, change)


@operator("a recurrent network that explodes", "O08", "training", accept="M13 M14 O01 O09 O11 O20",
          only=("lstm", "window"))  # fmt: skip
def exploding(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        width = model.rnn.hidden_size
        model.rnn = nn.RNN(model.rnn.input_size, width, nonlinearity="relu", batch_first=True)
        with torch.no_grad():
            nn.init.orthogonal_(model.rnn.weight_hh_l0)
            model.rnn.weight_hh_l0.mul_(1.7)
        return model

    return replace(with_model(program, change), clip=None)
