"""All that the checks of data are given: the parts, their answers in one numbering, what the caller said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from deepwell.doctor.data.kinds import kind_of_answers
from deepwell.doctor.data.part import Part
from deepwell.doctor.data.probe import Probe, probe_classes


@dataclass(frozen=True)
class Said:
    """What the caller knows of the data; every field may be left out.

    Attributes:
        classes: how many a model has outputs for; None: not known.
        names: of the columns of a table.
        groups: by part, the patient, speaker or other group of each sample.
        times: by part, when each sample was taken: anything that can be sorted.
        batch_size: of the training.
        loss: by name, as PyTorch calls it: ``cross_entropy``, ``mse_loss``, ...
        has_batch_norm: whether the model has batch normalisation.
        normalised_inside: whether the model scales its inputs itself.
        weighted: whether classes are weighted or samples drawn by class.
        ignored: the label that the loss leaves out.
        tokenise: how texts are cut, text -> tokens.
        padding: the id that fills short rows.
        rows: of the table that a model looks ids up in.
        seed: of every draw.
    """

    classes: int | None = None
    names: Sequence[str] | None = None
    groups: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    times: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    batch_size: int | None = None
    loss: str | None = None
    has_batch_norm: bool = False
    normalised_inside: bool = False
    weighted: bool = False
    ignored: int = -100
    tokenise: Any = None
    padding: int = 0
    rows: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Case:
    """Parts and what was said of them.

    Attributes:
        parts: ``train`` first.
        said: by the caller.
        class_names: names of the classes in the order of their numbers, where they are known.
    """

    parts: Mapping[str, Part]
    said: Said = field(default_factory=Said)
    class_names: Sequence[Any] | None = None

    @property
    def train(self) -> Part:
        return self.parts["train"]

    @property
    def kind(self) -> str:
        return self.train.kind

    @property
    def held_out(self) -> list[Part]:
        """The other parts whose samples are of the same kind and shape."""
        shape = getattr(self.train.x, "shape", (0,))[1:]
        rest = [part for name, part in self.parts.items() if name != "train" and len(part)]
        return [p for p in rest if p.kind == self.kind and getattr(p.x, "shape", (0,))[1:] == shape]

    @cached_property
    def answer(self) -> str:
        """What the answers are; see ``kinds.kind_of_answers``."""
        ys = [part.y for part in self.parts.values() if len(part)]
        return kind_of_answers(ys, classes=self.said.classes, loss=self.said.loss)

    @cached_property
    def names(self) -> list[Any]:
        """The classes' names, in the order of their numbers."""
        if self.class_names is not None:
            return list(self.class_names)
        found: set[Any] = set()
        for part in self.parts.values():
            values = _column(part.y)
            width = values.shape[1] if values.ndim == 2 else 0
            found |= set(range(width)) if width else set(np.unique(values).tolist())
        return sorted(found, key=lambda name: (str(type(name)), name))

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """Class numbers of each part, int64 [n], in the order of ``names``; nothing where answers are no classes."""
        if self.answer != "classes":
            return {}
        numbers = {name: number for number, name in enumerate(self.names)}
        found = {}
        for name, part in self.parts.items():
            values = _column(part.y)
            if values.ndim == 2:
                found[name] = values.argmax(1).astype(np.int64)
            elif self.class_names is not None:
                found[name] = values.astype(np.int64)
            else:
                distinct, places = np.unique(values, return_inverse=True)
                found[name] = np.array([numbers[v] for v in distinct.tolist()], np.int64)[places.reshape(-1)]
        return found

    def column(self, number: int) -> str:
        """The name of a table's column."""
        known = self.said.names
        return str(known[number]) if known is not None and number < len(known) else f"column {number}"

    @cached_property
    def probe(self) -> Probe | None:
        """A cheap model of the classes, judged on samples that it has not seen; None where it says nothing."""
        if self.answer != "classes" or not 2 <= len(self.names) <= 200 or len(self.train) < 60:
            return None
        return probe_classes(self.train, self.labels["train"], len(self.names), seed=self.said.seed)


def _column(y: Any) -> np.ndarray:
    values = np.asarray(y)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
