"""The 95 % intervals hold the truth about 95 times of 100: a small part of ``benchmarks/interval_coverage.py``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        import interval_coverage

        yield interval_coverage
    finally:
        sys.path.remove(folder)


def held(found: dict[str, tuple[float, float]], sets: int) -> None:
    """Every coverage lies within 0.95 but for the chance of so few sets: four standard deviations and a little."""
    slack = 4 * (0.95 * 0.05 / sets) ** 0.5 + 0.01
    assert found
    for name, (share, given) in found.items():
        if given > 0.5:
            assert abs(share - 0.95) < slack, f"{name}: {share:.3f}"


def test_classes(bench: Any) -> None:
    checks = bench.of_classes(bench.WORLDS["middling, too sure"], count=20_000)
    found = bench.covered(checks, 20_000, 200, 50)
    assert len(found) == 8
    held(found, 50)


def test_label_sets(bench: Any) -> None:
    held(bench.covered(bench.of_labels(4, 2.0, count=20_000), 20_000, 150, 150), 150)


def test_tags(bench: Any) -> None:
    held(bench.covered(bench.of_tags(0.8, count=1000), 1000, 80, 100), 100)


def test_differences(bench: Any) -> None:
    checks = bench.of_pairs(bench.WORLDS["hard, honest"], count=20_000)
    held(bench.covered(checks, 20_000, 200, 100), 100)
