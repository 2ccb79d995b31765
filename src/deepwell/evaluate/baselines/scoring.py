"""How answers of each output kind are counted, scored and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from deepwell.evaluate.baselines.paired import Difference, differences
from deepwell.evaluate.interval import wilson
from deepwell.evaluate.label_sets import label_sets
from deepwell.evaluate.measured import Measured
from deepwell.evaluate.tags import tags as evaluate_tags
from deepwell.metrics.spans import span_counts


class Scoring(NamedTuple):
    """Of an output kind. ``answers`` and ``targets`` are lists as ``Baseline.answers`` has them.

    Attributes:
        metric: name of the score, from the output.
        score: (answers, targets, output) -> the score with its interval.
        counts: (answers, targets, output) -> int [n, 2], of which the score is sum over sum.
        answers: what the deep model decoded, one item a sample, as such a list.
    """

    metric: Callable[[Any], str]
    score: Callable[[list[Any], list[Any], Any], Measured]
    counts: Callable[[list[Any], list[Any], Any], np.ndarray]
    answers: Callable[[Sequence[Any]], list[Any]]


def _class_score(answers: list[int], targets: list[int], output: Any) -> Measured:
    right = int((np.array(answers) == np.array(targets)).sum())
    return Measured(right / len(targets), *wilson(right, len(targets)))


def _class_counts(answers: list[int], targets: list[int], output: Any) -> np.ndarray:
    right = np.array(answers) == np.array(targets)
    return np.stack([right, np.ones_like(right)], 1).astype(np.int64)


def _set_score(answers: list[list[int]], targets: list[list[int]], output: Any) -> Measured:
    given, true = (torch.from_numpy(marked(rows, len(output.classes))).float() for rows in (answers, targets))
    return label_sets(given, true, output.classes).f1


def _set_counts(answers: list[list[int]], targets: list[list[int]], output: Any) -> np.ndarray:
    rows = [(2 * len(set(a) & set(t)), len(a) + len(t)) for a, t in zip(answers, targets, strict=True)]
    return np.array(rows, dtype=np.int64)


def marked(sets: Sequence[Sequence[int]], labels: int) -> np.ndarray:
    """Lists of label numbers to 0 and 1, int64 [n, labels]."""
    made = np.zeros((len(sets), labels), dtype=np.int64)
    for row, chosen in enumerate(sets):
        made[row, list(chosen)] = 1
    return made


def _names(rows: list[list[int]], output: Any) -> list[list[str]]:
    return [[output.classes[tag] for tag in row] for row in rows]


def _tag_score(answers: list[list[int]], targets: list[list[int]], output: Any) -> Measured:
    found = evaluate_tags(_names(answers, output), _names(targets, output), scheme=output.scheme)
    return found.accuracy if found.f1 is None else found.f1


def _tag_counts(answers: list[list[int]], targets: list[list[int]], output: Any) -> np.ndarray:
    if output.scheme == "plain":
        pairs = zip(answers, targets, strict=True)
        return np.array([(sum(x == y for x, y in zip(a, t, strict=True)), len(t)) for a, t in pairs], dtype=np.int64)
    rows = []
    for found, wanted in zip(_names(answers, output), _names(targets, output), strict=True):
        counts = np.array(list(span_counts(wanted, found).values()), dtype=np.int64).reshape(-1, 3).sum(0)
        rows.append((2 * counts[0], counts[1] + counts[2]))
    return np.array(rows, dtype=np.int64)


SCORING: dict[str, Scoring] = {
    "category": Scoring(
        lambda output: "accuracy",
        _class_score,
        _class_counts,
        lambda decoded: torch.stack(list(decoded)).argmax(1).tolist(),
    ),
    "label-sets": Scoring(
        lambda output: "f1",
        _set_score,
        _set_counts,
        lambda decoded: [torch.nonzero(row > 0.5)[:, 0].tolist() for row in decoded],
    ),
    "tags": Scoring(
        lambda output: output.metrics[0], _tag_score, _tag_counts, lambda decoded: [list(path) for path, _ in decoded]
    ),
}


def answers_of(decoded: Sequence[Any], output: Any) -> list[Any]:
    """What a deep model decoded (``SavedModel.decoded``), as ``Baseline.answers`` has it."""
    return SCORING[output.kind].answers(decoded)


def against(deep: list[Any], others: Sequence[list[Any]], targets: list[Any], output: Any) -> list[Difference]:
    """How much better the deep model's answers are than each of others to the same samples."""
    count = SCORING[output.kind].counts
    return differences(count(deep, targets, output), [count(answers, targets, output) for answers in others])
