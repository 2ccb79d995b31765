"""Made tasks on sequences: ids that stand for words or letters, and a level over time."""

from __future__ import annotations

import numpy as np
import torch

from programs.part import parted, tensor
from programs.program import Data


def markers(seed: int, n: int = 1500, length: int = 11, vocabulary: int = 20) -> Data:
    """Sentences of ids, 0 fills up: which of three marks comes first. int64 [n, length] -> int64 [n]."""
    rng = np.random.default_rng(seed + 300)
    x = np.zeros((n, length), np.int64)
    y = np.zeros(n, np.int64)
    for i in range(n):
        size = rng.integers(5, length + 1)
        x[i, :size] = rng.integers(4, vocabulary, size)
        places = np.sort(rng.choice(size, 2, replace=False))
        marks = rng.permutation(3)[:2]
        x[i, places] = marks + 1
        y[i] = marks[0]
    return parted(torch.from_numpy(x), torch.from_numpy(y), 900, 250, classes=3, vocabulary=vocabulary)


def topics(seed: int, n: int = 1800, vocabulary: int = 400, length: int = 20) -> Data:
    """Sentences of ids, 0 fills up, whose words lean to one of six topics: int64 [n, length] -> int64 [n]."""
    rng = np.random.default_rng(seed + 301)
    weights = np.random.default_rng(11).dirichlet(np.full(vocabulary - 1, 0.12), 6)
    y = rng.integers(0, 6, n)
    x = np.zeros((n, length), np.int64)
    for i in range(n):
        size = rng.integers(5, length + 1)
        common = rng.integers(1, vocabulary, size)
        own = rng.choice(vocabulary - 1, size, p=weights[y[i]]) + 1
        x[i, :size] = np.where(rng.random(size) < 0.45, own, common)
    return parted(torch.from_numpy(x), torch.from_numpy(y), 1000, 300, classes=6, vocabulary=vocabulary)


def letters(seed: int, n: int = 1100, length: int = 17, alphabet: int = 16) -> Data:
    """Pieces of an endless text in which two letters decide the next: int64 [n, length] -> the same, one later."""
    rng = np.random.default_rng(seed + 302)
    table = np.random.default_rng(12).integers(1, alphabet, (alphabet, alphabet))
    text = [1, 2]
    for _ in range(n * length):
        sure = rng.random() < 0.75
        # the last letter decides alone for half of the alphabet, with the one before it for the other half
        before = text[-2] % 3 if text[-1] % 2 else 0
        text.append(int(table[text[-1], before]) if sure else int(rng.integers(1, alphabet)))
    pieces = torch.tensor(text[: n * length]).reshape(n, length)
    return parted(pieces[:, :-1], pieces[:, 1:], 700, 200, vocabulary=alphabet)


def tide(seed: int, n: int = 1700, window: int = 16) -> Data:
    """Windows of a level that rises and falls, and the level that comes next: float32 [n, window, 1] -> [n, 1].

    The parts follow each other in time with a gap of one window.
    """
    rng = np.random.default_rng(seed + 303)
    time = np.arange(n + 3 * window)
    noise = rng.normal(size=len(time))
    level = 480 + 60 * np.sin(time / 6.1) + 35 * np.sin(time / 2.7 + 1) + 15 * np.sin(time / 2.7) * np.sin(time / 6.1)
    level = level + 4 * noise
    x = np.stack([level[i : i + window] for i in range(len(time) - window)])[:, :, None]
    y = level[window:][:, None]
    x, y = tensor(x), tensor(y)
    a, b = 1000, 1000 + window
    c, d = b + 250, b + 250 + window
    return Data(x[:a], y[:a], x[b:c], y[b:c], x[d:], y[d:], {"series": tensor(level)})
