"""Scores to answers about a whole sample: one class, or a set of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Category:
    """One of several classes.

    Args:
        description: ``classes`` in the order of the scores, ``temperature`` by which scores are divided.
    """

    per_word = False

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.classes, self.temperature = description["classes"], np.float32(description["temperature"])

    def answers(self, outputs: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
        """Scores [n, classes], or their probabilities where the graph gives these, to answers."""
        chances = outputs.get("probabilities")
        chances = _softmax(outputs["scores"] / self.temperature) if chances is None else chances
        names = [str(name) for name in self.classes]
        return [
            {
                "prediction": self.classes[best],
                "confidence": row[best],
                "probabilities": dict(zip(names, row, strict=True)),
            }
            for row, best in zip(chances.tolist(), chances.argmax(1).tolist(), strict=True)
        ]


class LabelSets:
    """Any number of several labels.

    Args:
        description: ``classes``, ``temperature``, and the ``threshold`` above which a label is in the set.
    """

    per_word = False

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.classes, self.temperature = description["classes"], np.float32(description["temperature"])
        self.threshold = description["threshold"]

    def answers(self, outputs: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
        """Scores [n, labels], or their probabilities where the graph gives these, to answers."""
        chances = outputs.get("probabilities")
        chances = _sigmoid(outputs["scores"] / self.temperature) if chances is None else chances
        sure = np.where(chances > self.threshold, chances, 1 - chances).prod(1)
        names = [str(name) for name in self.classes]
        return [
            {
                "prediction": [name for name, p in zip(self.classes, row, strict=True) if p > self.threshold],
                "confidence": chance,
                "probabilities": dict(zip(names, row, strict=True)),
            }
            for row, chance in zip(chances.tolist(), sure.tolist(), strict=True)
        ]


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _sigmoid(scores: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(scores))  # no power that overflows
    return np.where(scores >= 0, 1 / (1 + small), small / (1 + small))
