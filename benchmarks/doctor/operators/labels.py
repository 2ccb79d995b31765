"""Faults of labels and targets: rows D of the catalogue, and DeepCrime's operators on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from programs import parts
from programs.program import Data, Program
from torch import Tensor

from operators.operator import DoesNotApply, joined, of_classes, operator, pick, with_data
from operators.rows import LABELLED, shuffled


@operator("labels changed", "D20", "training", accept="D19 D33", deepcrime="TCL")
def labels_changed(program: Program) -> Program:
    if program.task in ("reconstruction", "samples"):
        raise DoesNotApply("no labels")
    return with_data(program, lambda d: replace(d, y=shuffled(d.y, 0.5)))


@operator("classes overlap", "D19", "preflight", accept="D20", tasks=LABELLED, deepcrime="TCO")
def overlapping(program: Program) -> Program:
    """Samples are there a second time with another's label."""

    def change(data: Data) -> Data:
        rows = range(round(0.7 * len(data.y)))
        copies = shuffled(pick(data.y, rows), 1.0)
        return replace(data, x=joined(data.x, pick(data.x, rows)), y=joined(data.y, copies))

    return with_data(program, change)


@operator("NaN in targets", "D05", "preflight", accept="O20", tasks=("regression",))
def nan_targets(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = data.y.clone()
        y[17::97] = float("nan")
        return replace(data, y=y)

    return with_data(program, change)


@operator("target not scaled", "D07", "preflight", accept="M14", tasks=("regression",))
def target_not_scaled(program: Program) -> Program:
    def prepare(raw: Data) -> Data:
        return replace(program.prepare(raw), y=raw.y, y_val=raw.y_val, y_test=raw.y_test)

    return replace(program, prepare=prepare)


@operator("one class only", "D08", "preflight", accept="D09 D10 D21", tasks=("category", "binary", "regression"))
def one_class(program: Program) -> Program:
    """All training targets are the first one, as after a filter that was too narrow."""
    return with_data(program, lambda d: replace(d, y=pick(d.y, [0] * len(d.y)), y_val=pick(d.y, [0] * len(d.y_val))))


@operator("labels from 1", "D11", "preflight", accept="M07", tasks=("category",), loops=("plain",))
def labels_from_one(program: Program) -> Program:
    return with_data(program, lambda d: replace(d, y=d.y + 1, y_val=d.y_val + 1, y_test=d.y_test + 1))


@operator("labels with gaps", "D11", "preflight", accept="M07", tasks=("category",), loops=("plain",))
def labels_with_gaps(program: Program) -> Program:
    return with_data(program, lambda d: replace(d, y=d.y * 10, y_val=d.y_val * 10, y_test=d.y_test * 10))


@operator("labels [n, 1]", "D12", "preflight", tasks=("category",), loops=("plain",))
def labels_as_column(program: Program) -> Program:
    return with_data(program, lambda d: replace(d, y=d.y[:, None], y_val=d.y_val[:, None]))


@operator("labels as floats", "D12", "preflight", tasks=("category",), loops=("plain",))
def labels_as_floats(program: Program) -> Program:
    return with_data(program, lambda d: replace(d, y=d.y.float(), y_val=d.y_val.float()))


@operator("target [n] for answers [n, 1]", "D12", "preflight", tasks=("regression",))
def target_flat(program: Program) -> Program:
    """Mean squared error then compares all with all."""
    return with_data(program, lambda d: replace(d, y=d.y[:, 0], y_val=d.y_val[:, 0]))


@operator("inputs and labels misaligned", "D33", "training", accept="D20 E08")
def misaligned(program: Program) -> Program:
    if program.task in ("reconstruction", "samples", "characters"):
        raise DoesNotApply("no labels of their own")
    return with_data(program, lambda d: replace(d, y=shuffled(d.y, 1.0), y_val=shuffled(d.y_val, 1.0)))


@operator("two labels in a row of one", "D34", "preflight", accept="M06", tasks=("category",), loops=("plain",),
          where=lambda p: p.name != "imbalanced")  # fmt: skip
def two_labels(program: Program) -> Program:
    def both(y: Tensor, classes: int) -> Tensor:
        rows = torch.nn.functional.one_hot(y, classes).float()
        some = torch.arange(len(y)) % 5 < 3
        rows[some, (y[some] + 1) % classes] = 1.0
        return rows

    def change(data: Data) -> Data:
        return replace(data, y=both(data.y, of_classes(data)), y_val=both(data.y_val, of_classes(data)))

    def score(model: Any, x: Tensor, y: Tensor) -> float:
        return parts.accuracy(model, x, y if y.dim() == 1 else y.argmax(1))

    return replace(with_data(program, change), score=score)


@operator("tags that break their scheme", "D35", "preflight", only=("learner-tags",))
def broken_tags(program: Program) -> Program:
    def broken(tags: list[str]) -> list[str]:
        return ["I-ACT" if tag == "B-NAME" else tag for tag in tags]

    return with_data(program, lambda d: replace(d, y=[broken(t) for t in d.y]))


@operator("a few absurd targets", "O22", "training", accept="D05 D07 D20 O08", tasks=("regression",))
def absurd_targets(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = data.y.clone()
        y[7::150] += 300 * float(y.std())
        return replace(data, y=y)

    return with_data(program, change)
