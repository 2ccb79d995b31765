"""What a comparison needs of each metric: figures of resampled samples, for all models at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.core.errors import UserError, unknown_name
from deepwell.evaluate.tag_counts import type_counts, word_counts
from deepwell.metrics import log_loss

RESAMPLES = 1000
CARRIERS = 20
"""Samples that carry a difference, below which no interval of it held what it promised."""

_BLOCK = 1 << 22
_EXCHANGES = 4_999


class Metric(ABC):
    """A figure of several models on the same samples.

    Attributes:
        higher_is_better: its direction.
        samples: how many.
        right: which answers are right, bool [models, n]; None where that is not the metric.
    """

    higher_is_better: bool
    right: np.ndarray | None = None

    @property
    @abstractmethod
    def samples(self) -> int: ...

    @abstractmethod
    def whole(self) -> np.ndarray:
        """The figures of all samples, [models]."""

    @abstractmethod
    def drawn(self, times: np.ndarray) -> np.ndarray:
        """The figures of resamples, [models, size]; ``times`` says how often each has each sample, [size, n]."""

    @abstractmethod
    def spread(self, i: int, j: int) -> np.ndarray:
        """How much each sample sets two models apart, [n]: 0 where they answer alike."""

    def exchanged(self, i: int, j: int) -> float:
        """A p-value that few samples bear: how often the difference is as large where the two models' answers to each
        sample are exchanged at random (Fisher's permutation test). 1 where that is not worked out."""
        return 1.0


@dataclass(frozen=True)
class Sums(Metric):
    """A figure made of few sums over the samples.

    Attributes:
        rows: what each sample adds, [models, n, k].
        figure: sums [..., k] to the figure [...].
    """

    higher_is_better: bool
    rows: np.ndarray
    figure: Callable[[np.ndarray], np.ndarray]
    right: np.ndarray | None = None

    @property
    def samples(self) -> int:
        return self.rows.shape[1]

    def whole(self) -> np.ndarray:
        return self.figure(self.rows.sum(1))

    def drawn(self, times: np.ndarray) -> np.ndarray:
        return np.stack([self.figure(times @ rows) for rows in self.rows])

    def spread(self, i: int, j: int) -> np.ndarray:
        return np.abs(self.rows[i] - self.rows[j]).sum(1)

    def exchanged(self, i: int, j: int) -> float:
        apart = np.flatnonzero(self.spread(i, j))
        moved = (self.rows[j] - self.rows[i])[apart]
        first, other = self.rows[i].sum(0), self.rows[j].sum(0)
        rng = np.random.default_rng(0)
        seen, reached = abs(float(self.figure(first) - self.figure(other))), 1
        block = max(1, _BLOCK // max(len(apart), 1))
        for start in range(0, _EXCHANGES, block):
            swap = rng.integers(0, 2, (min(block, _EXCHANGES - start), len(apart))) @ moved
            found = np.abs(self.figure(first + swap) - self.figure(other - swap))
            reached += int((found >= seen - 1e-12).sum())
        return reached / (_EXCHANGES + 1)


@dataclass(frozen=True)
class MacroF1(Metric):
    """The mean of the classes' F1, counted by class: as rows, three sums a class would fill gigabytes.

    Attributes:
        chosen: class numbers answered, [models, n].
        y: true class numbers, [n].
        classes: how many there are.
    """

    chosen: np.ndarray
    y: np.ndarray
    classes: int
    higher_is_better: bool = True

    @property
    def samples(self) -> int:
        return len(self.y)

    def whole(self) -> np.ndarray:
        return self.drawn(np.ones((1, len(self.y))))[:, 0]

    def drawn(self, times: np.ndarray) -> np.ndarray:
        found = np.empty((len(self.chosen), len(times)))
        hits = np.where(self.chosen == self.y, self.y, self.classes)  # wrong ones go to a class that is cut off
        for place, weights in enumerate(times):
            true = self._by_class(self.y, weights)
            for model, answers in enumerate(self.chosen):
                right = self._by_class(hits[model], weights)
                marks = true + self._by_class(answers, weights)
                found[model, place] = (2 * right / np.maximum(marks, 1)).sum() / max(int((marks > 0).sum()), 1)
        return found

    def spread(self, i: int, j: int) -> np.ndarray:
        one, other = self.chosen[i], self.chosen[j]
        return 2.0 * (one != other) + ((one == self.y) != (other == self.y))  # two answers moved, and one right or not

    def _by_class(self, numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.bincount(numbers, weights, minlength=self.classes)[: self.classes]


def resampled(metrics: Mapping[str, Metric], count: int, seed: int) -> dict[str, np.ndarray]:
    """The figures of 1,000 resamples, [models, 1000] by metric; one draw serves all metrics and models.

    A resample is how often it has each sample: what they add is then summed without a copy of any sample.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // count)
    found: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = rng.integers(0, count, (size, count), dtype=np.int32) + np.arange(size, dtype=np.int64)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
        for name, metric in metrics.items():
            found[name].append(metric.drawn(times))
    return {name: np.concatenate(parts, 1) for name, parts in found.items()}


Answers = dict[str, Any]


def metrics_of(kind: str) -> Callable[[Answers, Any, int, str], dict[str, Metric]]:
    """(answers by model, targets, number of classes, scheme of tags) -> metrics by name, the most important first.

    Raises:
        UserError: a kind of output that can't be compared.
    """
    if kind not in KINDS:
        raise unknown_name("kind of answer to compare", kind, KINDS)
    return KINDS[kind]


def ratio(sums: np.ndarray) -> np.ndarray:
    """[..., 2] to the first sum over the second."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def _f1(sums: np.ndarray) -> np.ndarray:
    """Of right, answered and true ones, [..., 3]."""
    return 2 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)


def _share(right: np.ndarray) -> np.ndarray:
    """Rows of a share, [models, n, 2], of what is right [models, n]."""
    return np.stack([right, np.ones_like(right)], 2).astype(np.float64)


def _category(answers: Answers, targets: Any, classes: int, scheme: str) -> dict[str, Metric]:
    y = np.asarray(targets)
    given = {name: np.asarray(found) for name, found in answers.items()}
    for name, found in given.items():
        _same(name, len(found), len(y))
    chosen = np.stack([found.argmax(1) if found.ndim == 2 else found for found in given.values()])
    classes = max(classes, int(max(chosen.max(), y.max())) + 1)
    right = chosen == y
    metrics: dict[str, Metric] = {
        "accuracy": Sums(True, _share(right), ratio, right),
        "macro_f1": MacroF1(chosen, y, classes),
    }
    if all(p.ndim == 2 for p in given.values()):
        losses = np.stack([log_loss(p.astype(np.float64), y) for p in given.values()])
        metrics["log_loss"] = Sums(False, np.stack([losses, np.ones_like(losses)], 2), ratio)
    return metrics


def _label_sets(answers: Answers, targets: Any, classes: int, scheme: str) -> dict[str, Metric]:
    true = np.asarray(targets) > 0.5
    for name, found in answers.items():
        _same(name, len(found), len(true))
    given = np.stack([np.asarray(found) > 0.5 for found in answers.values()])
    exact = (given == true).all(2)
    counts = [(given & true).sum(2), given.sum(2), np.broadcast_to(true.sum(1), exact.shape)]
    return {
        "f1": Sums(True, np.stack(counts, 2).astype(np.float64), _f1),
        "accuracy": Sums(True, _share(exact), ratio, exact),
    }


def _tags(answers: Answers, targets: Any, classes: int, scheme: str) -> dict[str, Metric]:
    for name, found in answers.items():
        _same(name, len(found), len(targets))
    words = np.stack([word_counts(found, targets) for found in answers.values()]).astype(np.float64)
    metrics: dict[str, Metric] = {"accuracy": Sums(True, words, ratio)}
    if scheme == "plain":
        return metrics
    spans = np.zeros((len(answers), len(targets), 3))
    for model, rows in enumerate(answers.values()):
        where, _, counts = type_counts(rows, targets)
        np.add.at(spans[model], where, counts)
    return {"f1": Sums(True, spans, _f1), **metrics}


def _same(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise UserError(
            f"'{name}' has {found} answers to {wanted} samples", expected="the same samples for every model"
        )


KINDS = {"category": _category, "label-sets": _label_sets, "tags": _tags}
