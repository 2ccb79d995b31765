"""Every named model at its usual size, exported to ONNX and held against PyTorch; and how fast each answers.

    python benchmarks/export_parity.py [MODEL ...] [--to torch]

Weights are drawn and not trained, with the normalisations' means of one batch: what is compared is arithmetic.
Milliseconds are the median of 15 batches of 16 after two that do not count, one thread each, PyTorch and ONNX Runtime
in turns. The record is records/export_parity.log.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.data.tree import from_nested
from deepwell.export import export
from deepwell.export.onnx_file import OnnxRun
from deepwell.export.reader import Reader
from deepwell.models import MODELS
from deepwell.saved.model import ModelCard, SavedModel, join

COUNT, BATCH, ROUNDS = 72, 16, 15
SIDE = {"alexnet": 224, "inception": 224, "resnet": 224, "resnet18": 224, "resnet34": 224, "resnet50": 224}
"""Of pictures as in the papers; 32 for the other models."""
BERT = {"model_type": "bert", "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
        "intermediate_size": 1024, "max_position_embeddings": 512}  # fmt: skip
"""The size of BERT-mini."""


def words(place: int) -> list[str]:
    draw = random.Random(place)
    return [f"word{int(draw.paretovariate(0.6)) % 5000}" for _ in range(10 + place % 60)]


def data(name: str, kind: str) -> dw.Data:
    labels = ["abcdefghij"[row % 10] for row in range(COUNT)]
    if kind == "image":
        side = SIDE.get(name, 32)
        return dw.arrays(np.random.default_rng(0).integers(0, 256, (COUNT, side, side, 3), dtype=np.uint8), labels)
    if kind == "text":
        return dw.texts([" ".join(words(row)) for row in range(COUNT)], labels, minimum_count=1)
    if kind == "tokens":
        x = [words(row) for row in range(COUNT)]
        tags = [["O" if len(word) > 5 else "B-X" for word in sentence] for sentence in x]
        return dw.words(x, tags, minimum_count=1)

    def grown(place: int, depth: int) -> Any:
        draw = random.Random(place)
        return draw.choice("123456789") if depth == 0 else [
            draw.choice("+-*"), grown(2 * place, depth - 1), grown(2 * place + 1, depth - 1)
        ]  # fmt: skip

    return dw.trees([from_nested(grown(row + 1, 4)) for row in range(COUNT)], labels)


def instance(name: str, kind: str) -> tuple[SavedModel, list[Any]]:
    torch.manual_seed(0)
    opened = data(name, kind)
    prepared = dw.Learner(opened, model="embedding-bag" if name == "hf" else name).prepared()
    options: dict[str, Any] = {}
    if name == "hf":
        prepared.input.max_length = 512
        options = {"config": {**BERT, "vocab_size": prepared.input.shape.vocabulary}}
    card = ModelCard(name, options)
    network = join(card, prepared.input, prepared.output)
    settle(network, prepared.input.prepare(prepared.rows.gather(torch.arange(16))))
    model = SavedModel(network, prepared.input, prepared.output, card=card)
    return model, [opened.source.x[row] for row in range(COUNT)]


def settle(network: torch.nn.Module, x: torch.Tensor) -> None:
    """Let normalisations know their means: else a deep network's numbers fade, and nothing is compared with nothing."""
    layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
    if layers:
        with torch.no_grad():
            network.train()(x)
    network.eval()


def speed(model: SavedModel, path: Path, samples: list[Any]) -> tuple[float, float]:
    """Milliseconds of a batch from encoded samples to scores: PyTorch, ONNX Runtime."""
    arrays = Reader.load(path.with_suffix(".json")).encode(samples[:BATCH])
    x, run, network = torch.from_numpy(next(iter(arrays.values()))), OnnxRun(path), model.network
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS + 2):
        begun = time.perf_counter()
        with torch.inference_mode():
            network(model.input.prepare(x))
        between = time.perf_counter()
        run(arrays)
        taken[0].append(between - begun)
        taken[1].append(time.perf_counter() - between)
    return statistics.median(taken[0][2:]) * 1e3, statistics.median(taken[1][2:]) * 1e3


def row(name: str, kind: str, to: str) -> None:
    model, samples = instance(name, kind)
    count = sum(p.numel() for p in model.network.parameters()) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = export(model, Path(folder) / "m", to=to, samples=samples)
        except UserError as error:
            print(f"{name:14}{kind:8}{count:8.2f}  FAILED: {error}", flush=True)
            return
        parity, size = made.parity, made.path.stat().st_size / 1e6
        ours, theirs = speed(model, made.path, samples) if to == "onnx" else (float("nan"),) * 2
    print(
        f"{name:14}{kind:8}{count:8.2f}{parity.scores:10.1e}{parity.probabilities:10.1e}{parity.answers_differ:6}"
        f"{size:9.2f}{made.seconds:8.1f}{ours:10.2f}{theirs:10.2f}  {'any size' if made.sizes else ''}",
        flush=True,
    )


parser = argparse.ArgumentParser()
parser.add_argument("models", nargs="*", default=list(MODELS))
parser.add_argument("--to", default="onnx")
asked = parser.parse_args()
torch.set_num_threads(1)
print(f"torch {torch.__version__}, {asked.to}; {COUNT} samples and odd ones, batches of 7 and 1, tolerance 1e-4")
print("model         kind     M param    scores     prob.  differ      MB   seconds  torch ms    ORT ms")
for name in asked.models:
    for kind in MODELS[name].takes:
        row(name, kind, asked.to)
