"""Faults of how layers are joined, and of what reaches them (rows M16 to M29)."""

from __future__ import annotations

from dataclasses import replace

import torch
from programs import parts
from programs.program import Data, Program
from torch import Tensor, nn

from operators.operator import (
    Before,
    Do,
    DoesNotApply,
    last_linear,
    of_classes,
    operator,
    with_model,
)


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


@operator("pooling that leaves nothing", "M17", "preflight", only=("cnn", "cnn-norm", "residual", "learner-cnn",
                                                                   "learner-residual"))  # fmt: skip
def eaten(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        layers = list(model)  # type: ignore[call-overload]
        return nn.Sequential(*layers[:2], nn.MaxPool2d(8), nn.MaxPool2d(4), *layers[2:])

    return with_model(program, change)


@operator("stem that shrinks too much", "M16", "preflight", accept="M17", only=("cnn-norm", "residual", "learner-cnn"))
def strided_stem(program: Program) -> Program:
    def change(model: nn.Module, data: Data) -> nn.Module:
        first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
        first.stride = (5, 5)
        return model

    return with_model(program, change)
