"""One of several classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.losses import cross_entropy
from deepwell.outputs.labels import KINDS, natural, plain
from deepwell.outputs.temperature import temperature_of

ClassWeights = str | Mapping[Any, float] | Sequence[float]


class Category:
    """The answer is one class of several. Implements ``core.protocols.Output``.

    Labels may be whole numbers (from any start, with gaps), strings, truth values, or one-hot rows; their
    names and order are learnt from the training part and stored with the model.

    Args:
        classes: the classes in their order; None: all that the labels have, sorted as people count. Where the
            labels are whole numbers and these are strings, a label is a place in this list, from 0.
        label_smoothing: share of each target that is spread over all classes, from 0 to less than 1.
        class_weights: ``balanced``: classes weigh by the inverse of their number; or a weight for each class,
            by its name or in the order of ``classes``; None: all weigh the same.

    Attributes:
        classes: the names, in the order of the scores.
        counts: training samples of each, in that order.
        temperature: what scores are divided by before the softmax, so that confidences are honest; fitted on the
            validation part after training (Guo et al. 2017, arXiv:1706.04599). It changes no answer.
        notes: what was noticed, in sentences.

    >>> output = Category()
    >>> output.learn(["dog", "cat", "dog"], np.arange(3))
    >>> output.classes, output.encode(["dog"]).tolist()
    (['cat', 'dog'], [1])
    """

    kind = "category"
    per_position = False
    hits_are_cheap = True
    metrics = ("accuracy", "macro_f1", "log_loss")

    def __init__(
        self,
        *,
        classes: Sequence[str | int] | None = None,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights | None = None,
    ) -> None:
        if isinstance(class_weights, str) and class_weights != "balanced":
            raise UserError(f"class_weights is '{class_weights}'", expected="balanced, or a weight for each class")
        if not isinstance(label_smoothing, (int, float)) or not 0 <= label_smoothing < 1:
            raise UserError(f"label_smoothing is {label_smoothing}", expected="a share from 0 to less than 1")
        self.given = None if classes is None else _names(list(classes))
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.classes: list[Any] = []
        self.counts: list[int] = []
        self.labels = "string"
        self.weights: Tensor | None = None
        self.temperature = 1.0
        self.notes: list[str] = []

    @property
    def _by_place(self) -> bool:
        """Whether a label that is a whole number is a place in the list of names that the user gave."""
        return self.given is not None and isinstance(self.given[0], str) and self.labels != "string"

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.classes[:6])) + (", ..." if len(self.classes) > 6 else "")
        return f"{len(self.classes)} classes: {shown}"

    # ---- labels in

    def learn(self, targets: Sequence[Any], train: np.ndarray) -> None:
        """Learn the classes.

        Args:
            targets: raw labels of all samples.
            train: row numbers of the training part, int64 [k].

        Raises:
            UserError: one class only, missing or fractional labels, several ones in a row, a class that is
                nowhere in the training part, weights that don't fit.
        """
        values, self.labels, width = plain(targets)
        found = list(range(width)) if width else sorted(set(values), key=natural)
        self.classes = found if self.given is None else list(self.given)
        numbers = self._numbers(values, self.labels, width)
        counts = np.bincount(numbers[np.asarray(train, dtype=np.int64)], minlength=len(self.classes))
        self.counts = counts.tolist()
        self._check_counts(len(train))
        self.notes = self._remarks(found, targets)
        self.weights = None if self.class_weights is None else self._weigh(self.class_weights)

    def _check_counts(self, samples: int) -> None:
        there = [name for name, count in zip(self.classes, self.counts, strict=True) if count]
        missing = [name for name, count in zip(self.classes, self.counts, strict=True) if not count]
        if len(there) < 2:
            raise UserError(
                f"all {samples} training samples have the label {next(iter(there), None)!r}",
                expected="at least two classes",
                fix="check the column or the folders of labels",
            )
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise UserError(
                f"no training sample has the label {', '.join(repr(c) for c in missing[:5])}{more}",
                expected="each class in the training part",
                fix="collect samples of it, or leave its samples out",
            )

    def _remarks(self, found: list[Any], targets: Sequence[Any]) -> list[str]:
        notes = []
        if getattr(targets, "ndim", 1) == 2 and self.labels != "one-hot":
            notes.append("the labels are a column [n, 1]: it is read as [n]")
        if self.labels == "integer" and self.given is None and found != list(range(len(found))):
            shown = ", ".join(map(str, found[:6])) + (", ..." if len(found) > 6 else "")
            notes.append(f"the labels are {shown}: they are counted from 0 inside and come out as they went in")
        return notes

    def _weigh(self, asked: ClassWeights) -> Tensor:
        if isinstance(asked, Mapping):
            # a folder's name '3' and the whole number 3 mean the same class here too
            by_name = {str(name): value for name, value in asked.items()}
            unknown = [name for name in by_name if name not in map(str, self.classes)]
            if unknown:
                raise UserError(f"class_weights names '{unknown[0]}'", expected=f"some of {self.classes}")
            found = [float(by_name.get(str(name), 1.0)) for name in self.classes]
        elif isinstance(asked, str):
            found = [sum(self.counts) / (len(self.classes) * count) for count in self.counts]
        else:
            found = [float(value) for value in asked]
            if len(found) != len(self.classes):
                raise UserError(f"class_weights are {len(found)} numbers", expected=f"{len(self.classes)}, one a class")
        if not all(math.isfinite(w) and w > 0 for w in found):
            raise UserError(f"class_weights are {found}", expected="positive numbers")
        return torch.tensor(found)

    def encode(self, targets: Sequence[Any]) -> Tensor:
        """Raw labels to class numbers, int64 [n].

        One-hot rows are understood where whole numbers or names were learnt, and the reverse.

        Raises:
            UserError: a label that was not learnt, with its row.
        """
        return torch.from_numpy(self._numbers(*plain(targets)))

    def _numbers(self, values: list[Any], kind: str, width: int) -> np.ndarray:
        if width and width != len(self.classes):
            raise UserError(
                f"the labels are rows of {width} numbers",
                expected=f"{len(self.classes)} classes, so rows of {len(self.classes)}, or one label a sample",
            )
        numbers: dict[Any, int] = {name: number for number, name in enumerate(self.classes)}
        if width:
            return np.asarray(values, dtype=np.int64)
        if kind == "integer" and self._by_place:
            numbers = {place: place for place in range(len(self.classes))}
        elif not any(v in numbers for v in values):
            # a folder's name '3' and the whole number 3 mean the same class
            numbers = {str(name): number for name, number in numbers.items()}
            values = [str(value) for value in values]
        try:
            return np.fromiter((numbers[value] for value in values), np.int64, len(values))
        except KeyError:
            row = next(row for row, value in enumerate(values) if value not in numbers)
        shown = ", ".join(map(str, list(numbers)[:12])) + (", ..." if len(numbers) > 12 else "")
        raise UserError(
            f"sample {row} has the label {values[row]!r}, which the model has not learnt",
            expected=f"one of {shown}",
            fix="correct the label, or train again with samples of this class",
        )

    # ---- scores

    def head(self, features: int) -> nn.Module:
        """A linear layer from a representation [n, features] to scores [n, classes]."""
        return nn.Linear(features, len(self.classes))

    def check_scores(self, scores: Tensor, targets: Tensor) -> None:
        """Once before training: the scores have the shape that the loss needs, [n, classes].

        Raises:
            UserError: another width or length; for a user's own module, says what its last layer should be.
        """
        wanted = [len(targets), len(self.classes)]
        if list(scores.shape) != wanted:
            raise UserError(
                f"the model gives scores of shape {list(scores.shape)}",
                expected=f"{wanted}: one score for each of {len(self.classes)} classes",
                fix=f"let the last layer have {len(self.classes)} outputs, such as nn.Linear(..., {len(self.classes)})",
            )

    def loss(self, scores: Tensor, targets: Tensor, *, head: nn.Module | None = None) -> tuple[Tensor, Tensor]:
        """(sum, count) of the categorical cross-entropy.

        Args:
            scores: [n, classes], never softmaxed.
            targets: class numbers int64 [n], or probabilities [n, classes].
            head: not looked at: this loss has no parameters of its own.
        """
        weights = self.weights
        if weights is not None and weights.device != scores.device:
            weights = self.weights = weights.to(scores.device)
        return cross_entropy(scores, targets, label_smoothing=self.label_smoothing, weights=weights)

    def soft(self, targets: Tensor) -> Tensor:
        """Class numbers [n] to one-hot probabilities, float32 [n, classes]."""
        return torch.nn.functional.one_hot(targets, len(self.classes)).float()

    def count_hits(self, scores: Tensor, targets: Tensor) -> tuple[Tensor, int]:
        """How many of the highest scores are right, 0-dim, and of how many; soft targets count by their largest."""
        wanted = targets.argmax(1) if targets.dim() == 2 else targets
        return (scores.argmax(1) == wanted.to(scores.device)).sum(), len(targets)

    # ---- answers out

    def decode(self, scores: Tensor, *, mask: Tensor | None = None, head: nn.Module | None = None) -> Tensor:
        """Scores [n, classes] to probabilities, float32 [n, classes]; ``mask`` and ``head`` are for other outputs."""
        return (scores.float() / self.temperature).softmax(1)

    def tally(self, decoded: Tensor, targets: Tensor) -> Tensor:
        """Counts that add up over batches: right answers and samples, float64 [2]."""
        hits, of = self.count_hits(decoded, targets)
        return torch.tensor([float(hits), of], dtype=torch.float64)

    def measured(self, tally: Tensor) -> dict[str, float]:
        """What the counts of all batches say."""
        return {"accuracy": float(tally[0] / tally[1].clamp(min=1))}

    def answers(self, probabilities: Tensor) -> list[dict[str, Any]]:
        """One dictionary a sample: prediction, confidence, probabilities by class.

        >>> output = Category.from_state({"classes": ["cat", "dog"], "labels": "string", "label_smoothing": 0.0})
        >>> output.answers(torch.tensor([[0.25, 0.75]]))[0]["prediction"]
        'dog'
        """
        names = [str(name) for name in self.classes]
        best = probabilities.argmax(1).tolist()
        return [
            {
                "prediction": self.classes[place],
                "confidence": row[place],
                "probabilities": dict(zip(names, row, strict=True)),
            }
            for row, place in zip(probabilities.tolist(), best, strict=True)
        ]

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that answers need, as plain JSON values."""
        return {
            "classes": self.classes,
            "labels": self.labels,
            "by_place": self._by_place,
            "counts": self.counts,
            "label_smoothing": self.label_smoothing,
            "weights": None if self.weights is None else self.weights.tolist(),
            "temperature": self.temperature,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Category:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        return _checked(cls, state)


def _names(classes: Any) -> list[Any]:
    """Classes as a list, all strings or all whole numbers, each once.

    Raises:
        UserError: fewer than two, a name twice, something that is no name.
    """
    if not isinstance(classes, list) or not 2 <= len(classes) <= 1_000_000:
        raise UserError("the list of classes can't be used", expected="at least two names")
    kinds = {type(name) for name in classes}
    if not (kinds == {str} or kinds == {int}):
        raise UserError("the classes are no names", expected="all strings, or all whole numbers")
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise UserError(f"the class {twice[0]!r} is there twice", expected="different names")
    return classes


def _checked(cls: type[Category], state: Mapping[str, Any]) -> Category:
    classes = _names(state.get("classes"))
    smoothing, labels, weights = state.get("label_smoothing", 0.0), state.get("labels"), state.get("weights")
    if labels not in KINDS:
        raise UserError(f"the model's labels are of kind {labels!r}", expected=f"one of {', '.join(KINDS)}")
    if isinstance(smoothing, bool):
        raise UserError("the model's label_smoothing is a truth value", expected="a share from 0 to less than 1")
    by_place = state.get("by_place") is True and labels != "string"
    made = cls(classes=classes if by_place else None, label_smoothing=smoothing)
    made.classes, made.labels = classes, labels
    counts = state.get("counts") or []
    if not isinstance(counts, list) or len(counts) not in (0, len(classes)) or not all(type(c) is int for c in counts):
        raise UserError("the model's counts of its classes can't be read", expected="a whole number for each class")
    made.counts = counts
    if weights is not None:
        if not isinstance(weights, list) or not all(type(w) in (int, float) for w in weights):
            raise UserError("the model's class weights can't be read", expected="a number for each class")
        made.weights = made._weigh(weights)
    made.temperature = temperature_of(state)
    return made
