"""What encoded texts say of how they were read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from deepwell.inputs import INPUTS

PARTS = SimpleNamespace(train=np.arange(40), validation=np.arange(40, 60), test=np.arange(0))
TEXTS = [f"a good film number {['one', 'two', 'three', 'four'][i % 4]}" for i in range(60)]


def codes(kind: str, raw: Any, **options: Any) -> list[str]:
    made = INPUTS[kind](**options)
    made.survey(raw)
    made.learn(raw, torch.from_numpy(PARTS.train))
    rows, _ = made.encode(raw)
    return [f.code for f in made.findings(rows, PARTS)]


def test_right_texts_say_nothing() -> None:
    assert codes("text", TEXTS) == []
    assert codes("text", TEXTS, view="counts") == []
    assert codes("tokens", [text.split() for text in TEXTS]) == []


def test_cut_off_and_unknown() -> None:
    assert codes("text", TEXTS, max_length=3) == ["D28"]
    other = TEXTS[:40] + ["quite another language spoken here"] * 20
    assert codes("text", other) == ["D29"]
    assert codes("tokens", [text.split() for text in other]) == ["D29"]
