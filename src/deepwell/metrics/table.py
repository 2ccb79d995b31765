"""Metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from deepwell.metrics.calibration import calibration_error, calibration_state
from deepwell.metrics.classification import accuracy, macro_f1, per_class
from deepwell.metrics.confusion_state import confusion_state
from deepwell.metrics.log_loss_state import log_loss_state
from deepwell.metrics.metric import Metric
from deepwell.metrics.top_k import share, top_k_state


def _of_matrix(figure: Callable[[np.ndarray], np.ndarray]) -> Callable[[Sequence[Tensor]], float]:
    def compute(state: Sequence[Tensor]) -> float:
        matrix = state[0].cpu().numpy()
        return float(figure(matrix)) if matrix.any() else float("nan")

    return compute


def _macro(word: str) -> Callable[[np.ndarray], np.ndarray]:
    def figure(matrix: np.ndarray) -> np.ndarray:
        seen = (matrix.sum(-2) + matrix.sum(-1)) > 0
        return (per_class(matrix)[word] * seen).sum(-1) / np.maximum(seen.sum(-1), 1)

    return figure


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "share of right answers, 0 to 1", True, confusion_state, _of_matrix(accuracy)),
        Metric("top-5-accuracy", "the right class is among the five highest, 0 to 1", True, top_k_state, share),
        Metric(
            "macro-precision",
            "precision, mean over the classes that occur, 0 to 1",
            True,
            confusion_state,
            _of_matrix(_macro("precision")),
        ),
        Metric(
            "macro-recall",
            "recall, mean over the classes that occur, 0 to 1",
            True,
            confusion_state,
            _of_matrix(_macro("recall")),
        ),
        Metric("macro-f1", "F1, mean over the classes that occur, 0 to 1", True, confusion_state, _of_matrix(macro_f1)),
        Metric("log-loss", "mean -log of the true class's probability, from 0 up", False, log_loss_state, share),
        Metric(
            "calibration-error",
            "distance of confidence and accuracy, 15 bins (Guo et al. 2017), 0 to 1",
            False,
            calibration_state,
            calibration_error,
        ),
    )
}
