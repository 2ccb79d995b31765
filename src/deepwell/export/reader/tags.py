"""Scores of every word to tags, and tags to spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .words import Word

_LETTERS, _ALONE, _LAST = frozenset("BIMES"), frozenset("BS"), frozenset("ES")


class Tags:
    """A tag for each word.

    Args:
        description: ``classes``, ``spans`` (whether tags mark spans), and ``crf``: null, or a conditional random
            field's scores of moves (``transitions``, from the row's tag to the column's), of the first tag (``start``)
            and of the last (``end``); null in these for what is forbidden.
    """

    per_word = True

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.classes, self.spans = description["classes"], description["spans"]
        crf = description["crf"]
        self.tables = None if crf is None else tuple(_table(crf[name]) for name in ("transitions", "start", "end"))

    def answers(self, outputs: Mapping[str, np.ndarray], words: Sequence[Sequence[Word]]) -> list[dict[str, Any]]:
        """Scores [n, length, tags] and each sentence's words to answers."""
        if len(words) != len(outputs["scores"]):
            raise ValueError(f"there are scores of {len(outputs['scores'])} sentences, and {len(words)} samples")
        return [self._answer(scores, found) for scores, found in zip(outputs["scores"], words, strict=True)]

    def _answer(self, scores: np.ndarray, words: Sequence[Word]) -> dict[str, Any]:
        emissions = scores[: max(1, len(words))].astype(np.float64)
        if self.tables is None:
            path, chances = emissions.argmax(1), np.exp(emissions - _log_sum(emissions, 1)[:, None])
        else:
            path, chances = viterbi(emissions, *self.tables), marginals(emissions, *self.tables)
        sure = chances[np.arange(len(path)), path]
        tags = [self.classes[tag] for tag in path[: len(words)]]
        answer: dict[str, Any] = {
            "words": [word[0] for word in words],
            "tags": tags,
            "confidence": sure[: len(words)].tolist(),
        }
        if self.spans and words:
            answer["spans"] = [
                {"type": kind, "start": words[first][1], "stop": words[last - 1][2], "words": [first, last]}
                for first, last, kind in spans(tags)
            ]
        return answer


def _table(values: Any) -> np.ndarray:
    table = np.array(values, dtype=np.float64)  # null becomes NaN
    return np.where(np.isnan(table), -np.inf, table)


def viterbi(emissions: np.ndarray, transitions: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The path with the largest sum of scores (Viterbi 1967), tag numbers [length]; where the field allows no path at
    all, the tags with the largest emissions."""
    best = [emissions[0] + start]
    for scores in emissions[1:]:
        best.append((best[-1][:, None] + transitions).max(0) + scores)
    last = best[-1] + end
    if last.max() == -np.inf:
        return emissions.argmax(1)
    path = [int(last.argmax())]
    for before in reversed(best[:-1]):
        path.append(int((before + transitions[:, path[-1]]).argmax()))
    return np.array(path[::-1])


def marginals(emissions: np.ndarray, transitions: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The probability of each tag at each position given the whole sentence (forward-backward), [length, tags]; 0
    where the field allows no path at all."""
    ahead = [emissions[0] + start]
    for scores in emissions[1:]:
        ahead.append(_log_sum(ahead[-1][:, None] + transitions, 0) + scores)
    behind = [end]
    for scores in emissions[:0:-1]:
        behind.append(_log_sum(transitions + scores + behind[-1], 1))
    both = np.array(ahead) + np.array(behind[::-1])
    whole = _log_sum(both, 1)[:, None]
    return np.where(np.isfinite(whole), np.exp(both - np.where(np.isfinite(whole), whole, 0)), 0.0)


def _log_sum(x: np.ndarray, axis: int) -> np.ndarray:
    """log of the sum of exp(x), -inf of nothing but -inf."""
    top = x.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - top).sum(axis)) + top.squeeze(axis)


def spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first word, word after the last, type) of the spans that tags mark, as the script conlleval reads them: a span
    begins at B and S, after O, E and S, and where the type changes."""
    found: list[tuple[int, int, str]] = []
    start, kind, over = 0, None, False
    for place, tag in enumerate([*tags, "O"]):
        letter, hyphen, name = tag.partition("-")
        inside = tag not in ("O", ".") and bool(hyphen or letter in _LETTERS)
        if kind is not None and (not inside or over or name != kind or letter in _ALONE):
            found.append((start, place, kind))
            kind = None
        if inside and kind is None:
            start, kind = place, name
        over = inside and letter in _LAST
    return found
