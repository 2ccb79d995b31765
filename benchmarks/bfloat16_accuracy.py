"""Test accuracy of bfloat16 beside float32: the same training with the same seed in both, five seeds.

    python benchmarks/bfloat16_accuracy.py [--seeds 5] [--sets digits fashion-mnist]

It needs no bfloat16 units. Without them PyTorch makes the same arithmetic (numbers rounded to bfloat16, products summed
in float32), ten times as slowly; so trainings are short, and Fashion-MNIST is cut to its first 8,000 pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from typing import Any

import numpy as np

import deepwell as dw
from deepwell.core.devices import machine
from deepwell.data.named import open_named

PROGRAMS: dict[str, dict[str, Any]] = {
    "digits": {"epochs": 8, "threads": 1},
    "fashion-mnist": {"epochs": 3, "batch_size": 32, "optimizer": "adam", "learning_rate": 1e-3, "threads": 1},
}
"""deepwell's default, shortened, and the settings of the first tutorial with its network."""

MODELS = {"digits": None, "fashion-mnist": "cnn"}
CUT = 8_000


def data(name: str, seed: int) -> dw.Data:
    """The set with the seed's own split."""
    if name == "digits":
        return dw.open("digits", seed=seed)
    source = open_named(name)
    parts, labels = np.asarray(source.parts), np.asarray(source.y)
    train, test = (np.flatnonzero(parts == part) for part in ("train", "test"))
    held_out = (source.x[test], labels[test])
    return dw.arrays(source.x[train[:CUT]], labels[train[:CUT]], test=held_out, seed=seed)


def accuracy(name: str, seed: int, precision: str) -> tuple[float, float]:
    """Of the test part, and the seconds that the training took."""
    begin = time.perf_counter()
    learner = dw.Learner(data(name, seed), MODELS[name])
    learner.fit(**PROGRAMS[name], precision=precision, seed=seed, progress=False)
    took = time.perf_counter() - begin
    return float(learner.evaluate().accuracy.value), took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=list(PROGRAMS), default=list(PROGRAMS))
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("--seeds must be 2 at least: their spread is what the difference is held against")
    print(json.dumps(machine()))
    for name in given.sets:
        found: dict[str, list[float]] = {"float32": [], "bfloat16": []}
        for seed in range(given.seeds):
            for precision, values in found.items():
                value, took = accuracy(name, seed, precision)
                values.append(value)
                print(json.dumps({"set": name, "seed": seed, precision: value, "seconds": round(took, 1)}), flush=True)
        gaps = [half - full for half, full in zip(found["bfloat16"], found["float32"], strict=True)]
        summary = {
            precision: {"mean": round(statistics.mean(values), 4), "sd": round(statistics.stdev(values), 4)}
            for precision, values in found.items()
        }
        error = statistics.stdev(gaps) / math.sqrt(len(gaps))
        gap = {"mean": round(statistics.mean(gaps), 4), "standard error": round(error, 4)}
        print(json.dumps({"set": name, **summary, "bfloat16 - float32": gap}), flush=True)


if __name__ == "__main__":
    main()
