"""The tutorials' programs as printed: every mistake that PyTorch can express is named before the first step."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

NAMES = ("e1", "e2", "e3", "e4", "e5", "e6")


@pytest.fixture(scope="module")
def seeds() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "doctor" / "seeds.py"
    spec = importlib.util.spec_from_file_location("doctor_seeds", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_named(seeds: ModuleType, name: str) -> None:
    assert tuple(seeds.MISTAKES) == NAMES
    torch.manual_seed(0)
    findings = getattr(seeds, name)()
    expected, _beyond = seeds.MISTAKES[name]
    assert {f.code for f in findings} >= set(expected)
    assert all(f.fix(lang) for f in findings for lang in ("en", "zh") if f.code in expected)
