"""Faults of layers: activations, weights, dropout, depth (rows M10 to M15, M30, M31, O08 to O11), and DeepCrime's."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from programs.adversarial import Pair
from programs.program import Data, Program
from torch import nn

from operators.operator import (
    RECTIFIERS,
    DoesNotApply,
    end_with,
    last_linear,
    operator,
    swap,
    with_model,
)


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
