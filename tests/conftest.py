"""What every test starts from: one thread, a cache of its own, small pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def _cache_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures that a module shares: what they remember must come neither from a person's cache nor go there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPWELL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("DEEPWELL_DATA", raising=False)
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPWELL_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("DEEPWELL_DATA", raising=False)


def blobs(count: int = 120, size: int = 12, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures whose class is the place of a bright square: learnt in a few steps."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    x = rng.integers(0, 60, (count, size, size)).astype(np.uint8)
    for i, label in enumerate(y):
        x[i, 2:6, 1 + 3 * label : 4 + 3 * label] += 150
    return x, y


@pytest.fixture
def small() -> tuple[np.ndarray, np.ndarray]:
    return blobs()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three class folders of 20 pictures each."""
    x, y = blobs(60)
    for i, (picture, label) in enumerate(zip(x, y, strict=True)):
        place = tmp_path / "pictures" / ("cat", "dog", "bird")[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{i}.png")
    return tmp_path / "pictures"
