"""What is explained of an answer: the odds of a class, by kind of output."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deepwell.core.errors import UserError, nearest
from deepwell.explain.gradcam import Score


@dataclass(frozen=True)
class Question:
    """Why this class.

    Attributes:
        target: its name, for a person; of tags ``place:tag``, the place counted from 0.
        confidence: the probability that the model gives it.
        score: of the network's scores [n, ...], the logarithm of the odds of the class, [n]: what would have to
            change for another answer. Differentiable.
        place: of tags: which word.
    """

    target: str
    confidence: float
    score: Score
    place: int | None = None


def ask(model: Any, x: Tensor, decoded: Any, target: Any) -> Question:
    """The question about one sample.

    Args:
        model: a ``SavedModel``.
        x: the sample, prepared, [1, ...].
        decoded: what the model answers to it.
        target: a class; of tags ``"3:B-LOC"``, ``"3"`` or 3: a word, counted from 0; None: the answer itself, and of
            tags the first word that has one to speak of.

    Raises:
        UserError: a class or a word that is not there; an output that can't be explained yet.
    """
    kind = model.output.kind
    if kind not in _ASKED:
        raise UserError(f"answers of kind '{kind}' can't be explained", expected=f"one of {', '.join(_ASKED)}")
    return _ASKED[kind](model, x, decoded, target)


def _category(model: Any, _x: Tensor, decoded: Tensor, target: Any) -> Question:
    number = int(decoded.argmax()) if target is None else class_number(model.output.classes, target)

    def score(scores: Tensor) -> Tensor:
        return _log_odds(scores.float() / model.output.temperature, number)

    return Question(str(model.output.classes[number]), float(decoded[number]), score)


def _label_sets(model: Any, _x: Tensor, decoded: Tensor, target: Any) -> Question:
    number = int(decoded.argmax()) if target is None else class_number(model.output.classes, target)

    def score(scores: Tensor) -> Tensor:
        # what passes a sigmoid is the logarithm of the odds
        return scores[:, number].float() / model.output.temperature

    return Question(str(model.output.classes[number]), float(decoded[number]), score)


def _tags(model: Any, x: Tensor, decoded: Any, target: Any) -> Question:
    path, sure = decoded
    classes = model.output.classes
    place, name = _word_and_tag(target, len(path))
    if place is None:
        place = next((i for i, tag in enumerate(path) if classes[tag] != "O"), 0)
    number = path[place] if name is None else class_number(classes, name)
    mask = model.input.mask(x)
    crf = getattr(getattr(model.network, "head", None), "crf", None)

    def score(scores: Tensor) -> Tensor:
        if crf is None:
            return _log_odds(scores[:, place].float(), number)
        return _field_odds(crf, scores, mask.expand(len(scores), -1), place, number)

    if number == path[place]:
        confidence = sure[place]
    else:
        with torch.no_grad():
            odds = float(score(model.network(x)))
        if odds <= _IMPOSSIBLE / 2:
            raise UserError(
                f"the tag {classes[number]!r} can't stand at word {place}: the scheme of the tags forbids it there",
                expected="a tag that may stand there",
            )
        confidence = float(torch.tensor(odds).sigmoid())
    return Question(f"{place}:{classes[number]}", confidence, score, place)


_ASKED: dict[str, Callable[[Any, Tensor, Any, Any], Question]] = {
    "category": _category,
    "label-sets": _label_sets,
    "tags": _tags,
}


def class_number(classes: list[Any], target: Any) -> int:
    """The place of a class that a user named, as a name or as the whole number that it is.

    Raises:
        UserError: no such class, with the nearest.
    """
    names = [str(name) for name in classes]
    if str(target) in names:
        return names.index(str(target))
    close = nearest(str(target), names)
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    raise UserError(
        f"the model has no class '{target!s:.60}'",
        expected=f"one of {shown}",
        fix=f"did you mean '{close}'?" if close else "take one of these names",
    )


def _word_and_tag(target: Any, words: int) -> tuple[int | None, str | None]:
    if target is None:
        return None, None
    found = re.fullmatch(r"(\d{1,9})(?::(.+))?", str(target), re.DOTALL)
    if found is None:
        raise UserError(
            f"the target is '{target!s:.60}', and this model gives a tag to every word",
            expected="the number of a word, counted from 0, and a tag if another one than its own is meant",
            fix="write --target 2, or --target 2:B-LOC (target='2:B-LOC' in Python)",
        )
    place = int(found[1])
    if place >= words:
        raise UserError(f"the target is word {place}", expected=f"a number from 0 to {words - 1}: there are {words}")
    return place, found[2]


def _log_odds(scores: Tensor, number: int) -> Tensor:
    """log p / (1 - p) of a class from scores [n, classes] that pass a softmax."""
    others = [other for other in range(scores.shape[1]) if other != number]
    return scores[:, number] - scores[:, others].logsumexp(1)


_IMPOSSIBLE = -1e4
"""Beside other scores as good as minus infinity, without its NaN."""


def _field_odds(crf: Any, scores: Tensor, mask: Tensor, place: int, number: int) -> Tensor:
    """log p / (1 - p) of a tag at one place given the whole sentence, from scores [n, length, tags].

    A path's log-likelihood changes, where paths that it is none of are ruled out, by the logarithm of what they were
    of the whole; that is differentiable, and marginals are not.
    """
    is_it = torch.zeros(scores.shape[1:], dtype=torch.bool, device=scores.device)
    is_it[place, number] = True
    is_other = torch.zeros_like(is_it)
    is_other[place] = True
    is_other[place, number] = False

    def log_share(ruled_out: Tensor) -> Tensor:
        left = scores.masked_fill(ruled_out, _IMPOSSIBLE)
        paths, _ = crf.viterbi(left, mask)
        # where the scheme allows nothing else, even the best path is one that was ruled out
        none = ruled_out[place, paths[:, place]]
        share = crf.log_likelihood(scores, paths, mask) - crf.log_likelihood(left, paths, mask)
        return torch.where(none, _IMPOSSIBLE, share)

    return log_share(is_other) - log_share(is_it)
