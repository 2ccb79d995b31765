"""A cheap model, judged on samples that it has not seen: what the data gives away without a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.doctor.data.features import Features
from deepwell.doctor.data.part import Part

MOST = 2_000
SHIFTS = (-2, -1, 1, 2)
_STRENGTHS = (0.01, 0.1)


@dataclass(frozen=True, eq=False)
class Probe:
    """Ridge regression on ``Features`` (closed form, 4 folds).

    Attributes:
        places: of the samples that it was judged on, in the part, int64 [n].
        labels: their class numbers.
        scores: out of fold, float32 [n, classes].
        accuracy: share of right answers out of fold.
        base: share of the largest class: what an answer that ignores the sample reaches.
        shuffled: accuracy on labels in random order: the control.
        shifted: accuracy on the labels of the rows k further, by k.
        features, weights: of the model on all these samples, to answer for other parts.
    """

    places: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    accuracy: float
    base: float
    shuffled: float
    shifted: dict[int, float]
    features: Features
    weights: np.ndarray

    @property
    def error(self) -> float:
        """Standard error of ``base`` on so many samples."""
        return float(np.sqrt(max(self.base * (1 - self.base), 1e-4) / len(self.labels)))

    @property
    def learns(self) -> bool:
        """Whether it is better than the largest class beyond chance."""
        return self.accuracy > max(self.base, self.shuffled) + max(5 * self.error, 0.03)

    @property
    def learns_nothing(self) -> bool:
        """Whether it is no better than chance."""
        return self.accuracy < max(self.base, self.shuffled) + 2 * self.error

    def answers(self, x: Any) -> np.ndarray:
        """Class numbers for other samples, int64 [n]."""
        return (self.features(x) @ self.weights).argmax(1)


def probe_classes(part: Part, labels: np.ndarray, classes: int, *, seed: int, most: int = MOST) -> Probe | None:
    """Fit and judge; None where the samples are of no kind that it knows."""
    if part.kind == "unknown":
        return None
    places = part.sample(most, seed)
    x = taken(part.x, places)
    features = Features(x, part.kind, seed=seed)
    inputs = features(x)
    y = labels[places]
    shuffled = np.random.default_rng([7, seed]).permutation(y)
    moved = {k: labels[(places + k) % len(labels)] for k in SHIFTS} if part.rows is None else {}
    targets = np.concatenate([_one_hot(column, classes) for column in (y, shuffled, *moved.values())], 1)
    scores = _best(inputs, targets, classes, y, seed)
    right = [
        float((scores[:, i * classes : (i + 1) * classes].argmax(1) == column).mean())
        for i, column in enumerate((y, shuffled, *moved.values()))
    ]
    base = float(np.bincount(y, minlength=classes).max() / len(y))
    weights = solve(inputs, _one_hot(y, classes), 0.03)
    shifted = dict(zip(moved, right[2:], strict=True))
    return Probe(places, y, scores[:, :classes], right[0], base, right[1], shifted, features, weights)


def taken(x: Any, places: np.ndarray) -> Any:
    """Some samples, of an array or a list."""
    return x[places] if isinstance(x, np.ndarray) else [x[i] for i in places.tolist()]


def _one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[labels]


def _best(inputs: np.ndarray, targets: np.ndarray, classes: int, y: np.ndarray, seed: int) -> np.ndarray:
    """Out-of-fold scores at the strength of the penalty that answers best."""
    found = [out_of_fold(inputs, targets, strength, seed=seed) for strength in _STRENGTHS]
    return max(found, key=lambda scores: float((scores[:, :classes].argmax(1) == y).mean()))


def solve(inputs: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    """Ridge regression: (X'X + s·t·I) w = X'Y, with t the mean of the diagonal; float32 [features, targets]."""
    gram = inputs.T @ inputs
    return _solved(gram, inputs.T @ targets, strength)


def _solved(gram: np.ndarray, moment: np.ndarray, strength: float) -> np.ndarray:
    gram = gram + np.eye(len(gram), dtype=np.float32) * np.float32(strength * np.trace(gram) / len(gram) + 1e-6)
    return np.linalg.solve(gram, moment)


def out_of_fold(inputs: np.ndarray, targets: np.ndarray, strength: float, *, seed: int, folds: int = 4) -> np.ndarray:
    """Each sample's scores by a model that was fitted without its fold, float32 [n, targets]."""
    fold = np.random.default_rng([8, seed]).permutation(len(inputs)) % folds
    if len(inputs) < inputs.shape[1]:
        return _by_samples(inputs, targets, strength, fold, folds)
    pieces = [(inputs[fold == i], targets[fold == i]) for i in range(folds)]
    grams = [x.T @ x for x, _ in pieces]
    moments = [x.T @ y for x, y in pieces]
    gram, moment = sum(grams), sum(moments)
    found = np.empty((len(inputs), targets.shape[1]), np.float32)
    for i, (x, _) in enumerate(pieces):
        found[fold == i] = x @ _solved(gram - grams[i], moment - moments[i], strength)
    return found


def _by_samples(inputs: np.ndarray, targets: np.ndarray, strength: float, fold: np.ndarray, folds: int) -> np.ndarray:
    """The same scores by X'(XX' + s·t·I)^-1 Y: a system of as many equations as samples, where these are the fewer."""
    gram = inputs @ inputs.T
    found = np.empty((len(inputs), targets.shape[1]), np.float32)
    for i in range(folds):
        rest, held = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        inner = gram[np.ix_(rest, rest)]
        penalty = np.float32(strength * np.trace(inner) / inputs.shape[1] + 1e-6)
        weights = np.linalg.solve(inner + penalty * np.eye(len(rest), dtype=np.float32), targets[rest])
        found[held] = gram[np.ix_(held, rest)] @ weights
    return found
