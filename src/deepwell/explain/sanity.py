"""Whether explanations say anything about a model: they must change when its weights do."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from deepwell.explain.explain import explain
from deepwell.saved.model import SavedModel

BOUND = 0.5
"""Rank correlation above which an explanation does not look at the weights."""
_STAGES = 6


@dataclass(frozen=True)
class Sanity:
    """What randomising the weights did to the explanations of one method.

    Attributes:
        method: by name.
        stages: from the head downwards, the lowest layer that was randomised and the rank correlation of the
            explanations with those of the trained model, the mean over the samples.
        samples: that were explained.
    """

    method: str
    stages: list[tuple[str, float]]
    samples: int

    @property
    def passed(self) -> bool:
        """Whether, with all weights randomised, the correlation is below ``BOUND``."""
        return self.stages[-1][1] < BOUND

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        stages = [{"down_to": name, "correlation": found} for name, found in self.stages]
        return {"method": self.method, "passed": self.passed, "bound": BOUND, "samples": self.samples, "stages": stages}

    def __str__(self) -> str:
        told = ", ".join(f"{name} {found:.2f}" for name, found in self.stages)
        return f"{self.method}: {'passed' if self.passed else 'FAILED'}; rank correlation down to {told}"


def randomised(
    model: SavedModel, raw: Sequence[Any], *, method: str | None = None, target: Any = None, seed: int = 0
) -> Sanity:
    """The sanity check of Adebayo et al. 2018 (arXiv:1810.03292): weights are randomised from the head down to the
    first layer, one after the other, and the explanations of the same classes compared by Spearman's rank
    correlation. A method whose explanations stay alike draws the input, not what the model makes of it.

    Each weight is drawn anew from a normal distribution with the mean and the spread of its tensor; the model itself
    is left alone.

    Args:
        model: a trained one.
        raw: samples; ten or more make the mean steady.
        method, target: see ``explain``.
        seed: of the random weights.
    """
    before = explain(model, raw, method=method, target=target)
    method = before[0].method
    blank = SavedModel(copy.deepcopy(model.network), model.input, model.output, card=model.card)
    layers = [
        (name, m) for name, m in blank.network.named_modules() if next(m.parameters(recurse=False), None) is not None
    ]
    layers.reverse()
    ends = sorted({round(place) for place in np.linspace(1, len(layers), min(_STAGES, len(layers)))})
    generator = torch.Generator().manual_seed(seed)
    stages, done = [], 0
    for end in ends:
        for _, layer in layers[done:end]:
            _redraw(layer, generator)
        done = end
        found = [
            rank_correlation(numbers(was), numbers(explain(blank, [sample], method=method, target=was.target)[0]))
            for was, sample in zip(before, raw, strict=True)
        ]
        stages.append((layers[end - 1][0] or "the whole", float(np.mean(found))))
    return Sanity(method, stages, len(raw))


@torch.no_grad()
def _redraw(layer: nn.Module, generator: torch.Generator) -> None:
    for parameter in layer.parameters(recurse=False):
        spread = float(parameter.std()) if parameter.numel() > 1 else 0.0
        drawn = torch.randn(parameter.shape, generator=generator) * spread + float(parameter.mean())
        parameter.copy_(drawn)


def numbers(explanation: Any) -> np.ndarray:
    """The values of an explanation as one row."""
    if explanation.kind == "image":
        return explanation.values.ravel()
    return np.array([value.weight for value in explanation.values])


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation; equal values share their mean rank. 0 where one of the two is the same all over.

    >>> rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([2.0, 3.0, 30.0]))
    1.0
    """
    first, second = _ranks(a), _ranks(b)
    if not first.std() or not second.std():
        return 0.0
    return float(np.round(np.corrcoef(first, second)[0, 1], 12))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places.ravel()]


def overlap(values: np.ndarray, inside: np.ndarray) -> float:
    """How well an explanation points at a part: of as many of the highest values as the part has pixels, the share
    that lies in it. 1 is all of them; by chance it is the part's share of the picture.

    Args:
        values: float [height, width].
        inside: the part, bool [height, width].

    >>> overlap(np.array([[3.0, 1.0], [2.0, 0.0]]), np.array([[True, True], [False, False]]))
    0.5
    """
    count = int(inside.sum())
    highest = np.argsort(-values.ravel(), kind="stable")[:count]
    return float(inside.ravel()[highest].mean())
