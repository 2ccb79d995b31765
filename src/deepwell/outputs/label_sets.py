"""Any number of several labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.losses import binary_cross_entropy
from deepwell.outputs.labels import natural
from deepwell.outputs.temperature import temperature_of

_THRESHOLD = 0.5


class LabelSets:
    """The answer is a set of labels, which may be empty. Implements ``core.protocols.Output``.

    Each label is judged by itself: its score passes a sigmoid, and one half is the threshold.

    Attributes:
        classes: the labels, in the order of the scores.
        temperature: what scores are divided by before the sigmoid, as of a ``Category``; it changes no answer.
        notes: what was noticed, in sentences.

    >>> output = LabelSets()
    >>> output.learn([["red", "round"], [], ["round"], ["red"]], np.arange(4))
    >>> output.classes, output.encode([["round"]]).tolist()
    (['red', 'round'], [[0.0, 1.0]])
    """

    kind = "label-sets"
    per_position = False
    hits_are_cheap = True
    metrics = ("f1", "accuracy")

    def __init__(self) -> None:
        self.classes: list[Any] = []
        self.temperature = 1.0
        self.notes: list[str] = []

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.classes[:6])) + (", ..." if len(self.classes) > 6 else "")
        return f"any of {len(self.classes)} labels: {shown}"

    def learn(self, targets: Sequence[Any], train: np.ndarray) -> None:
        """Learn the labels.

        Args:
            targets: a list of labels for each sample.
            train: row numbers of the training part, int64 [k].

        Raises:
            UserError: something that is no list of names, fewer than two labels, a label that all training samples
                have or none has.
        """
        for row, labels in enumerate(targets):
            if isinstance(labels, str) or not isinstance(labels, (list, tuple, set, frozenset, np.ndarray)):
                raise UserError(f"sample {row} has the answer {labels!r:.40}", expected="a list of labels")
            if bad := next((name for name in labels if type(name) not in (str, int)), None):
                raise UserError(f"sample {row} has the label {bad!r}", expected="names or whole numbers")
        self.classes = sorted({name for labels in targets for name in labels}, key=natural)
        if len(self.classes) < 2:
            raise UserError(
                f"there is {'no label' if not self.classes else f'the one label {self.classes[0]!r}'} in all samples",
                expected="at least two labels",
                fix="check the column of labels; for yes or no give a column of these two words",
            )
        counts = self.encode([targets[row] for row in train.tolist()]).sum(0).tolist()
        for name, count in zip(self.classes, counts, strict=True):
            if count in (0, len(train)):
                self.notes.append(
                    f"{'no' if count == 0 else 'every'} training sample has the label {name!r}: it can't be learnt"
                )

    def encode(self, targets: Sequence[Any]) -> Tensor:
        """Lists of labels to 0 and 1, float32 [n, labels].

        Raises:
            UserError: a label that was not learnt, with its sample.
        """
        numbers = {name: number for number, name in enumerate(self.classes)}
        found = torch.zeros(len(targets), len(self.classes))
        for row, labels in enumerate(targets):
            for name in labels:
                if name not in numbers:
                    shown = ", ".join(map(str, self.classes[:12])) + (", ..." if len(self.classes) > 12 else "")
                    raise UserError(
                        f"sample {row} has the label {name!r}, which the model has not learnt",
                        expected=f"some of {shown}",
                        fix="correct the label, or train again with samples that have it",
                    )
                found[row, numbers[name]] = 1
        return found

    def head(self, features: int) -> nn.Module:
        """A linear layer from a representation [n, features] to scores [n, labels]."""
        return nn.Linear(features, len(self.classes))

    def loss(self, scores: Tensor, targets: Tensor, *, head: nn.Module | None = None) -> tuple[Tensor, Tensor]:
        """(sum, count) of the binary cross-entropy over samples and labels."""
        return binary_cross_entropy(scores, targets)

    def count_hits(self, scores: Tensor, targets: Tensor) -> tuple[Tensor, int]:
        """Samples whose set is exactly right, and samples."""
        return ((scores > 0) == (targets > _THRESHOLD)).all(1).sum(), len(targets)

    def decode(self, scores: Tensor, *, mask: Tensor | None = None, head: nn.Module | None = None) -> Tensor:
        """Scores [n, labels] to the probability of each label by itself, float32 [n, labels]."""
        return (scores.float() / self.temperature).sigmoid()

    def tally(self, decoded: Tensor, targets: Tensor) -> Tensor:
        """Counts that add up: exact sets, samples; right, given and true labels. float64 [5]."""
        given, true = decoded > _THRESHOLD, targets > _THRESHOLD
        counts: list[Tensor | int] = [
            (given == true).all(1).sum(),
            len(true),
            (given & true).sum(),
            given.sum(),
            true.sum(),
        ]
        return torch.tensor([float(count) for count in counts], dtype=torch.float64)

    def measured(self, tally: Tensor) -> dict[str, float]:
        """F1 over all labels of all samples, and the share of samples whose set is exactly right."""
        exact, samples, right, given, true = tally.tolist()
        return {"f1": 2 * right / max(given + true, 1), "accuracy": exact / max(samples, 1)}

    def answers(self, probabilities: Tensor) -> list[dict[str, Any]]:
        """One dictionary a sample: prediction (a list), confidence that it is right, probabilities by label."""
        names = [str(name) for name in self.classes]
        sure = torch.where(probabilities > _THRESHOLD, probabilities, 1 - probabilities).prod(1).tolist()
        return [
            {
                "prediction": [name for name, p in zip(self.classes, row, strict=True) if p > _THRESHOLD],
                "confidence": chance,
                "probabilities": dict(zip(names, row, strict=True)),
            }
            for row, chance in zip(probabilities.tolist(), sure, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """All that answers need, as plain JSON values."""
        return {"classes": self.classes, "temperature": self.temperature}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LabelSets:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        classes = state.get("classes")
        if (
            not isinstance(classes, list)
            or not 2 <= len(classes) <= 1_000_000
            or {type(name) for name in classes} - {str, int}
            or len(set(classes)) != len(classes)
        ):
            raise UserError("the model's classes can't be read", expected="a list of different labels")
        made = cls()
        made.classes = classes
        made.temperature = temperature_of(state)
        return made
