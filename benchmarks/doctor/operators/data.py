"""Faults of data and labels: rows D of the catalogue, and DeepCrime's operators on training data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from operators.operator import DoesNotApply, joined, of_classes, operator, pick, with_data
from programs import parts
from programs.program import Data, Program

LABELLED = ("category", "binary", "multi-label", "label-sets")
TABLES = ("dense-table", "regression", "binary", "multi-label", "imbalanced")
COLOUR = ("cnn-norm", "residual")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _classes_of(y: Any) -> np.ndarray:
    """Class numbers of integer or 0-1 labels, int [n]."""
    if isinstance(y, Tensor):
        return y.reshape(len(y), -1)[:, 0].long().numpy()
    if isinstance(y[0], str):
        return np.unique(y, return_inverse=True)[1]
    raise DoesNotApply("no single label a sample")


def _kept(data: Data, rows: Any) -> Data:
    return replace(data, x=pick(data.x, rows), y=pick(data.y, rows))


def _inputs(part: Any, change: Any) -> Any:
    """Change values; pictures stay uint8."""
    if not isinstance(part, Tensor) or part.dtype == torch.int64:
        raise DoesNotApply("inputs are no quantities")
    changed = change(part.float())
    return changed.clamp(0, 255).to(torch.uint8) if part.dtype == torch.uint8 else changed


def _scale(part: Tensor) -> float:
    return float(part.float().std())


def _shuffled_labels(y: Any, share: float, seed: int = 0) -> Any:
    """A share of the labels handed on among themselves."""
    rng = _rng(seed)
    some = rng.permutation(len(y))[: round(share * len(y))]
    order = np.arange(len(y))
    order[some] = np.roll(some, 1)
    return pick(y, order)


@operator("labels changed", "D20", "training", accept="D19 D33", deepcrime="TCL")
def labels_changed(program: Program) -> Program:
    if program.task in ("reconstruction", "samples"):
        raise DoesNotApply("no labels")
    return with_data(program, lambda d: replace(d, y=_shuffled_labels(d.y, 0.5)))


@operator("training data deleted", "E09", "training", accept="D23 M31 D09 D10 D21", deepcrime="TRD")
def data_deleted(program: Program) -> Program:
    """24 samples are left; it trains for as many steps as before."""
    changed = with_data(program, lambda d: _kept(d, range(24)))
    return replace(changed, epochs=min(200, program.epochs * 24), batch_size=min(24, program.batch_size))


@operator("classes unbalanced", "D09", "preflight", accept="D10 D21 D24", tasks=("category", "binary"), deepcrime="TUD")
def unbalanced(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = _classes_of(data.y)
        rare = y < (y.max() + 1) // 2 if y.max() > 1 else y == y.max()
        left = np.flatnonzero(rare)[:: 40 if y.max() > 1 else 25]
        return _kept(data, np.sort(np.concatenate([np.flatnonzero(~rare), left])))

    return with_data(program, change)


@operator("noise on training inputs", "D24", "preflight", accept="D01", deepcrime="TAN")
def noisy(program: Program) -> Program:
    if program.task == "reconstruction":
        raise DoesNotApply("target is the input")

    def change(data: Data) -> Data:
        noise = torch.Generator().manual_seed(0)
        size = 3 * _scale(data.x) if isinstance(data.x, Tensor) else 0.0
        return replace(data, x=_inputs(data.x, lambda x: x + size * torch.randn(x.shape, generator=noise)))

    return with_data(program, change)


@operator("classes overlap", "D19", "preflight", accept="D20", tasks=LABELLED, deepcrime="TCO")
def overlapping(program: Program) -> Program:
    """Samples are there a second time with another's label."""

    def change(data: Data) -> Data:
        rows = range(round(0.7 * len(data.y)))
        copies = _shuffled_labels(pick(data.y, rows), 1.0)
        return replace(data, x=joined(data.x, pick(data.x, rows)), y=joined(data.y, copies))

    return with_data(program, change)


@operator("not normalised", "D01", "preflight", accept="M14", loops=("plain",),
          where=lambda p: p.prepare in (parts.pictures, parts.columns, parts.columns_and_target, parts.level))  # fmt: skip
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


@operator("NaN in targets", "D05", "preflight", accept="O20", tasks=("regression",))
def nan_targets(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = data.y.clone()
        y[17::97] = float("nan")
        return replace(data, y=y)

    return with_data(program, change)


@operator("columns lost", "D06", "preflight", only=TABLES)
def columns_lost(program: Program) -> Program:
    """Seven of ten columns are zero, as after a join that failed."""

    def lose(x: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(x[:, :7]), x[:, 7:]], 1)

    return with_data(program, lambda d: parts.with_inputs(d, lose))


@operator("target not scaled", "D07", "preflight", accept="M14", tasks=("regression",))
def target_not_scaled(program: Program) -> Program:
    def prepare(raw: Data) -> Data:
        return replace(program.prepare(raw), y=raw.y, y_val=raw.y_val, y_test=raw.y_test)

    return replace(program, prepare=prepare)


@operator("one class only", "D08", "preflight", accept="D09 D10 D21", tasks=("category", "binary", "regression"))
def one_class(program: Program) -> Program:
    """All training targets are the first one, as after a filter that was too narrow."""
    return with_data(program, lambda d: replace(d, y=pick(d.y, [0] * len(d.y)), y_val=pick(d.y, [0] * len(d.y_val))))


@operator("class missing from training", "D10", "preflight", accept="D09 D21 D24", tasks=("category",))
def class_missing(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = _classes_of(data.y)
        if y.max() < 2:
            raise DoesNotApply("two classes")
        return _kept(data, np.flatnonzero(y != 1))

    return with_data(program, change)


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
        size = 0.02 * _scale(data.x) if isinstance(data.x, Tensor) else 0.0
        near = _inputs(pick(data.x, range(n)), lambda x: x + size * torch.randn(x.shape, generator=noise))
        return replace(data, x_val=near, y_val=near if program.task == "reconstruction" else pick(data.y, range(n)))

    return with_data(program, change)


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


@operator("tail of sorted data held out", "D21", "preflight", accept="D10 D24", tasks=("category", "binary"))
def tail_split(program: Program) -> Program:
    def change(data: Data) -> Data:
        x, y, n = joined(data.x, data.x_val), joined(data.y, data.y_val), len(data.y)
        order = np.argsort(_classes_of(y), kind="stable")
        x, y = pick(x, order), pick(y, order)
        return replace(data, x=x[:n], y=y[:n], x_val=x[n:], y_val=y[n:])

    return with_data(program, change)


@operator("sorted and not shuffled", "D22", "preflight", tasks=("category", "binary"), loops=("plain",))
def not_shuffled(program: Program) -> Program:
    sort = with_data(program, lambda d: _kept(d, np.argsort(_classes_of(d.y), kind="stable")))
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
        scale = _scale(data.x)
        other = (lambda x: 255 - x) if data.x.dtype == torch.uint8 else (lambda x: -0.6 * x + 1.5 * scale)
        return replace(data, x_val=_inputs(data.x_val, other), x_test=_inputs(data.x_test, other))

    return with_data(program, change)


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


@operator("inputs and labels misaligned", "D33", "training", accept="D20 E08")
def misaligned(program: Program) -> Program:
    if program.task in ("reconstruction", "samples", "characters"):
        raise DoesNotApply("no labels of their own")
    return with_data(
        program, lambda d: replace(d, y=_shuffled_labels(d.y, 1.0), y_val=_shuffled_labels(d.y_val, 1.0))
    )


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


@operator("a last batch of one", "D36", "preflight", only=("cnn-norm",))
def last_of_one(program: Program) -> Program:
    return with_data(program, lambda d: _kept(d, range(len(d.y) // program.batch_size * program.batch_size - program.batch_size + 1)))


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


@operator("a few absurd targets", "O22", "training", accept="D05 D07 D20 O08", tasks=("regression",))
def absurd_targets(program: Program) -> Program:
    def change(data: Data) -> Data:
        y = data.y.clone()
        y[7::150] += 300 * float(y.std())
        return replace(data, y=y)

    return with_data(program, change)
