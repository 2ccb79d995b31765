"""Samples a second of deepwell's step beside the loop that tutorials write, in turns, in one run.

    python benchmarks/step_speed.py [--rounds 5] [--seconds 2] [--only mnist-cnn] [--keras PYTHON] [--lightning PYTHON]

The plain loop: DataLoader over a TensorDataset, ``loss.item()`` each step, PyTorch's defaults. deepwell's: the
learner's own loop, after its race, the whole epoch with order, gather, normalisation and bookkeeping. Each round
measures every contender once; the ratio is the median over rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import deepwell as dw
from deepwell.core.devices import machine
from deepwell.learner import Learner

BATCH = 32


def mnist_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def cifar_cnn() -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(a, b, 3), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def resnet18() -> nn.Module:
    from deepwell.models import ResNet

    body = ResNet((3, 32, 32))
    return nn.Sequential(body, nn.Linear(512, 10))


def tiny_mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


# name: (the plain module, deepwell's name of the same network, picture, samples)
PROGRAMS: dict[str, tuple[Callable[[], nn.Module], Any, tuple[int, ...], int]] = {
    "mnist-cnn": (mnist_cnn, "cnn", (28, 28), 6400),
    "cifar-cnn-bn": (cifar_cnn, "cnn-bn", (32, 32, 3), 3200),
    "resnet18": (resnet18, "resnet18", (32, 32, 3), 128),
    "tiny-mlp": (tiny_mlp, tiny_mlp, (8, 8), 12800),
}


def plain(make: Callable[[], nn.Module], x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The tutorial's epoch; returns seconds."""
    channels = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    tensors = torch.from_numpy(channels.astype(np.float32) / 255), torch.from_numpy(y)
    loader = DataLoader(TensorDataset(*tensors), batch_size=BATCH, shuffle=True)
    model = make()
    optimizer = torch.optim.Adam(model.parameters())
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        begin = time.perf_counter()
        model.train()
        running = 0.0
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
        return time.perf_counter() - begin

    return epoch


def ours(make: Any, x: np.ndarray, y: np.ndarray, precision: str) -> tuple[Callable[[], float], Learner]:
    """deepwell's epoch; returns seconds of training alone, as its history says."""
    model = make if isinstance(make, str) else make()
    learner = dw.Learner(dw.arrays(x, y, validation=0.0), model, precision=precision)

    def epoch() -> float:
        history = learner.fit(epochs=1, batch_size=BATCH, optimizer="adam", progress=False)
        return history["seconds"][0]

    return epoch, learner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=sorted(PROGRAMS), action="append")
    parser.add_argument("--keras", help="a Python that has Keras and TensorFlow")
    parser.add_argument("--lightning", help="a Python that has Lightning")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    record: dict[str, Any] = {"machine": machine(), "torch": torch.__version__, "rounds": given.rounds, "results": {}}
    before = torch.get_num_threads()
    for name in given.only or PROGRAMS:
        make, mine, shape, count = PROGRAMS[name]
        x, y = rng.integers(0, 256, (count, *shape), dtype=np.uint8), rng.integers(0, 10, count)
        y[:10] = range(10)
        contenders: dict[str, Callable[[], float]] = {"plain": plain(make, x, y)}
        contenders["deepwell"], learner = ours(mine, x, y, "auto")
        seconds: dict[str, list[float]] = {key: [] for key in contenders}
        for turn in range(given.rounds + 1):
            for key, epoch in contenders.items():
                torch.set_num_threads(before)
                value = epoch()
                if turn:  # the first round warms up: kernels are chosen, the race is run
                    seconds[key].append(value)
        others = {}
        helper = Path(__file__).with_name("peers.py")
        for label, python, words in (
            ("keras", given.keras, ["keras", name]),
            ("keras mixed_bfloat16", given.keras, ["keras-bf16", name]),
            ("lightning", given.lightning, ["lightning", name]),
        ):
            if python:
                made = subprocess.run([python, str(helper), *words], capture_output=True, text=True, check=False)
                others[label] = json.loads(made.stdout.splitlines()[-1]) if made.returncode == 0 else made.stderr[-300:]
        ratios = [p / d for p, d in zip(seconds["plain"], seconds["deepwell"], strict=True)]
        steps = -(-count // BATCH)
        row = {
            "step": str(learner.history.choice) if learner.history else "",
            "samples_per_second": {k: round(count / statistics.median(v)) for k, v in seconds.items()},
            "microseconds_per_step": {k: round(statistics.median(v) / steps * 1e6) for k, v in seconds.items()},
            "ratio": round(statistics.median(ratios), 2),
            "ratio_spread": [round(min(ratios), 2), round(max(ratios), 2)],
            "peers_samples_per_second": others,
        }
        record["results"][name] = row
        print(name, json.dumps(row), flush=True)
    if given.out:
        given.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
