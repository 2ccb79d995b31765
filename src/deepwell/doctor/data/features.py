"""Cheap numbers of samples of any kind, for probes that must cost nothing."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import numpy as np

_SIDE = 12
_RAW, _WAVES, _BUCKETS = 256, 384, 768


def shrink(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pictures [n, h, w] by area to float32 [n, height, width]; a pixel that lies on a border is shared.

    >>> shrink(np.arange(4.0).reshape(1, 2, 2), 1, 2).tolist()
    [[[1.0, 2.0]]]
    """
    down, across = _shares(x.shape[1], height), _shares(x.shape[2], width)
    return np.matmul(np.matmul(down.T, x.astype(np.float32)), across)


@lru_cache(maxsize=64)
def _shares(old: int, new: int) -> np.ndarray:
    """How much of each old pixel goes to each new one, float32 [old, new]; columns sum to 1."""
    edges, step = np.arange(old + 1), old / new
    low, high = np.arange(new) * step, np.arange(1, new + 1) * step
    overlap = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return (np.clip(overlap, 0, None) / step).astype(np.float32)


def grey(x: np.ndarray) -> np.ndarray:
    """Pictures of any layout as float32 [n, height, width]."""
    from deepwell.doctor.data.kinds import channel_axis

    axis = channel_axis(x)
    if axis is None:
        return x.astype(np.float32, copy=False)
    if x.shape[axis] == 1:
        return x.take(0, axis).astype(np.float32, copy=False)
    return x.mean(axis, dtype=np.float32)


@lru_cache(maxsize=1 << 17)
def number_of(word: str) -> int:
    """A number of 32 bits for a word: the same on every machine, unlike ``hash``."""
    return zlib.crc32(word.encode("utf-8", "backslashreplace"))


def tokens(item: Any, most: int = 120) -> list[str]:
    """Words of a text in small letters; characters where it is written without spaces (Chinese, Japanese, Thai)."""
    if not isinstance(item, str):
        return [str(word) for word in item[:most]]
    found = item[: 8 * most].lower().split()
    if len(found) * 12 < len(item[: 8 * most]) and any(ord(c) > 0x2E7F for c in item[:50]):
        return [c for c in item[:most] if not c.isspace()]
    return found[:most]


class Features:
    """Learnt on some samples, for any of the same kind: standardised numbers and random waves of them.

    The waves (Rahimi, Recht 2007: cosines of random projections) let a linear probe draw curved borders; texts and
    ids have hashed counts of words and pairs, weighed by how rare they are, which need none.

    >>> f = Features(np.random.default_rng(0).normal(size=(50, 3)), "table", seed=0)
    >>> f(np.zeros((2, 3))).shape
    (2, 388)
    """

    def __init__(self, x: Any, kind: str, *, seed: int) -> None:
        self.kind = kind
        self.random = np.random.default_rng(seed)
        self.project: np.ndarray | None = None
        raw = self._raw(x)
        if kind in ("texts", "words", "ids"):
            there = (raw > 0).mean(0)
            self.weight = np.log(1 / np.maximum(there, 1 / (len(raw) + 1)))
            return
        self.mean = raw.mean(0)
        deviation = raw.std(0)
        # of pictures: a pixel at the edge that is hardly ever set must not count as much as all others
        floor = 0.3 * float(np.sqrt((deviation**2).mean())) if kind == "image" else 0.0
        self.scale = 1 / np.maximum(deviation, max(floor, 1e-12))
        self.scale[deviation == 0] = 0.0
        scaled = self._scaled(raw)
        pairs = scaled[self.random.integers(0, len(raw), 400)] - scaled[self.random.integers(0, len(raw), 400)]
        distances = np.sqrt((pairs**2).sum(1))
        middle = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
        self.waves = self.random.normal(size=(raw.shape[1], _WAVES)).astype(np.float32) * (1.6 / max(middle, 1e-6))
        self.phase = self.random.uniform(0, 2 * np.pi, _WAVES).astype(np.float32)

    def __call__(self, x: Any) -> np.ndarray:
        """Samples [n, ...] to float32 [n, features], the last of them 1."""
        raw = self._raw(x)
        one = np.ones((len(raw), 1), np.float32)
        if self.kind in ("texts", "words", "ids"):
            found = np.log1p(raw) * self.weight
            found /= np.maximum(np.sqrt((found**2).sum(1, keepdims=True)), 1e-9)
            return np.concatenate([found.astype(np.float32), 0.1 * one], 1)
        scaled = self._scaled(raw)
        waves = np.cos(scaled @ self.waves + self.phase) * np.float32(2 / np.sqrt(_WAVES))
        return np.concatenate([scaled / np.float32(np.sqrt(max(1, scaled.shape[1]))), waves, one], 1)

    def _scaled(self, raw: np.ndarray) -> np.ndarray:
        return np.clip((raw - self.mean) * self.scale, -10, 10).astype(np.float32)

    def _raw(self, x: Any) -> np.ndarray:
        if self.kind in ("texts", "words"):
            return _counts([_hashed(item) for item in x])
        if self.kind == "ids":
            flat = x.reshape(len(x), -1)
            return _counts([row[row != 0] * 2654435761 % 4294967296 for row in flat[:, :400].astype(np.int64)])
        if self.kind == "image":
            x = small(x)
        flat = x.reshape(len(x), -1).astype(np.float32)
        if flat.shape[1] > _RAW:
            if self.project is None:
                self.project = self.random.choice(
                    np.array([-1.0, 1.0], np.float32), (flat.shape[1], _RAW)
                ) / np.float32(np.sqrt(flat.shape[1]))
            flat = flat @ self.project
        return np.nan_to_num(flat, posinf=0.0, neginf=0.0)


def small(x: np.ndarray) -> np.ndarray:
    """Pictures of any layout, brought to a dozen pixels a side where they are larger; colours kept if there are few."""
    from deepwell.doctor.data.kinds import channel_axis

    axis = channel_axis(x)
    planes = [x] if axis is None else [x.take(i, axis) for i in range(x.shape[axis])]
    made = [shrink(p, _SIDE, _SIDE) if p.shape[1] * p.shape[2] > _RAW else p.astype(np.float32) for p in planes]
    return np.stack(made, 1)


def _hashed(item: Any) -> np.ndarray:
    numbers = np.array([number_of(word) for word in tokens(item)], dtype=np.int64)
    pairs = (numbers[:-1] * 31 + numbers[1:] * 17) % 4294967291
    return np.concatenate([numbers, pairs])


def _counts(rows: list[np.ndarray]) -> np.ndarray:
    """Numbers of each row counted in buckets, float32 [n, buckets]."""
    lengths = [len(row) for row in rows]
    flat = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    places = np.repeat(np.arange(len(rows)), lengths) * _BUCKETS + (flat * 40503 >> 7) % _BUCKETS
    return np.bincount(places, minlength=len(rows) * _BUCKETS).reshape(len(rows), _BUCKETS).astype(np.float32)
