"""One suite for the explanations of every model. A new model passes it by adding no row."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.data.tree import parse
from deepwell.explain import METHOD_NAMES, explain
from deepwell.inputs import INPUTS
from deepwell.models import MODELS, build
from deepwell.nn.network import Network
from deepwell.outputs import OUTPUTS
from deepwell.saved.model import ModelCard, SavedModel

HOSTILE = "<script>alert('x')</script> \"&amp; \x00\x1b[31m 很好 \U0001f469\u200d\U0001f52c é"
SAMPLES: dict[str, list[Any]] = {
    "image": list(np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3)).astype(np.uint8)),
    "text": ["a good film", HOSTILE, "film"],
    "tokens": [["a", "good", "film"], HOSTILE, ["<b>"]],
    "tree": [parse("(1 (2 a) (0 (2 good) (2 film)))"), parse("(1 (2 <b>) (0 film))"), parse("(0 film)")],
}
SOME = {"image": 1, "text": 3, "tokens": 3, "tree": 3}
LABELS: dict[str, list[Any]] = {
    "category": ["cat & dog", "<b>bird</b>", "cat & dog"],
    "label-sets": [["<i>"], ["new"], ["<i>", "new"]],
    "tags": [["O", "B-<x>", "I-<x>"], ["O"] * 40, ["O"]],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "hf": {
        "config": {
            "model_type": "bert", "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 64,
        }
    },
    "separable": {"width": 0.1},
    "compact": {"width": 4},
}  # fmt: skip
SAME = ("resnet", "resnet34", "resnet50")
"""One class with resnet18."""
DEEP = ("alexnet", "inception", "resnet18")
"""Slow ones: with one kind of answer."""
ROWS = [
    (name, kind, answer)
    for name, entry in sorted(MODELS.items())
    if name not in SAME and (name != "hf" or find_spec("transformers"))
    for kind in entry.takes
    for answer in ("tags",) * (kind == "tokens") or ("category",) + ("label-sets",) * (name not in DEEP)
    if kind != "tokens" or entry.tags is not None
]
rows = pytest.mark.parametrize(("name", "kind", "answer"), ROWS, ids=["-".join(row) for row in ROWS])


@cache
def made(name: str, kind: str, answer: str) -> SavedModel:
    """A tiny model that has learnt nothing but its words and classes."""
    entry, raw = MODELS[name], SAMPLES[kind]
    reading = {} if kind == "image" else {**entry.reading, "minimum_count": 1}
    input: Any = INPUTS[kind](**reading)
    input.survey(raw)
    if input.learns_first:
        input.learn(raw, torch.arange(3))
    else:
        from deepwell.data.store import ArrayStore

        input.learn(ArrayStore(input.encode(raw)[0]), torch.arange(3))
    output: Any = OUTPUTS[answer]()
    labels = LABELS[answer]
    if answer == "tags":
        labels = [row[: len(words)] for row, words in zip(labels, input.positions(raw), strict=True)]
    output.learn(labels, np.arange(3))
    torch.manual_seed(0)
    tags = (entry.tags or {}) if answer == "tags" else {}
    body: Any = build(name, input.shape, **OPTIONS.get(name, {}), **tags)
    return SavedModel(Network(body, output.head(body.features)), input, output, card=ModelCard(name))


def methods(kind: str) -> list[str | None]:
    return [None, *(name for name in METHOD_NAMES if name != "gradcam" or kind == "image")]


@cache
def explained(name: str, kind: str, answer: str, method: str | None) -> list[Any]:
    """The explanations; of a method that does not fit this model none, and an error that names what does."""
    try:
        return explain(made(name, kind, answer), SAMPLES[kind][: SOME[kind]], method=method)
    except UserError as error:
        assert method is not None and "occlusion" in str(error)
        return []


@rows
def test_shapes_and_determinism(name: str, kind: str, answer: str) -> None:
    model = made(name, kind, answer)
    before = {key: value.clone() for key, value in model.network.state_dict().items()}
    again = explain(model, SAMPLES[kind][: SOME[kind]])
    assert [one.to_json() for one in again] == [one.to_json() for one in explained(name, kind, answer, None)]
    for method in methods(kind):
        for sample, one in zip(SAMPLES[kind], explained(name, kind, answer, method), strict=False):
            assert one.kind == ("image" if kind == "image" else "words")
            assert one.method == (method or one.method) and 0 <= one.confidence <= 1
            if kind == "image":
                assert one.values.shape == sample.shape[:2] and one.values.dtype == np.float32
                assert np.isfinite(one.values).all() and (one.signed or one.values.min() >= 0)
                assert one.picture().startswith(b"\x89PNG")
            else:
                assert all(one.text[v.start : v.stop] == v.text for v in one.values)
                assert one.values and all(np.isfinite(v.weight) for v in one.values)
                assert one.picture().startswith(b"<svg")
    assert all(torch.equal(value, before[key]) for key, value in model.network.state_dict().items())
    assert not any(m.training or m._forward_hooks or m._forward_pre_hooks for m in model.network.modules())
    assert all(p.grad is None for p in model.network.parameters())


@rows
def test_what_adds_up_and_what_falls(name: str, kind: str, answer: str) -> None:
    """Integrated gradients add up to the difference of the scores within 5 %, or to within a hundredth."""
    for one in explained(name, kind, answer, "integrated-gradients"):
        total = one.values.sum() if kind == "image" else sum(value.weight for value in one.values)
        assert abs(total - one.details["difference"]) <= max(0.05 * abs(one.details["difference"]), 0.011), one.details


@rows
def test_pages_are_safe(name: str, kind: str, answer: str) -> None:
    for lang in ("en", "zh"):
        for one in explained(name, kind, answer, None):
            page = one.html(lang)
            assert page.startswith("<figure") and "http" not in page
            for bad in ("<script", "<b>", "<i>", "<x>", "\x1b[31m<"):
                assert bad not in page
            assert one.sentence(lang)


@rows
def test_another_class_can_be_asked_for(name: str, kind: str, answer: str) -> None:
    model, sample = made(name, kind, answer), SAMPLES[kind][:1]
    for number, target in list(enumerate(model.output.classes))[:2]:
        if answer == "tags":
            row = model.input.prepare(model.input.encode(sample)[0].gather(torch.arange(1)))
            crf = model.network.head.crf  # type: ignore[union-attr]
            wanted = float(crf.marginals(model.network(row).detach(), model.input.mask(row))[0, 0, number])
            if not wanted:  # such as I-X at the beginning
                with pytest.raises(UserError, match="can't stand at word 0"):
                    explain(model, sample, target=f"0:{target}")
                continue
            found = explain(model, sample, method="occlusion", target=f"0:{target}")[0]
            assert (found.target, found.confidence) == (f"0:{target}", pytest.approx(wanted, abs=1e-4))
        else:
            assert explain(model, sample, method="occlusion", target=target)[0].target == str(target)


def test_every_kind_of_input_and_output_is_there() -> None:
    assert {kind for _, kind, _ in ROWS} == set(INPUTS) == set(SAMPLES)
    assert {answer for _, _, answer in ROWS} == set(OUTPUTS) == set(LABELS)
