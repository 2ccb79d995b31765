"""Every named model, with every kind of data that it takes, is exported and passes the gate. New ones need no row."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.conftest import one_registry

import deepwell as dw
from deepwell.data.tree import from_nested
from deepwell.export import export, work
from deepwell.export.answering import answering
from deepwell.export.networks import graph_of
from deepwell.export.odd import ODD
from deepwell.export.odd.pictures import pictures as odd_pictures
from deepwell.inputs import INPUTS
from deepwell.models import MODELS
from deepwell.saved.model import ModelCard, SavedModel, join

__all__ = ["one_registry"]

COUNT = 72
TINY: dict[str, dict[str, Any]] = {
    "compact": {"width": 8},
    "separable": {"width": 0.1},
    "resnet": {"depth": 18},
    "transformer": {"width": 16, "layers": 1, "heads": 2},
    "ngrams": {"width": 16},
    "recursive": {"width": 8},
}
"""Options that keep the networks small; a model without a row has its own defaults."""
SIDES = {"inception": 8, "alexnet": 16}
"""Of pictures, where 12 is not what the smallest network takes."""
HEAVY = {"inception", "resnet34", "resnet50"}
"""Traced in half a minute each: in benchmarks/export_parity.py at their usual size, and here with DEEPWELL_HEAVY=1."""
ODDEST = 8
"""Odd pictures for all networks but one: how they are read does not depend on the network."""
KNOWN = ["good", "bad", "film", "actor", "The", "42", "naïve", "我们", "e-mail", "."]


def words(place: int) -> list[str]:
    draw = random.Random(place)
    return [draw.choice(KNOWN) for _ in range(1 + place % 9)]


def pictures(name: str) -> dw.Data:
    side = SIDES.get(name, 12)
    x = np.random.default_rng(0).integers(0, 256, (COUNT, side, side, 3), dtype=np.uint8)
    return dw.arrays(x, ["abc"[row % 3] for row in range(COUNT)])


def texts(_name: str) -> dw.Data:
    return dw.texts([" ".join(words(row)) for row in range(COUNT)], ["abc"[row % 3] for row in range(COUNT)])


def sentences(_name: str) -> dw.Data:
    x = [words(row) for row in range(COUNT)]
    return dw.words(x, [[("B-X" if word in ("film", "我们") else "O") for word in sentence] for sentence in x])


def trees(_name: str) -> dw.Data:
    def grown(place: int, depth: int) -> Any:
        draw = random.Random(place)
        if depth == 0 or draw.random() < 0.2:
            return draw.choice(KNOWN)
        return [draw.choice("+*"), grown(2 * place, depth - 1), grown(2 * place + 1, depth - 1)]

    return dw.trees([from_nested(grown(row, 3)) for row in range(COUNT)], ["abc"[row % 3] for row in range(COUNT)])


DATA: dict[str, Callable[[str], dw.Data]] = {"image": pictures, "text": texts, "tokens": sentences, "tree": trees}


def options(name: str, input: Any) -> dict[str, Any]:
    if name != "hf":
        return TINY.get(name, {})
    return {"config": {
        "model_type": "bert", "vocab_size": input.shape.vocabulary, "hidden_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 64,
    }}  # fmt: skip


def instance(name: str, kind: str) -> tuple[SavedModel, list[Any]]:
    """A small model of that name; no bias or running mean is at a value that hides a fault."""
    reading = {"max_length": 64} if name == "hf" else {}
    data = DATA[kind](name)
    prepared = dw.Learner(data, model="embedding-bag" if name == "hf" else name).prepared()
    if name == "hf":
        prepared.input.max_length = reading["max_length"]
    torch.manual_seed(0)
    card = ModelCard(name, options(name, prepared.input))
    network = join(card, prepared.input, prepared.output)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point() and tensor.dim() == 1:  # biases, means, deviations
                tensor.mul_(1 + 0.2 * torch.rand_like(tensor)).add_(0.02 * torch.rand_like(tensor))
        settle(network, prepared.input.prepare(prepared.rows.gather(torch.arange(32))))
    return SavedModel(network, prepared.input, prepared.output, card=card), [data.source.x[i] for i in range(COUNT)]


def settle(network: torch.nn.Module, x: torch.Tensor) -> None:
    """Let normalisations know their means: else a deep network's numbers fade, and nothing is compared with nothing."""
    layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
        layer.train()
    if layers:
        network(x)
    network.eval()


def cases() -> list[Any]:
    found, networks = [], []
    for name, entry in MODELS.items():
        network = (entry.make, {**entry.fixed, **TINY.get(name, {})})
        if network in networks:
            continue  # another name of the same network
        networks.append(network)
        for kind in entry.takes:
            heavy = name in HEAVY and not os.environ.get("DEEPWELL_HEAVY")
            marks = [pytest.mark.skip(reason="half a minute; benchmarks/export_parity.py has it")] if heavy else []
            if name == "hf" and not find_spec("transformers"):
                marks.append(pytest.mark.skip(reason="transformers is not installed"))
            found.append(pytest.param(name, kind, id=f"{name}-{kind}", marks=marks))
    return found


def test_every_kind_of_input_has_data() -> None:
    assert set(DATA) == set(INPUTS)


@pytest.mark.parametrize(("name", "kind"), cases())
def test_onnx_and_torch_pass_the_gate(name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, samples = instance(name, kind)
    traced = work.captured(answering(graph_of(model), model.output))  # once for both formats
    monkeypatch.setattr(work, "captured", lambda _graph: traced)
    if kind == "image" and name != "compact":
        monkeypatch.setitem(ODD, kind, lambda input: odd_pictures(input)[:ODDEST])
    for to in ("torch", "onnx"):
        made = export(model, tmp_path / to / "m", to=to, samples=samples)
        assert made.parity.answers_differ == 0
        assert made.parity.samples == COUNT and made.parity.odd >= 8
        assert made.parity.scores < 1e-3
        assert made.path.is_file()
