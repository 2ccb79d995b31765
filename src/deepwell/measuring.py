"""A trained model's answers turned into an evaluation: metrics, calibration, worse slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.data.store import ArrayStore
from deepwell.dataset import Data
from deepwell.evaluate.attributes import attributes
from deepwell.evaluate.category import Evaluation, category
from deepwell.evaluate.label_sets import LabelSetEvaluation, label_sets
from deepwell.evaluate.slices import worst_slices
from deepwell.evaluate.tag_counts import word_counts
from deepwell.evaluate.tags import TagEvaluation, tags
from deepwell.saved.model import SavedModel

AnyEvaluation = Evaluation | LabelSetEvaluation | TagEvaluation
"""What ``evaluate`` gives: by the kind of answer."""

Columns = Mapping[str, Any]

_PIECE = 4096
"""Raw samples that are encoded together."""


def measure(model: SavedModel, decoded: list[Any], targets: Tensor, columns: Columns | None = None) -> AnyEvaluation:
    """The metrics of a model's answers.

    Args:
        model: that answered.
        decoded: its answers, one item a sample (``SavedModel.decoded``).
        targets: encoded, as many.
        columns: of the samples, in which worse slices are looked for; None looks for none.
    """
    return _KINDS[model.output.kind](model, decoded, targets, columns)


def _category(model: SavedModel, decoded: list[Any], targets: Tensor, columns: Columns | None) -> Evaluation:
    p, y, classes = torch.stack(decoded).cpu(), targets.cpu(), model.output.classes
    found = category(p, y, classes)
    slices: tuple[Any, ...] = ()
    if columns is not None:
        names = np.array([str(name) for name in classes])
        slices = worst_slices((p.argmax(1) != y).numpy(), {"true class": names[y.numpy()], **columns})
    return replace(found, slices=slices, **_calibration(model))


def _label_sets(model: SavedModel, decoded: list[Any], targets: Tensor, columns: Columns | None) -> LabelSetEvaluation:
    p, y = torch.stack(decoded).cpu(), targets.cpu()
    found = label_sets(p, y, model.output.classes)
    slices: tuple[Any, ...] = ()
    if columns is not None:
        wrong = ((p > 0.5) != (y > 0.5)).any(1).numpy()
        slices = worst_slices(wrong, {"number of true labels": y.sum(1).numpy(), **columns})
    return replace(found, slices=slices, **_calibration(model))


def _tags(model: SavedModel, decoded: list[Any], targets: Tensor, columns: Columns | None) -> TagEvaluation:
    output = model.output
    answers = output.names(decoded)
    gold = [[output.classes[tag] for tag in row if tag >= 0] for row in targets.tolist()]
    found = tags(answers, gold, scheme=output.scheme)
    if columns is None:
        return found
    right, words = word_counts(answers, gold).T  # a sentence's error is its share of wrong words: long ones have more
    return replace(found, slices=worst_slices(1 - right / np.maximum(words, 1), columns))


_KINDS: dict[str, Callable[[SavedModel, list[Any], Tensor, Columns | None], AnyEvaluation]] = {
    "category": _category,
    "label-sets": _label_sets,
    "tags": _tags,
}


def _calibration(model: SavedModel) -> dict[str, Any]:
    """The temperature, and what it did when it was fitted."""
    fitted = model.card.facts.get("calibration")
    return {"temperature": model.output.temperature, "calibration": fitted if isinstance(fitted, dict) else None}


def evaluate(model: SavedModel, data: Data) -> AnyEvaluation:
    """Measure a saved model on data that it has not seen.

    Raises:
        UserError: unlabelled data, data of another kind, a label that the model does not know.
    """
    source = data.source
    if source.y is None:
        raise UserError(f"{source.name} has no labels", expected="one label a sample", fix="use `deepwell predict`")
    if source.kind != model.input.kind:
        raise UserError(
            f"{source.name} is {source.kind} data",
            expected=f"{model.input.kind} data, as in training",
            fix="measure on such data, or take a model that was trained on this kind",
        )
    keep = [i for i, part in enumerate(source.parts) if part == "test"] if source.parts else []
    chosen = keep or range(len(source.x))
    targets = model.output.encode([source.y[i] for i in chosen])
    decoded: list[Any] = []
    pieces: list[dict[str, np.ndarray]] = []
    for start in range(0, len(chosen), _PIECE):
        rows = _encoded(model, [source.x[i] for i in chosen[start : start + _PIECE]], start)
        every = torch.arange(len(rows))
        decoded += model.decoded_rows(rows, every)
        pieces.append(attributes(model.input, rows, every))
    columns: dict[str, Any] = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    if source.groups is not None:
        columns["group"] = [str(source.groups[i]) for i in chosen]
    found = measure(model, decoded, targets[torch.arange(len(targets))], columns)
    trained_on = model.card.facts.get("data")
    if keep or trained_on is None or trained_on != data.fingerprint():
        return found
    note = "this is the data that the model was trained on: most of these samples it has seen; leave SOURCE out"
    return replace(found, notes=(note, *found.notes))


def _encoded(model: SavedModel, raw: list[Any], start: int) -> Any:
    rows, problems = model.input.encode(raw)
    if problems:
        position, why = problems[0]
        raise UserError(f"sample {start + position} can't be read: {why}")
    return ArrayStore(rows) if isinstance(rows, np.ndarray) else rows


def columns_of(prepared: Any, data: Data, part: str) -> dict[str, Any]:
    """What the samples of a part have: attributes of their kind, and the group that the source names."""
    rows = getattr(prepared.split, part)
    found: dict[str, Any] = dict(attributes(prepared.input, prepared.rows, torch.from_numpy(rows)))
    if data.source.groups is not None:
        found["group"] = [str(data.source.groups[place]) for place in prepared.places(rows)]
    return found
