"""Made tasks on tables, raw, as they stand in a file: columns of very different sizes."""

from __future__ import annotations

import numpy as np
import torch

from programs.part import parted, tensor
from programs.program import Data

SCALES = np.array([15_000.0, 12.0, 0.2, 300.0, 1.0, 40.0, 5_000.0, 0.05, 8.0, 100.0])


MEANS = np.array([42_000.0, 40.0, 0.5, 900.0, 0.0, 60.0, 20_000.0, 0.1, 30.0, 150.0])
"""Of the columns of a table: incomes, ages, shares, ... as they stand in files."""


def columns_of(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised columns and the same as they stand in the file, [n, 10] each."""
    z = np.random.default_rng(seed + 200).normal(size=(n, len(SCALES)))
    return z, z * SCALES + MEANS


def surface(z: np.ndarray) -> np.ndarray:
    """What the columns mean: not linear, with pairs that act together."""
    return 1.5 * z[:, 0] * z[:, 1] + 2 * np.sin(2 * z[:, 2]) + z[:, 3] ** 2 - z[:, 4] + 0.5 * z[:, 5]


def prices(seed: int, n: int = 2000) -> Data:
    """A table with a number to foretell: float32 [n, 10] -> [n, 1] in thousands."""
    z, x = columns_of(seed, n)
    noise = np.random.default_rng(seed + 201).normal(size=n)
    y = 250_000 + 40_000 * (surface(z) + 0.2 * noise)
    return parted(tensor(x), tensor(y)[:, None], 1200, 300)


def churn(seed: int, n: int = 2000) -> Data:
    """A table with a yes or no: float32 [n, 10] -> float32 [n, 1] of 0 and 1."""
    z, x = columns_of(seed + 1, n)
    noise = np.random.default_rng(seed + 202).normal(size=n)
    y = (surface(z) + 0.3 * noise > 0.8).astype(np.float32)
    return parted(tensor(x), tensor(y)[:, None], 1200, 300)


def fraud(seed: int, n: int = 3600) -> Data:
    """A table whose interesting class is one in thirteen: float32 [n, 10] -> int64 [n]."""
    z, x = columns_of(seed + 2, n)
    value = z[:, 0] ** 2 + z[:, 1] - 0.7 * z[:, 2] * z[:, 3]
    y = (value > np.quantile(value, 1 - 1 / 13)).astype(np.int64)
    return parted(tensor(x), torch.from_numpy(y), 2000, 600, classes=2)


def species(seed: int, n: int = 2000) -> Data:
    """A table with five exclusive classes by distance to their centres: float32 [n, 10] -> int64 [n]."""
    rng = np.random.default_rng(seed + 203)
    centres = np.random.default_rng(7).normal(size=(10, len(SCALES))) * 1.4
    which = rng.integers(0, 10, n)
    z = centres[which] + rng.normal(size=(n, len(SCALES)))
    return parted(tensor(z * SCALES + MEANS), torch.from_numpy(which % 5), 1200, 300, classes=5)


def tags_of_table(seed: int, n: int = 2000) -> Data:
    """A table with five labels that may be true together: float32 [n, 10] -> float32 [n, 5]."""
    z, x = columns_of(seed + 3, n)
    values = [z[:, 0] * z[:, 1], np.abs(z[:, 2]) - 0.7, z[:, 3] + z[:, 4], np.sin(2 * z[:, 5]), z[:, 6] - z[:, 7] ** 2]
    y = (np.stack(values, 1) > np.array([0.2, 0, 0.5, 0.2, -0.8])).astype(np.float32)
    return parted(tensor(x), tensor(y), 1200, 300)


def moon(seed: int, n: int = 2000) -> Data:
    """Points of the plane on a bent band: float32 [n, 2]; the answer is the point itself."""
    rng = np.random.default_rng(seed + 305)
    turn = rng.uniform(0, np.pi, n)
    points = np.stack([np.cos(turn), np.sin(turn)], 1) * 2 + rng.normal(0, 0.15, (n, 2))
    x = tensor(points)
    return parted(x, x, 1200, 300)
