"""Right programs that train by deepwell's Learner with options that are not the usual ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch.nn.functional as F
from programs import PROGRAMS
from programs.learners import Named
from programs.part import parted
from programs.program import Data, Program
from torch import Tensor

MLP, TEXT, SIGNS, TAGS = (PROGRAMS[f"learner-{name}"] for name in ("mlp", "bag", "cnn", "tags"))


def _odd(base: Program, name: str, **changes: Any) -> Program:
    return replace(base, name=name, kind="odd", **changes)


def focal(scores: Tensor, y: Tensor) -> tuple[Tensor, int]:
    """(sum, count) of the focal loss."""
    log_p = F.log_softmax(scores, 1).gather(1, y[:, None])[:, 0]
    return -((1 - log_p.exp()) ** 2 * log_p).sum(), len(y)


_TOPICS = {"吃": "面包汤盐油菜饭茶", "跑": "球赛队员场门跳", "看": "星月云天光夜日"}


def chinese(seed: int) -> Data:
    """Chinese sentences without a space, and what they are about."""
    rng = np.random.default_rng(seed + 340)
    names, fill = list(_TOPICS), "的了在是我有他这个们来到大和你"
    x, y = [], []
    for _ in range(900):
        name = names[rng.integers(3)]
        letters = [fill[rng.integers(len(fill))] for _ in range(rng.integers(6, 14))]
        for place in rng.choice(len(letters), 3, replace=False):
            letters[place] = _TOPICS[name][rng.integers(len(_TOPICS[name]))]
        x.append("".join(letters))
        y.append(name)
    return parted(x, y, 550, 150)


LEARNERS = [
    _odd(MLP, "learner: sgd at 0.5", optimizer="sgd", learning_rate=0.5),
    _odd(MLP, "learner: label smoothing", learner={"label_smoothing": 0.1}),
    _odd(MLP, "learner: one cycle", learner={"schedule": "one-cycle"}, learning_rate=5e-3),
    _odd(MLP, "learner: warm-up and cosine", learner={"schedule": "cosine", "warmup": 0.1}, learning_rate=3e-3),
    _odd(MLP, "learner: accumulation", accumulate=4),
    _odd(MLP, "learner: batches of four", batch_size=4, epochs=2),
    _odd(MLP, "learner: dropout of a half", learner={"dropout": 0.5}, learning_rate=2e-3),
    _odd(MLP, "learner: elu", learner={"activation": "elu"}),
    _odd(MLP, "learner: focal loss", loss=focal, learning_rate=2e-3),
    _odd(MLP, "learner: decay", optimizer="adamw", weight_decay=0.1),
    _odd(MLP, "learner: augmentation", learner={"augment": "crop=1"}),
    _odd(MLP, "learner: lenet", model=Named("lenet5"), learning_rate=2e-3),
    _odd(MLP, "learner: labels as names", data=lambda s: _named(MLP.data(s))),
    _odd(SIGNS, "learner: cnn by name", model=Named("cnn"), epochs=7, learning_rate=1e-3),
    _odd(TEXT, "learner: textcnn", model=Named("textcnn"), learning_rate=2e-3, epochs=4),
    _odd(TEXT, "learner: gru", model=Named("gru"), learning_rate=5e-3, epochs=5),
    _odd(TEXT, "learner: n-grams", model=Named("ngrams"), learning_rate=2e-3),
    _odd(TEXT, "learner: chinese", data=chinese, epochs=9),
    _odd(TAGS, "learner: linear head", learner={"head": "linear"}),
]  # fmt: skip


def _named(data: Data) -> Data:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

    def part(y: Tensor) -> list[str]:
        return [words[i] for i in y.tolist()]

    return replace(data, y=part(data.y), y_val=part(data.y_val), y_test=part(data.y_test))
