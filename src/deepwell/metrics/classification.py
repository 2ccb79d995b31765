"""Metrics of a choice among classes. All but the log loss are functions of the confusion matrix."""

from __future__ import annotations

import numpy as np

from deepwell.core.errors import UserError


def confusion(predicted: np.ndarray, targets: np.ndarray, classes: int) -> np.ndarray:
    """Counts [classes, classes]: row the true class, column the answer. Matrices of batches add up.

    Args:
        predicted, targets: class numbers [n].
        classes: their number.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if len(predicted) != len(targets):
        raise UserError(f"there are {len(predicted)} answers and {len(targets)} targets", expected="as many")
    return np.bincount(targets * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of right answers, of a confusion matrix [..., classes, classes]."""
    right = np.trace(matrix, axis1=-2, axis2=-1)
    return right / np.maximum(matrix.sum((-2, -1)), 1)


def per_class(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall, F1 and support of each class, [..., classes]; 0 where nothing was to be divided.

    >>> per_class(np.array([[1, 1], [0, 1]]))["recall"].tolist()
    [0.5, 1.0]
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    answered, support = matrix.sum(-2), matrix.sum(-1)
    precision = right / np.maximum(answered, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(answered + support, 1)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that occur among targets or answers, of a matrix [..., classes, classes]."""
    seen = (matrix.sum(-2) + matrix.sum(-1)) > 0
    return (per_class(matrix)["f1"] * seen).sum(-1) / np.maximum(seen.sum(-1), 1)


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """-log of the probability given to the true class, one a sample [n]; probabilities below 1e-12 count as that.

    >>> [round(float(v), 4) for v in log_loss(np.array([[0.5, 0.5]]), np.array([1]))]
    [0.6931]
    """
    chosen = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.maximum(chosen, 1e-12))
