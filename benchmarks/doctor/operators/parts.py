"""Faults of which rows are where: what is missing, rare, copied, sorted, or too few."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from programs.program import Data, Program
from torch import Tensor

from operators.operator import DoesNotApply, joined, of_classes, operator, pick, with_data
from operators.rows import LABELLED, changed_inputs, classes_of, kept, scale_of


@operator("training data deleted", "E09", "training", accept="D23 M31 D09 D10 D21", deepcrime="TRD")
def data_deleted(program: Program) -> Program:
    """24 samples are left; it trains for as many steps as before."""
    changed = with_data(program, lambda d: kept(d, range(24)))
    return replace(changed, epochs=min(200, program.epochs * 24), batch_size=min(24, program.batch_size))


@operator("classes unbalanced", "D09", "preflight", accept="D10 D21 D24", tasks=("category", "binary"), deepcrime="TUD")
def unbalanced(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = classes_of(data.y)
        rare = y < (y.max() + 1) // 2 if y.max() > 1 else y == y.max()
        left = np.flatnonzero(rare)[:: 40 if y.max() > 1 else 25]
        return kept(data, np.sort(np.concatenate([np.flatnonzero(~rare), left])))

    return with_data(program, change)


@operator("class missing from training", "D10", "preflight", accept="D09 D21 D24", tasks=("category",))
def class_missing(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = classes_of(data.y)
        if y.max() < 2:
            raise DoesNotApply("two classes")
        return kept(data, np.flatnonzero(y != 1))

    return with_data(program, change)


@operator("other class numbers in validation", "D13", "training", accept="D33", tasks=("category", "binary"))
def other_numbers(program: Program) -> Program:
    def change(data: Data) -> Data:
        if not isinstance(data.y_val, Tensor):
            names = sorted(set(data.y))
            return replace(data, y_val=[names[names.index(name) - 1] for name in data.y_val])
        return replace(data, y_val=(of_classes(data) - 1) - data.y_val)

    return with_data(program, change)


@operator("validation copied from training", "D14", "preflight", accept="D15 D16")
def copied(program: Program) -> Program:
    def change(data: Data) -> Data:
        n = len(data.y_val)
        return replace(data, x_val=pick(data.x, range(n)), y_val=pick(data.y, range(n)))

    return with_data(program, change)


@operator("validation nearly copied", "D15", "preflight", accept="D14 D16")
def nearly_copied(program: Program) -> Program:
    """Training samples again, a little noise over them, as after another encoding."""

    def change(data: Data) -> Data:
        n = len(data.y_val)
        noise = torch.Generator().manual_seed(1)
        size = 0.02 * scale_of(data.x) if isinstance(data.x, Tensor) else 0.0
        near = changed_inputs(pick(data.x, range(n)), lambda x: x + size * torch.randn(x.shape, generator=noise))
        return replace(data, x_val=near, y_val=near if program.task == "reconstruction" else pick(data.y, range(n)))

    return with_data(program, change)


@operator("tail of sorted data held out", "D21", "preflight", accept="D10 D24", tasks=("category", "binary"))
def tail_split(program: Program) -> Program:
    def change(data: Data) -> Data:
        x, y, n = joined(data.x, data.x_val), joined(data.y, data.y_val), len(data.y)
        order = np.argsort(classes_of(y), kind="stable")
        x, y = pick(x, order), pick(y, order)
        return replace(data, x=x[:n], y=y[:n], x_val=x[n:], y_val=y[n:])

    return with_data(program, change)


@operator("sorted and not shuffled", "D22", "preflight", tasks=("category", "binary"), loops=("plain",))
def not_shuffled(program: Program) -> Program:
    sort = with_data(program, lambda d: kept(d, np.argsort(classes_of(d.y), kind="stable")))
    return replace(sort, shuffle=False)


@operator("validation of twelve", "D23", "preflight", accept="D10",
          declared="an accuracy over 12 samples is known to +-17 points only", tasks=LABELLED)  # fmt: skip
def small_validation(program: Program) -> Program:
    return with_data(program, lambda d: replace(d, x_val=d.x_val[:12], y_val=d.y_val[:12]))


@operator("validation removed", "D23", "preflight", accept="E06 E09", deepcrime="VRM")
def validation_removed(program: Program) -> Program:
    if program.name == "gan":
        raise DoesNotApply("has none")
    return replace(program, validate=False, patience=0, keep_best=False)


@operator("field differs from training", "D24", "preflight")
def drift(program: Program) -> Program:
    """Validation and field come from another instrument."""

    def change(data: Data) -> Data:
        if not isinstance(data.x, Tensor) or program.task == "reconstruction":
            raise DoesNotApply("inputs are no quantities")
        scale = scale_of(data.x)
        other = (lambda x: 255 - x) if data.x.dtype == torch.uint8 else (lambda x: -0.6 * x + 1.5 * scale)
        return replace(data, x_val=changed_inputs(data.x_val, other), x_test=changed_inputs(data.x_test, other))

    return with_data(program, change)


@operator("a last batch of one", "D36", "preflight", only=("cnn-norm",))
def last_of_one(program: Program) -> Program:
    return with_data(
        program, lambda d: kept(d, range(len(d.y) // program.batch_size * program.batch_size - program.batch_size + 1))
    )
