"""Faults of what goes in: rows D of the catalogue that lie in values and their scales."""

from __future__ import annotations

from dataclasses import replace

import torch
from programs import parts
from programs.program import Data, Program
from torch import Tensor

from operators.operator import DoesNotApply, operator, with_data
from operators.rows import COLOUR, TABLES, changed_inputs, scale_of


@operator("noise on training inputs", "D24", "preflight", accept="D01", deepcrime="TAN")
def noisy(program: Program) -> Program:
    if program.task == "reconstruction":
        raise DoesNotApply("target is the input")

    def change(data: Data) -> Data:
        noise = torch.Generator().manual_seed(0)
        size = 3 * scale_of(data.x) if isinstance(data.x, Tensor) else 0.0
        return replace(data, x=changed_inputs(data.x, lambda x: x + size * torch.randn(x.shape, generator=noise)))

    return with_data(program, change)


_NORMALISES = (parts.pictures, parts.columns, parts.columns_and_target, parts.level)


@operator(
    "not normalised", "D01", "preflight", accept="M14", loops=("plain",), where=lambda p: p.prepare in _NORMALISES
)
def not_normalised(program: Program) -> Program:
    def prepare(raw: Data) -> Data:
        made = program.prepare(raw)
        return replace(made, x=raw.x.float(), x_val=raw.x_val.float(), x_test=raw.x_test.float())

    return replace(program, prepare=prepare)


@operator("divided by 255 twice", "D02", "preflight", accept="D01 D06 O02", loops=("plain",),
          where=lambda p: p.prepare is parts.pictures)  # fmt: skip
def divided_twice(program: Program) -> Program:
    return replace(program, prepare=lambda raw: parts.with_inputs(raw, lambda x: x.float() / 255 / 255))


@operator("other statistics than pretrained", "D03", "preflight", accept="D01 D24", only=("transfer",))
def other_statistics(program: Program) -> Program:
    return replace(program, prepare=lambda raw: parts.with_inputs(raw, lambda x: 1 - x.float() / 255))


@operator("NaN in inputs", "D05", "preflight", accept="O20")
def nan_inputs(program: Program) -> Program:
    def change(data: Data) -> Data:
        if not isinstance(data.x, Tensor) or data.x.dtype == torch.int64:
            raise DoesNotApply("inputs are no quantities")
        if program.task == "samples":
            raise DoesNotApply("two columns")
        x = data.x.float() / (255 if data.x.dtype == torch.uint8 else 1)
        x.view(len(x), -1)[11::131, 3] = float("nan")
        if data.x.dtype == torch.uint8:
            return replace(data, x=x, x_val=data.x_val / 255, x_test=data.x_test / 255)
        return replace(data, x=x, y=x if program.task == "reconstruction" else data.y)

    return with_data(program, change)


@operator("columns lost", "D06", "preflight", only=TABLES)
def columns_lost(program: Program) -> Program:
    """Seven of ten columns are zero, as after a join that failed."""

    def lose(x: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(x[:, :7]), x[:, 7:]], 1)

    return with_data(program, lambda d: parts.with_inputs(d, lose))


@operator("answer in a column", "D18", "preflight", accept="E11 D37", only=TABLES)
def leaking_column(program: Program) -> Program:
    """A column that is known only after the answer; in the field it is empty."""

    def leak(x: Tensor, y: Tensor) -> Tensor:
        y = y.reshape(len(y), -1)[:, 0].float()
        return torch.cat([x[:, :9], 2 * ((y - y.mean()) / y.std())[:, None]], 1)

    def change(data: Data) -> Data:
        rest = torch.cat([data.x_test[:, :9], torch.zeros(len(data.x_test), 1)], 1)
        return replace(data, x=leak(data.x, data.y), x_val=leak(data.x_val, data.y_val), x_test=rest)

    return with_data(program, change)


@operator("a look ahead in the window", "D37", "preflight", accept="D18 D17 E11", only=("window",))
def look_ahead(program: Program) -> Program:
    def ahead(x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([x[:, 1:], y[:, None]], 1)

    return with_data(program, lambda d: replace(d, x=ahead(d.x, d.y), x_val=ahead(d.x_val, d.y_val)))


@operator("augmentation on validation", "D25", "preflight", only=("cnn", "cnn-norm", "residual", "dense"))
def augmented_validation(program: Program) -> Program:
    def hide(x: Tensor) -> Tensor:
        """Half of the rows or columns hidden."""
        side = x.shape[-1]
        start = int(torch.randint(side // 2 + 1, ()))
        x = x.clone()
        if torch.rand(()) < 0.5:
            x[..., start : start + side // 2] = 0
        else:
            x[..., start : start + side // 2, :] = 0
        return x

    return replace(program, augment=hide, augment_validation=hide)


@operator("texts cut off", "D28", "preflight", only=("learner-lstm", "learner-transformer", "learner-bag",
                                                    "learner-sets"))  # fmt: skip
def cut_off(program: Program) -> Program:
    return replace(program, reading={**program.reading, "max_length": 2})


@operator("blank samples", "D30", "preflight", accept="D06 D14 D19 D24", where=lambda p: p.task != "samples")
def blank(program: Program) -> Program:
    def change(data: Data) -> Data:
        if not isinstance(data.x, Tensor):
            raise DoesNotApply("texts without a word are dropped")
        x = data.x.clone()
        x[::2] = 0
        return replace(data, x=x, y=x if program.task == "reconstruction" else data.y)

    return with_data(program, change)


@operator("channels last read as first", "D31", "preflight", accept="M17", only=COLOUR)
def scrambled(program: Program) -> Program:
    def change(x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).reshape(x.shape)

    return with_data(program, lambda d: parts.with_inputs(d, change))


@operator("channels last given as they are", "D31", "preflight", accept="M17", only=COLOUR)
def channels_last(program: Program) -> Program:
    return with_data(program, lambda d: parts.with_inputs(d, lambda x: x.permute(0, 2, 3, 1)))


@operator("ids beyond the vocabulary", "M33", "preflight", accept="D11", only=("lstm", "encoder", "bag", "letters"))
def beyond(program: Program) -> Program:
    def change(data: Data) -> Data:
        x = data.x.clone()
        x[5::50, 0] = data.facts["vocabulary"]
        return replace(data, x=x)

    return with_data(program, change)


@operator("a sample of padding only", "M23", "preflight", accept="D05 D30 O20", only=("encoder",))
def padding_only(program: Program) -> Program:
    def change(data: Data) -> Data:
        x = data.x.clone()
        x[9::90] = 0
        return replace(data, x=x)

    return with_data(program, change)
