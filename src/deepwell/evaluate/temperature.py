"""One number that makes confidences honest (Guo et al. 2017, "On calibration of modern neural networks")."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.evaluate.calibration import expected_error, reliability

LOWEST, HIGHEST = 0.05, 20.0
FEWEST = 50
"""Samples below which one number is not worth fitting: chance would move it more than the model's fault does."""

_UNERRING = "no answer was wrong"
_STEPS = 40
_NUMBERS = 20_000_000
"""Scores that are looked at, at most: 20,000 samples of 1,000 classes tell the temperature to three digits."""


@dataclass(frozen=True)
class Fitted:
    """What scores are divided by before they become probabilities, and what that did where it was fitted.

    Attributes:
        temperature: above 1 where the model was too sure, below 1 where it was not sure enough, 1 for none.
        samples: of the validation part.
        before, after: ``log_loss`` and ``calibration_error`` of these samples; None where nothing was fitted.
        note: why nothing was fitted, that the bounds held it, or that no answer was wrong; "" else.
    """

    temperature: float
    samples: int
    before: dict[str, float] | None = None
    after: dict[str, float] | None = None
    note: str = ""

    def __str__(self) -> str:
        if self.before is None or self.after is None:
            return f"temperature 1: {self.note}"
        if self.unerring:
            return f"temperature {self.temperature:.3g}: on {self.samples:,} validation samples {self.note}"
        return (
            f"temperature {self.temperature:.3g}: on {self.samples:,} validation samples the log loss goes from "
            f"{self.before['log_loss']:.4f} to {self.after['log_loss']:.4f} and the calibration error from "
            f"{self.before['calibration_error']:.4f} to {self.after['calibration_error']:.4f}"
            + (f" ({self.note})" if self.note else "")
        )

    @property
    def unerring(self) -> bool:
        """No answer was wrong: the figures before and after then say nothing of what is better."""
        return _UNERRING in self.note

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(self.__dict__)


def fit(kind: str, scores: Tensor, targets: Tensor) -> Fitted:
    """The temperature under which scores have the smallest mean log loss.

    The log loss is convex in 1 / temperature, so the smallest value is where its slope is 0, found by halving: the same
    digits each time. The answers stay as they are: to divide all scores of a sample changes neither their order nor
    their signs. Nothing is fitted to fewer than 50 samples. Where all n answers are right the smallest loss would be at
    a temperature of 0, which says that the model can't err; it is fitted then as if each answer were wrong with a
    probability of 1 in n + 2 (Laplace's rule of succession; Platt 1999 smooths his targets so).

    Args:
        kind: of the output: ``category`` (softmax) or ``label-sets`` (a sigmoid for each label).
        scores: as the model gives them, float [n, classes].
        targets: class numbers int64 [n], or 0 and 1 [n, labels].

    >>> g = torch.Generator().manual_seed(0)
    >>> y = torch.randint(0, 3, (2000,), generator=g)
    >>> scores = torch.randn(2000, 3, generator=g) + 2 * torch.nn.functional.one_hot(y, 3)
    >>> fit("category", 4 * scores, y).temperature / fit("category", scores, y).temperature > 3.99
    True
    """
    count = len(scores)
    if count < FEWEST:
        return Fitted(1.0, count, note=f"not fitted: {count} validation samples, and it takes {FEWEST}")
    scores, targets = scores.detach().cpu().double(), targets.detach().cpu()
    if not bool(scores.isfinite().all()):
        return Fitted(1.0, count, note="not fitted: some scores are not finite")
    law = LAWS[kind]
    sure, right = law.answers(scores, targets)
    doubt, note = 0.0, ""
    if right.all():
        doubt, note = 1 / (right.size + 2), f"{_UNERRING}, so it is as sure as if 1 in {right.size + 2:,} were"
    step = max(1, math.ceil(scores.numel() / _NUMBERS))
    found = _smallest(lambda inverse: law.slope(scores[::step], targets[::step], inverse, doubt))
    if found in (LOWEST, HIGHEST):
        note = f"{note}; held by its bound" if note else "held by its bound"
    before = _measured(law, scores, targets, sure, right)
    after = _measured(law, scores / found, targets, law.answers(scores / found, targets)[0], right)
    if not doubt and after["log_loss"] > before["log_loss"]:  # rounding, where 1 is best already
        return Fitted(1.0, count, before, before)
    return Fitted(found, count, before, after, note)


def _smallest(slope: Callable[[float], float]) -> float:
    """The temperature at which the slope of the loss by 1 / temperature changes its sign."""
    low, high = math.log(1 / HIGHEST), math.log(1 / LOWEST)
    if slope(math.exp(low)) >= 0:
        return HIGHEST
    if slope(math.exp(high)) <= 0:
        return LOWEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(math.exp(middle)) > 0 else (middle, high)
    return math.exp(-(low + high) / 2)


@dataclass(frozen=True)
class _Law:
    """How scores of an output become probabilities.

    Attributes:
        loss: (scores, targets) -> mean log loss, in nats.
        slope: (scores, targets, inverse temperature, doubt) -> its derivative by the inverse temperature, where each
            target is wrong with the probability ``doubt``.
        answers: (scores, targets) -> confidence of each answer, and which are right; arrays of one shape.
    """

    loss: Callable[[Tensor, Tensor], float]
    slope: Callable[[Tensor, Tensor, float, float], float]
    answers: Callable[[Tensor, Tensor], tuple[np.ndarray, np.ndarray]]


def _measured(law: _Law, scores: Tensor, targets: Tensor, sure: np.ndarray, right: np.ndarray) -> dict[str, float]:
    return {"log_loss": law.loss(scores, targets), "calibration_error": expected_error(reliability(sure, right))}


def _class_loss(scores: Tensor, targets: Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(scores, targets))


def _class_slope(scores: Tensor, targets: Tensor, inverse: float, doubt: float) -> float:
    expected = ((scores * inverse).softmax(1) * scores).sum(1)
    wanted = scores.gather(1, targets[:, None])[:, 0]
    others = (scores.sum(1) - wanted) / max(scores.shape[1] - 1, 1)
    return float((expected - (1 - doubt) * wanted - doubt * others).mean())


def _class_answers(scores: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    sure, answer = scores.softmax(1).max(1)
    return sure.numpy(), (answer == targets).numpy()


def _label_loss(scores: Tensor, targets: Tensor) -> float:
    return float(torch.nn.functional.binary_cross_entropy_with_logits(scores, targets.double()))


def _label_slope(scores: Tensor, targets: Tensor, inverse: float, doubt: float) -> float:
    wanted = targets * (1 - doubt) + (1 - targets) * doubt
    return float((((scores * inverse).sigmoid() - wanted) * scores).mean())


def _label_answers(scores: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    p = scores.sigmoid()
    return torch.maximum(p, 1 - p).numpy(), ((scores > 0) == (targets > 0.5)).numpy()


LAWS = {
    "category": _Law(_class_loss, _class_slope, _class_answers),
    "label-sets": _Law(_label_loss, _label_slope, _label_answers),
}
"""By kind of output. One that is not here keeps its confidences as they are: tags of a sentence are judged together."""
