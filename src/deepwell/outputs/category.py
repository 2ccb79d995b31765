"""One of several classes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.losses import cross_entropy

_KINDS = ("integer", "string", "one-hot")


class Category:
    """The answer is one class of several. Implements ``core.protocols.Output``.

    Labels may be whole numbers (from any start, with gaps), strings, truth values, or one-hot rows; their
    names and order are learnt from the training part and stored with the model.

    Args:
        label_smoothing: share of each target that is spread over all classes.
        class_weights: ``balanced``: classes weigh by the inverse of their number; or a weight for each class
            by its name; None: all weigh the same.
    """

    kind = "category"

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: str | Mapping[Any, float] | None = None) -> None:
        if isinstance(class_weights, str) and class_weights != "balanced":
            raise UserError(f"class_weights is '{class_weights}'", expected="balanced, or a weight for each class")
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.classes: list[Any] = []
        self.labels = "string"
        self.weights: Tensor | None = None
        self.notes: list[str] = []

    # ---- labels in

    def learn(self, targets: Sequence[Any], train: np.ndarray) -> None:
        """Learn the classes.

        Args:
            targets: raw labels of all samples.
            train: row numbers of the training part.

        Raises:
            UserError: one class only, missing or fractional labels, several ones in a row, a class that is
                nowhere in the training part.
        """
        values, self.labels = _plain(targets)
        if self.labels == "one-hot":
            self.classes = list(range(np.asarray(targets).shape[1]))
        else:
            self.classes = sorted(set(values), key=_natural)
        there = {values[row] for row in train.tolist()}
        missing = [c for c in self.classes if c not in there]
        if len(there) < 2:
            raise UserError(
                f"all {len(train)} training samples have the label {next(iter(there), None)!r}",
                expected="at least two classes",
                fix="check the column or the folders of labels",
            )
        if missing:
            names = ", ".join(repr(c) for c in missing[:5])
            raise UserError(
                f"no training sample has the label {names}",
                expected="each class in the training part",
                fix="collect samples of it, or leave its samples out",
            )
        if self.labels == "integer" and self.classes != list(range(len(self.classes))):
            shown = ", ".join(map(str, self.classes[:6])) + (", ..." if len(self.classes) > 6 else "")
            self.notes.append(f"the labels are {shown}: they are counted from 0 inside and come out as they went in")
        if self.class_weights is not None:
            self._weigh([values[row] for row in train.tolist()])

    def _weigh(self, values: list[Any]) -> None:
        if isinstance(self.class_weights, Mapping):
            unknown = [k for k in self.class_weights if k not in self.classes]
            if unknown:
                raise UserError(f"class_weights names {unknown[0]!r}", expected=f"one of {self.classes}")
            found = [float(self.class_weights.get(c, 1.0)) for c in self.classes]
        else:
            found = [len(values) / (len(self.classes) * values.count(c)) for c in self.classes]
        if not all(math.isfinite(w) and w > 0 for w in found):
            raise UserError(f"class_weights are {found}", expected="positive numbers")
        self.weights = torch.tensor(found)

    def encode(self, targets: Sequence[Any]) -> Tensor:
        """Raw labels to class numbers, int64 [n].

        Raises:
            UserError: a label that was not learnt, with its row.
        """
        values, kind = _plain(targets)
        if kind == "one-hot" and self.labels != "one-hot":
            width = np.asarray(targets).shape[1]
            if width != len(self.classes):
                raise UserError(f"the labels are rows of {width} numbers", expected=f"{len(self.classes)} classes")
            values = [self.classes[value] for value in values]
        numbers = {value: number for number, value in enumerate(self.classes)}
        if kind != self.labels and not any(v in numbers for v in values):
            # a folder's name '3' and the whole number 3 mean the same class
            numbers = {str(value): number for value, number in numbers.items()}
            values = [str(value) for value in values]
        for row, value in enumerate(values):
            if value not in numbers:
                shown = ", ".join(map(str, self.classes[:12])) + (", ..." if len(self.classes) > 12 else "")
                raise UserError(
                    f"sample {row} has the label {value!r}, which the model has not learnt",
                    expected=f"one of {shown}",
                    fix="correct the label, or train again with samples of this class",
                )
        return torch.tensor([numbers[value] for value in values], dtype=torch.int64)

    # ---- scores

    def head(self, features: int) -> nn.Module:
        """A linear layer from a representation [n, features] to scores [n, classes]."""
        return nn.Linear(features, len(self.classes))

    def loss(self, scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(sum, count) of the categorical cross-entropy."""
        weights = self.weights
        if weights is not None and weights.device != scores.device:
            weights = self.weights = weights.to(scores.device)
        return cross_entropy(scores, targets, label_smoothing=self.label_smoothing, weights=weights)

    def soft(self, targets: Tensor) -> Tensor:
        """Class numbers [n] to one-hot probabilities [n, classes]."""
        return torch.nn.functional.one_hot(targets, len(self.classes)).float()

    def count_hits(self, scores: Tensor, targets: Tensor) -> Tensor:
        """How many of the highest scores are right, 0-dim; soft targets count by their largest."""
        wanted = targets.argmax(1) if targets.dim() == 2 else targets
        return (scores.argmax(1) == wanted.to(scores.device)).sum()

    # ---- answers out

    def decode(self, scores: Tensor) -> Tensor:
        """Scores [n, classes] to probabilities."""
        return scores.float().softmax(1)

    def answers(self, probabilities: Tensor) -> list[dict[str, Any]]:
        """One dictionary a sample: prediction, confidence, probabilities by class."""
        found = []
        for row in probabilities.tolist():
            best = max(range(len(row)), key=row.__getitem__)
            by_class = {str(name): value for name, value in zip(self.classes, row, strict=True)}
            found.append({"prediction": self.classes[best], "confidence": row[best], "probabilities": by_class})
        return found

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that answers need, as plain JSON values."""
        return {"classes": self.classes, "labels": self.labels, "label_smoothing": self.label_smoothing}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Category:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant.
        """
        made = cls(label_smoothing=float(state.get("label_smoothing", 0.0)))
        classes, labels = state["classes"], state["labels"]
        if not isinstance(classes, list) or not 2 <= len(classes) <= 1_000_000 or labels not in _KINDS:
            raise UserError("the model's list of classes can't be read", expected="at least two names")
        if not all(isinstance(c, (str, int)) for c in classes) or len(set(classes)) != len(classes):
            raise UserError("the model's classes are no names", expected="different strings or whole numbers")
        made.classes, made.labels = classes, labels
        return made


def _natural(value: Any) -> tuple[Any, ...]:
    if isinstance(value, int):
        return (0, value)
    pieces = re.split(r"(\d+)", value)
    return (1, *((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pieces if p))


def _plain(targets: Sequence[Any]) -> tuple[list[Any], str]:
    """Raw labels as hashable values, and their kind."""
    if hasattr(targets, "detach"):
        targets = targets.detach().cpu().numpy()
    rows = targets if isinstance(targets, np.ndarray) else None
    if rows is None and len(targets) and isinstance(targets[0], (list, tuple, np.ndarray)):
        rows = np.array(targets)
    elif rows is None and len(targets) and hasattr(targets[0], "detach"):
        rows = np.stack([np.asarray(t) for t in targets])
    if rows is not None and rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    if rows is not None and rows.ndim == 2:
        return _one_hot(rows), "one-hot"
    if rows is not None and rows.ndim != 1:
        raise UserError(f"the labels have the shape {list(rows.shape)}", expected="one label a sample, or one-hot rows")
    return _scalars(rows.tolist() if rows is not None else list(targets))


def _one_hot(rows: np.ndarray) -> list[int]:
    if rows.dtype.kind not in "buif":
        raise UserError(f"the labels are rows of {rows.dtype}", expected="one-hot rows of numbers")
    right = ((rows == 0) | (rows == 1)).all(1) & (rows.sum(1) == 1)
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        raise UserError(
            f"the labels of sample {row} are {rows[row].tolist()}",
            expected="one-hot rows: a single 1, else 0",
            fix="give one class a sample; several at once (multi-label) are another task",
        )
    return rows.argmax(1).tolist()


def _scalars(values: list[Any]) -> tuple[list[Any], str]:
    made: list[Any] = []
    for row, value in enumerate(values):
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or (isinstance(value, float) and not math.isfinite(value)) or value == "":
            raise UserError(f"sample {row} has no label ({value!r})", fix="give it one, or leave the sample out")
        if isinstance(value, float):
            if value != int(value):
                raise UserError(
                    f"sample {row} has the label {value}",
                    expected="classes: strings or whole numbers",
                    fix="predicting a quantity is another task than choosing a class",
                )
            value = int(value)
        if isinstance(value, bool):
            value = int(value)
        if not isinstance(value, (str, int)):
            raise UserError(f"sample {row} has a label of type {type(value).__name__}", expected="a string or a number")
        made.append(value)
    kinds = {type(value) for value in made}
    if kinds == {str, int}:
        made = [str(value) for value in made]
    return made, "integer" if kinds == {int} else "string"
