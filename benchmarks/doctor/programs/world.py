"""Made tasks: what a program is given, raw, as it would come from a file or a camera. Every one depends on the seed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

import deepwell as dw
from programs.program import Data


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    source = dw.open("digits").source
    return np.asarray(source.x), np.asarray(source.y).astype(np.int64)


def parted(x: Any, y: Any, train: int, validation: int, **facts: Any) -> Data:
    """The first rows train, the next are held out by the program, the rest tell what it is worth."""
    end = train + validation
    return Data(x[:train], y[:train], x[train:end], y[train:end], x[end:], y[end:], facts)


def digits(seed: int, train: int = 700) -> Data:
    """Handwritten digits: uint8 [n, 1, 8, 8] of 0 to 255, int64 [n]."""
    x, y = _digits()
    order = np.random.default_rng(seed).permutation(len(x))
    return parted(torch.from_numpy(x[order])[:, None], torch.from_numpy(y[order]), train, 250, classes=10)


def signs(seed: int, n: int = 1500) -> Data:
    """Coloured pictures of four signs (cross, frame, disc, stripes) on a noisy ground: uint8 [n, 3, 12, 12]."""
    rng = np.random.default_rng(seed + 100)
    y = rng.integers(0, 4, n)
    pictures = rng.normal(110, 25, (n, 3, 12, 12))
    grid = np.arange(12)
    for i in range(n):
        size, top, left = rng.integers(5, 8), rng.integers(0, 5), rng.integers(0, 5)
        a, b = grid[:, None] - top, grid[None, :] - left
        inside = (a >= 0) & (a < size) & (b >= 0) & (b < size)
        middle = size // 2
        mask = [
            inside & ((a == middle) | (b == middle)),
            inside & ((a == 0) | (a == size - 1) | (b == 0) | (b == size - 1)),
            inside & ((a - middle) ** 2 + (b - middle) ** 2 <= middle**2),
            inside & (a % 2 == 0),
        ][y[i]]
        colour = rng.uniform(-120, 120, 3)
        colour[rng.integers(3)] = 120
        pictures[i] += mask * colour[:, None, None]
    x = torch.from_numpy(pictures.clip(0, 255).astype(np.uint8))
    return parted(x, torch.from_numpy(y), 800, 250, classes=4)


SCALES = np.array([15_000.0, 12.0, 0.2, 300.0, 1.0, 40.0, 5_000.0, 0.05, 8.0, 100.0])
MEANS = np.array([42_000.0, 40.0, 0.5, 900.0, 0.0, 60.0, 20_000.0, 0.1, 30.0, 150.0])
"""Of the columns of a table: incomes, ages, shares, ... as they stand in files."""


def _columns(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised columns and the same as they stand in the file, [n, 10] each."""
    z = np.random.default_rng(seed + 200).normal(size=(n, len(SCALES)))
    return z, z * SCALES + MEANS


def _surface(z: np.ndarray) -> np.ndarray:
    """What the columns mean: not linear, with pairs that act together."""
    return 1.5 * z[:, 0] * z[:, 1] + 2 * np.sin(2 * z[:, 2]) + z[:, 3] ** 2 - z[:, 4] + 0.5 * z[:, 5]


def _tensor(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))


def prices(seed: int, n: int = 2000) -> Data:
    """A table with a number to foretell: float32 [n, 10] -> [n, 1] in thousands."""
    z, x = _columns(seed, n)
    noise = np.random.default_rng(seed + 201).normal(size=n)
    y = 250_000 + 40_000 * (_surface(z) + 0.2 * noise)
    return parted(_tensor(x), _tensor(y)[:, None], 1200, 300)


def churn(seed: int, n: int = 2000) -> Data:
    """A table with a yes or no: float32 [n, 10] -> float32 [n, 1] of 0 and 1."""
    z, x = _columns(seed + 1, n)
    noise = np.random.default_rng(seed + 202).normal(size=n)
    y = (_surface(z) + 0.3 * noise > 0.8).astype(np.float32)
    return parted(_tensor(x), _tensor(y)[:, None], 1200, 300)


def fraud(seed: int, n: int = 3600) -> Data:
    """A table whose interesting class is one in thirteen: float32 [n, 10] -> int64 [n]."""
    z, x = _columns(seed + 2, n)
    value = z[:, 0] ** 2 + z[:, 1] - 0.7 * z[:, 2] * z[:, 3]
    y = (value > np.quantile(value, 1 - 1 / 13)).astype(np.int64)
    return parted(_tensor(x), torch.from_numpy(y), 2000, 600, classes=2)


def species(seed: int, n: int = 2000) -> Data:
    """A table with five exclusive classes by distance to their centres: float32 [n, 10] -> int64 [n]."""
    rng = np.random.default_rng(seed + 203)
    centres = np.random.default_rng(7).normal(size=(10, len(SCALES))) * 1.4
    which = rng.integers(0, 10, n)
    z = centres[which] + rng.normal(size=(n, len(SCALES)))
    return parted(_tensor(z * SCALES + MEANS), torch.from_numpy(which % 5), 1200, 300, classes=5)


def tags_of_table(seed: int, n: int = 2000) -> Data:
    """A table with five labels that may be true together: float32 [n, 10] -> float32 [n, 5]."""
    z, x = _columns(seed + 3, n)
    values = [z[:, 0] * z[:, 1], np.abs(z[:, 2]) - 0.7, z[:, 3] + z[:, 4], np.sin(2 * z[:, 5]), z[:, 6] - z[:, 7] ** 2]
    y = (np.stack(values, 1) > np.array([0.2, 0, 0.5, 0.2, -0.8])).astype(np.float32)
    return parted(_tensor(x), _tensor(y), 1200, 300)


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
        sure = rng.random() < 0.85
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
    x, y = _tensor(x), _tensor(y)
    a, b = 1000, 1000 + window
    c, d = b + 250, b + 250 + window
    return Data(x[:a], y[:a], x[b:c], y[b:c], x[d:], y[d:], {"series": _tensor(level)})


def pairs(seed: int) -> Data:
    """Two digits, and whether they are the same: uint8 [n, 2, 1, 8, 8] -> float32 [n] of 0 and 1."""
    source = digits(seed, 900)
    rng = np.random.default_rng(seed + 304)

    def part(x: Tensor, y: Tensor, n: int) -> tuple[Tensor, Tensor]:
        labels = y.numpy()
        first = rng.integers(0, len(x), n)
        same = rng.random(n) < 0.5
        second = np.array(
            [rng.choice(np.flatnonzero((labels == labels[a]) == s)) for a, s in zip(first, same, strict=True)]
        )
        both = torch.stack([x[first], x[second]], 1)
        return both, torch.from_numpy(same.astype(np.float32))

    parts = [
        *part(source.x, source.y, 1200),
        *part(source.x_val, source.y_val, 300),
        *part(source.x_test, source.y_test, 600),
    ]
    return Data(*parts, {})


def moon(seed: int, n: int = 2000) -> Data:
    """Points of the plane on a bent band: float32 [n, 2]; the answer is the point itself."""
    rng = np.random.default_rng(seed + 305)
    turn = rng.uniform(0, np.pi, n)
    points = np.stack([np.cos(turn), np.sin(turn)], 1) * 2 + rng.normal(0, 0.15, (n, 2))
    x = _tensor(points)
    return parted(x, x, 1200, 300)


WORDS = {
    "sport": "goal match team coach player league score referee stadium season striker ball".split(),
    "food": "soup bread salt oven recipe butter onion taste sauce dinner spoon garlic".split(),
    "space": "orbit moon rocket planet crater star comet probe launch gravity telescope dust".split(),
    "money": "bank loan price tax market share profit budget invoice credit salary rent".split(),
    "music": "song guitar drum choir melody concert violin chord rhythm album singer stage".split(),
}
FILL = "the a of and to in with for it was very not so when they we this that from on".split()


def sentences(seed: int, n: int = 1400) -> Data:
    """Texts of 4 to 8 words with the name of their topic: lists of str."""
    rng = np.random.default_rng(seed + 306)
    names = list(WORDS)
    x, y = [], []
    for _ in range(n):
        topic = names[rng.integers(len(names))]
        size = int(rng.integers(4, 9))
        words = [str(rng.choice(FILL)) for _ in range(size)]
        for place in rng.choice(size, max(2, size // 3), replace=False):
            other = names[rng.integers(len(names))] if rng.random() < 0.08 else topic
            words[place] = str(rng.choice(WORDS[other]))
        x.append(" ".join(words))
        y.append(topic)
    return parted(x, y, 800, 250)


def sets_of_topics(seed: int, n: int = 1400) -> Data:
    """Texts with the names of all their topics: lists of str, and of lists of str."""
    rng = np.random.default_rng(seed + 307)
    names = list(WORDS)
    x, y = [], []
    for _ in range(n):
        some = [names[i] for i in sorted(rng.choice(len(names), rng.integers(1, 4), replace=False))]
        words = [str(rng.choice(WORDS[t])) for t in some for _ in range(2)]
        words += [str(rng.choice(FILL)) for _ in range(rng.integers(4, 10))]
        x.append(" ".join(words[i] for i in rng.permutation(len(words))))
        y.append(some)
    return parted(x, y, 800, 250)


def tagged(seed: int, n: int = 900) -> Data:
    """Sentences of words with a tag each: a word after "to" is a verb, else a noun; names go on in BIO."""
    rng = np.random.default_rng(seed + 308)
    doing = "run walk play cook read work call plan move help".split()
    first, last = "Anna Omar Lena Ivan Mary Hugo".split(), "Stone Rivers Woods Hill Fields Lake".split()
    x, y = [], []
    for _ in range(n):
        words, tags = [], []
        for _ in range(rng.integers(3, 7)):
            kind = rng.integers(4)
            if kind == 0:
                words += [str(rng.choice(first)), str(rng.choice(last))]
                tags += ["B-NAME", "I-NAME"]
            elif kind == 1:
                words += ["to", str(rng.choice(doing))]
                tags += ["O", "B-ACT"]
            elif kind == 2:
                words += ["the", str(rng.choice(doing))]
                tags += ["O", "O"]
            else:
                words += [str(rng.choice(FILL))]
                tags += ["O"]
        x.append(words)
        y.append(tags)
    return parted(x, y, 500, 150)
