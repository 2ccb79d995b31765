"""From samples to the numbers that simple models see: one file an input kind, and the table of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.evaluate.baselines.grams import Grams
from deepwell.evaluate.baselines.leaves import Leaves
from deepwell.evaluate.baselines.pixels import Pixels

EXTRACTORS: dict[str, Any] = {"image": Pixels, "text": Grams, "tree": Leaves}
"""By input kind. Words are seen in their sentence, by ``tagging``."""

_BYTES = 1 << 30
_TRIED = 200
_LEAST = 1_000


@dataclass(frozen=True)
class Features:
    """What simple models see.

    Attributes:
        train, test: [n, features], dense float32 or sparse.
        rows: which training samples the rows of ``train`` are.
        kind: ``pixels``, ``numbers`` or ``words``.
        words: the same for a person.
    """

    train: Any
    test: Any
    rows: np.ndarray
    kind: str
    words: str


def make(train: Any, test: Any, input: Any, order: np.ndarray, *, seconds: float) -> Features:
    """Features of both parts; what they learn is learnt from the training part.

    Args:
        train, test: a ``measure.Part``.
        input: the learnt input.
        order: training samples, of which as many are taken, from the beginning, as fit the time and 1 GiB.
        seconds: for the features of both parts; 1,000 samples are taken at least.
    """
    seen = EXTRACTORS[input.kind](input)
    most = min(len(order), max(_LEAST, _BYTES // (4 * seen.width)))
    # to learn the features of some texts takes as long as a text takes, and seeing the test part too
    each = _seconds(lambda: seen.learn(train.take(order[:_TRIED]))) / max(1, min(_TRIED, len(order)))
    left = seconds / max(each, 1e-9) - len(test)
    rows = order[: max(min(most, _LEAST), min(most, int(left)))]
    learnt = seen.learn(train.take(rows))
    return Features(learnt, seen.see(test.take(np.arange(len(test)))), rows, seen.kind, str(seen))


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
