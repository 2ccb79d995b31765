"""Made tasks on pictures, raw, as they come from a camera. Every one depends on the seed."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

import deepwell as dw
from programs.part import parted
from programs.program import Data


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    source = dw.open("digits").source
    return np.asarray(source.x), np.asarray(source.y).astype(np.int64)


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
