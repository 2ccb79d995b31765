"""Baselines beside direct runs of scikit-learn: the same rows, the same parameters, written apart.

    python benchmarks/baselines.py [digits] [fashion-mnist] [--seconds 60]

Deepwell measures each baseline within the seconds given, on as many samples as it chose. Then this script, which takes
of deepwell only the split and the numbers of samples, reads the same pictures, draws the same samples by a rule of its
own writing, fits the classes of scikit-learn itself and compares the accuracies: they must agree to 1e-6.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

import deepwell as dw

DIRECT: dict[str, Any] = {
    "majority class": lambda: DummyClassifier(strategy="most_frequent"),
    "k nearest neighbours": lambda: KNeighborsClassifier(n_neighbors=5, algorithm="brute"),
    "logistic regression": lambda: LogisticRegression(C=0.1, max_iter=100),
    "perceptron": lambda: Perceptron(max_iter=100, random_state=0),
    "linear SVM": lambda: LinearSVC(C=0.01, dual=False, max_iter=100, random_state=0),
    "RBF SVM": lambda: SVC(C=10.0, cache_size=500, max_iter=100_000),
}


def pixels(pictures: np.ndarray) -> np.ndarray:
    """Shades from 0 to 1, a row a picture."""
    return pictures.reshape(len(pictures), -1).astype(np.float32) / np.float32(255)


def in_step(labels: np.ndarray) -> np.ndarray:
    """The samples in deepwell's order, by another way: each class's own queue, merged by how far along it is."""
    mixed = np.random.default_rng(0).permutation(len(labels))
    queues: dict[int, list[int]] = {}
    for sample in mixed.tolist():
        queues.setdefault(int(labels[sample]), []).append(sample)
    far = {s: place / len(queue) for queue in queues.values() for place, s in enumerate(queue)}
    return np.array(sorted(mixed.tolist(), key=lambda sample: far[sample]))


def compare(name: str, seconds: float) -> bool:
    """Print a line for each baseline; whether all agree and none took much longer than it may."""
    learner = dw.Learner(name)
    prepared = learner.prepared()
    split, labels = prepared.split, prepared.targets.numpy()
    pictures = np.stack([np.asarray(picture) for picture in learner.data.source.x])
    begun = time.perf_counter()
    found = learner.baselines(seconds)
    whole = time.perf_counter() - begun
    order = split.train[in_step(labels[split.train])]
    scale = 255 / pictures.max()  # digits have shades from 0 to 16 in their file
    seen = pixels(np.rint(pictures * scale)) if pictures.max() <= 16 else pixels(pictures)
    print(f"{name}: {len(split.train):,} to learn from, {len(split.test):,} to measure on; all in {whole:.1f} s")
    fine = True
    for baseline in found:
        rows = order[: baseline.samples]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begun = time.perf_counter()
            model = DIRECT[baseline.name]().fit(seen[rows], labels[rows])
            accuracy = float((model.predict(seen[split.test]) == labels[split.test]).mean())
            direct = time.perf_counter() - begun
        apart = abs(accuracy - baseline.score.value)
        fine &= apart <= 1e-6 and baseline.seconds <= seconds
        print(
            f"  {baseline.name:22} {baseline.score.value:.6f} ({baseline.score.low:.4f} to {baseline.score.high:.4f})  "
            f"direct {accuracy:.6f}  apart {apart:.1e}  learnt from {baseline.samples:,} of {baseline.of:,}  "
            f"{baseline.seconds:.1f} s (direct {direct:.1f} s)  {baseline.parameters}  {baseline.note}",
            flush=True,
        )
    return fine


def main() -> int:
    """Exit code 1 where a baseline differs or takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["digits", "fashion-mnist"])
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, at most {given.seconds:g} s a baseline")
    kept = os.environ.get("DEEPWELL_CACHE")
    with tempfile.TemporaryDirectory() as empty:
        if kept:  # the sets stay where they are; baselines are to be measured anew
            for name in os.listdir(kept):
                if name not in ("baselines", "race"):
                    os.symlink(os.path.join(os.path.abspath(kept), name), os.path.join(empty, name))
            os.environ["DEEPWELL_CACHE"] = empty
        results = [compare(name, given.seconds) for name in given.sets]  # all of them, also after one that differs
        fine = all(results)
    print("all agree to 1e-6 and kept their time" if fine else "NOT all agree to 1e-6 and kept their time")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
