"""Explanations of answers to texts, sentences and trees, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING
from deepwell.explain.integrated import integrate
from deepwell.explain.question import Question, ask
from deepwell.explain.trace import replaced
from deepwell.explain.vectors import find, values_at
from deepwell.explain.words import Words, read
from deepwell.explain.words_explanation import Weight, WordsExplanation

_NUMBERS = 20_000
"""Positions that go through the network together: a matter of memory."""
_MOST = 400
"""Pieces that are hidden one by one; of a longer text several neighbours together."""
_SHORT = 8

Found = tuple[list[float], dict[str, Any]]


def explain_words(model: Any, raw: Sequence[Any], method: str | None, target: Any) -> list[WordsExplanation]:
    """One explanation a sample; see ``deepwell.explain.explain``."""
    if method == "gradcam":
        raise UserError(
            f"Grad-CAM is for pictures, and this model takes {_TAKEN[model.input.kind]}",
            expected="occlusion; or integrated-gradients, where the model has a vector for each token",
            fix="--method occlusion, or leave --method out",
        )
    return [_one(model, sample, method, target) for sample in raw]


_TAKEN = {"text": "texts", "tokens": "sentences", "tree": "trees"}


def _one(model: Any, sample: Any, method: str | None, target: Any) -> WordsExplanation:
    words = read(model, sample)
    with torch.no_grad():
        scores = model.network(words.row).float()
    head = getattr(model.network, "head", None)
    decoded = model.output.decode(scores, mask=model.input.mask(words.row), head=head)[0]
    question = ask(model, words.row, decoded, target)
    method, (weights, details) = _explained(model, words, question, method)
    values = [Weight(*unit, weight) for unit, weight in zip(words.units, weights, strict=False)]
    score = float(question.score(scores).detach()[0])
    return WordsExplanation(
        method, question.target, question.confidence, values, words.text, {"score": score, **details}
    )


def _explained(model: Any, words: Words, question: Question, method: str | None) -> tuple[str, Found]:
    if method != "occlusion":
        tried = method or ("occlusion" if model.input.kind != "text" else "integrated-gradients")
        found = _integrated(model, words, question) if tried != "occlusion" else None
        if found is not None:
            return "integrated-gradients", found
        if method is not None:
            raise UserError(
                "integrated gradients need one vector for each piece of the input, through which a gradient goes, and "
                "this model has none",
                expected="occlusion for this model",
                fix="--method occlusion, or leave --method out",
            )
    return "occlusion", _occluded(model, words, question)


def _integrated(model: Any, words: Words, question: Question) -> Found | None:
    """Along the way from vectors of zeros to those of the words; None where there is no such way."""
    row = words.row
    if row.dim() == 2:  # a network with wide windows fills short texts up itself, and then has other lengths inside
        row = F.pad(row, (0, max(0, _SHORT - row.shape[1])), value=PADDING)
    place = find(model.network, row) if words.in_order else None
    if place is None:
        return None
    stop = values_at(model.network, row, place)  # [length, width]

    def scores(points: Tensor) -> Tensor:
        given = points.transpose(0, 1) if place.time_first else points
        with replaced(place.call, lambda _: given, given=place.given):
            return question.score(model.network(row.expand(len(points), *row.shape[1:])))

    try:
        found = integrate(scores, torch.zeros_like(stop), stop, at_once=_at_once(row))
    except RuntimeError as error:
        if "grad" not in str(error):
            raise
        return None  # such as a frozen encoder
    details = {
        "baseline": "vectors of zeros in place of the words'",
        "steps": found.steps,
        "difference": found.difference,
        "gap": found.gap,
    }
    return found.values.sum(1).tolist(), details


def _occluded(model: Any, words: Words, question: Question) -> Found:
    """How much the score falls when a piece is not seen."""
    count = len(words.units)
    size = max(1, -(-count // _MOST))
    groups = [list(range(start, min(start + size, count))) for start in range(0, count, size)]
    some = _at_once(words.row)
    with torch.no_grad():
        whole = float(question.score(model.network(words.row))[0])
        left: list[float] = []
        for start in range(0, len(groups), some):
            left += question.score(model.network(words.hide(groups[start : start + some]))).tolist()
    weights = [(whole - score) / len(group) for group, score in zip(groups, left, strict=True) for _ in group]
    return weights, {"baseline": _HIDDEN[model.input.kind], "together": size}


_HIDDEN: dict[str, str] = {
    "text": "the piece left out",
    "tokens": "an unknown word in its place",
    "tree": "an unknown symbol in its place",
}


def _at_once(row: Tensor) -> int:
    return max(1, min(64, _NUMBERS // row.shape[1]))
