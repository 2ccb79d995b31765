"""Small trained models of every kind of input and output, with samples to ask them: made anew in seconds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import deepwell as dw
from deepwell.data.tree import parse


class Small(NamedTuple):
    """A model's data, how it is built small, and what it is asked once trained."""

    data: Callable[[], dw.Data]
    model: str
    own: dict[str, Any]
    asked: Callable[[], list[Any]]


def _pictures(count: int = 60, channels: int = 1) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    x = rng.integers(0, 60, (count, 12, 12, channels)).astype(np.uint8)
    for row, label in enumerate(y):
        x[row, 2:6, 1 + 3 * label : 4 + 3 * label] += 150
    return x, [("cat", "dog", "小鸟")[label] for label in y]


def _texts(count: int = 60) -> tuple[list[str], list[str]]:
    draw = random.Random(0)
    labels = [draw.choice(["yes", "no"]) for _ in range(count)]
    words = {"yes": ["good", "great", "好"], "no": ["bad", "poor", "坏"]}
    things = ["film", "plot", "book", "é"]
    return [f"the {draw.choice(things)} was {draw.choice(words[y])} on day {i}" for i, y in enumerate(labels)], labels


def _sentences(count: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    draw = random.Random(0)
    x = [[draw.choice(["Ada", "Alan"]), "Byron", "sees", draw.choice(["Oslo", "Kyoto"]), f"{i}"] for i in range(count)]
    return x, [["B-PER", "I-PER", "O", "B-LOC", "O"]] * count


def _trees(count: int = 60) -> tuple[list[Any], list[str]]:
    draw = random.Random(0)
    labels = [draw.choice("12") for _ in range(count)]
    words = {"1": "bad", "2": "good"}
    return [parse(f"({y} ({y} {words[y]}) (0 (0 a) (0 w{i % 9})))") for i, y in enumerate(labels)], labels


def _images(**reading: Any) -> dw.Data:
    return dw.arrays(*_pictures(), test=0.2, **reading)


def _floats() -> dw.Data:
    x, y = _pictures()
    return dw.arrays(x.astype(np.float32) * 3 - 200, y, test=0.2)


def _sets() -> dw.Data:
    x, y = _texts()
    return dw.texts(x, [[label, "film"] if i % 2 else [label] for i, label in enumerate(y)], test=0.2)


def _pieces(**reading: Any) -> Callable[[], dw.Data]:
    return lambda: dw.texts(*_texts(), test=0.2, minimum_count=1, **reading)


def _words(**reading: Any) -> Callable[[], dw.Data]:
    return lambda: dw.words(*_sentences(), test=0.2, minimum_count=1, **reading)


_ASKED_TEXTS = ["a good film", "poor plot, 坏", "", "一部 好 film"]
_ASKED_WORDS = [["Ada", "Byron", "sees", "Oslo"], ["New", "words"], "Alan Byron sees Kyoto"]

MODELS: dict[str, Small] = {
    "image-mlp": Small(_images, "mlp", {"hidden": [8]}, lambda: list(_pictures(6)[0])),
    "image-colour": Small(
        lambda: dw.arrays(*_pictures(channels=3), test=0.2), "cnn-bn", {"filters": [4, 4]},
        lambda: list(_pictures(6, 3)[0]),
    ),
    "image-floats": Small(
        _floats, "mlp", {"hidden": [8]}, lambda: list(_pictures(6)[0].astype(np.float32) * 3 - 200)
    ),
    "text-words": Small(_pieces(), "textcnn", {"embedding": 8, "filters": 4}, lambda: _ASKED_TEXTS),
    "text-characters": Small(
        _pieces(tokens="characters"), "lstm", {"embedding": 6, "hidden": 4}, lambda: _ASKED_TEXTS
    ),
    "text-bpe": Small(_pieces(tokens="bpe"), "transformer", {"width": 8, "heads": 2}, lambda: _ASKED_TEXTS),
    "text-grams": Small(lambda: dw.texts(*_texts(), test=0.2), "ngrams", {"width": 4}, lambda: _ASKED_TEXTS),
    "label-sets": Small(_sets, "embedding-bag", {"embedding": 8}, lambda: _ASKED_TEXTS),
    "tags": Small(
        _words(), "bilstm-crf", {"embedding": 6, "hidden": 4, "character_embedding": 4, "character_features": 4},
        lambda: _ASKED_WORDS,
    ),
    "tags-pieces": Small(_words(view="pieces"), "gru", {"embedding": 6, "hidden": 4}, lambda: _ASKED_WORDS),
    "tags-pairs": Small(_words(view="pairs"), "transformer", {"width": 8, "heads": 2}, lambda: _ASKED_WORDS),
    "tree": Small(
        lambda: dw.trees(*_trees(), test=0.2), "recursive", {"embedding": 4, "width": 6}, lambda: _trees(5)[0]
    ),
}  # fmt: skip
"""Every kind of input with each of its views, every kind of output, and layers of every sort."""


def train(name: str, *, epochs: int = 2, out: Path | None = None) -> Any:
    """A learner that has learnt a little; the same weights at each call."""
    small = MODELS[name]
    learner = dw.Learner(small.data(), model=small.model, batch_size=16, exact=True, threads=1)
    learner.own = dict(small.own)
    learner.fit(epochs=epochs, progress=False, check=False, out=out)
    return learner


def plain(answers: Any) -> Any:
    """Answers as JSON gives them back."""
    return json.loads(json.dumps(answers))
