"""What a comparison needs of each metric: figures of resampled samples, for all models at once."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Metric:
    """A figure of several models on the same samples, made of sums over the samples.

    Attributes:
        higher_is_better: its direction.
        rows: what each sample adds, [models, n, k].
        figure: sums [..., k] to the figure [...].
        right: which answers are right, bool [models, n]; None where that is not the metric.
    """

    higher_is_better: bool
    rows: np.ndarray
    figure: Callable[[np.ndarray], np.ndarray]
    right: np.ndarray | None = None

    def whole(self) -> np.ndarray:
        """The figures of all samples, [models]."""
        return self.figure(self.rows.sum(1))

    def spread(self, i: int, j: int) -> np.ndarray:
        """How much each sample sets two models apart, [n]: 0 where they answer alike."""
        return np.abs(self.rows[i] - self.rows[j]).sum(1)


def resampled(metrics: Mapping[str, Metric], count: int, seed: int) -> dict[str, np.ndarray]:
    """The figures of 1,000 resamples, [models, 1000] by metric; one draw serves all metrics and models.

    A resample is how often it has each sample: that times what the samples add is one matrix product.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // count)
    found: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = rng.integers(0, count, (size, count), dtype=np.int32) + np.arange(size, dtype=np.int64)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
        for name, metric in metrics.items():
            found[name].append(np.stack([metric.figure(times @ rows) for rows in metric.rows]))
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


def _mean(sums: np.ndarray) -> np.ndarray:
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
    metrics = {
        "accuracy": Metric(True, _share(right), _mean, right),
        "macro_f1": Metric(True, _class_rows(chosen, y, classes), _macro_f1),
    }
    if all(p.ndim == 2 for p in given.values()):
        losses = np.stack([log_loss(p.astype(np.float64), y) for p in given.values()])
        metrics["log_loss"] = Metric(False, np.stack([losses, np.ones_like(losses)], 2), _mean)
    return metrics


def _class_rows(chosen: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Of each sample: its class among the right ones, and how often each class is answered or true [.., 2 classes]."""
    rows = np.zeros((*chosen.shape, 2 * classes), dtype=np.float32)
    place = np.arange(len(y))
    for model, answer in enumerate(chosen):
        rows[model, place, y] = answer == y
        rows[model, place, classes + y] += 1
        rows[model, place, classes + answer] += 1
    return rows


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    right, marks = np.split(sums, 2, axis=-1)
    return (2 * right / np.maximum(marks, 1)).sum(-1) / np.maximum((marks > 0).sum(-1), 1)


def _label_sets(answers: Answers, targets: Any, classes: int, scheme: str) -> dict[str, Metric]:
    true = np.asarray(targets) > 0.5
    for name, found in answers.items():
        _same(name, len(found), len(true))
    given = np.stack([np.asarray(found) > 0.5 for found in answers.values()])
    exact = (given == true).all(2)
    counts = [(given & true).sum(2), given.sum(2), np.broadcast_to(true.sum(1), exact.shape)]
    return {
        "f1": Metric(True, np.stack(counts, 2).astype(np.float64), _f1),
        "accuracy": Metric(True, _share(exact), _mean, exact),
    }


def _tags(answers: Answers, targets: Any, classes: int, scheme: str) -> dict[str, Metric]:
    for name, found in answers.items():
        _same(name, len(found), len(targets))
    words = np.stack([word_counts(found, targets) for found in answers.values()]).astype(np.float64)
    metrics = {"accuracy": Metric(True, words, _mean)}
    if scheme == "plain":
        return metrics
    spans = np.zeros((len(answers), len(targets), 3))
    for model, rows in enumerate(answers.values()):
        where, _, counts = type_counts(rows, targets)
        np.add.at(spans[model], where, counts)
    return {"f1": Metric(True, spans, _f1), **metrics}


def _same(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise UserError(
            f"'{name}' has {found} answers to {wanted} samples", expected="the same samples for every model"
        )


KINDS = {"category": _category, "label-sets": _label_sets, "tags": _tags}
