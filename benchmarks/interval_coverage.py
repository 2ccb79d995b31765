"""How often the 95 % intervals that deepwell prints hold the truth: 1,000 simulated test sets of each kind.

    python benchmarks/interval_coverage.py > benchmarks/records/interval_coverage.log    # 15 to 40 minutes, one core

A population of many samples is made once, with a model's answers to them; the figures of the whole population are the
truth. Test sets are drawn from it at random, measured by deepwell's own functions, and it is counted how often each
interval holds the truth. Where deepwell gives no interval (too few samples for an honest one) the set counts for the
share that is shown, and not for the coverage.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from deepwell.evaluate.category import category
from deepwell.evaluate.compare import compare
from deepwell.evaluate.label_sets import label_sets
from deepwell.evaluate.tags import tags
from deepwell.metrics.classification import macro_f1

Check = tuple[str, float, float, float]
"""Name of the figure, low, high, truth; NaN for an interval that is not given."""


class World(NamedTuple):
    """A model and what it is asked: classes with shares, their distance, how sure the model is (1: honestly so)."""

    shares: list[float]
    distance: float
    sureness: float


WORLDS = {
    "easy, honest": World([1.0] * 10, 3.5, 1.0),
    "hard, honest": World([1.0] * 5, 1.2, 1.0),
    "middling, too sure": World([1.0] * 10, 2.5, 2.0),
    "middling, not sure enough": World([1.0] * 4, 2.0, 0.5),
    "imbalanced, a little too sure": World([0.7, 0.2, 0.1], 2.0, 1.3),
    "two classes, 9 to 1": World([0.9, 0.1], 1.5, 1.0),
    "40 classes": World([1.0] * 40, 3.5, 1.2),
}


def answered(world: World, count: int, seed: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [n, classes] and classes [n]; models with equal seeds and other noise answer the same samples."""
    rng = np.random.default_rng(seed)
    shares = np.array(world.shares) / sum(world.shares)
    y = rng.choice(len(shares), count, p=shares)
    x = rng.normal(size=(count, len(shares)))
    x[np.arange(count), y] += world.distance
    x += noise * np.random.default_rng(seed + 1).normal(size=x.shape)
    scores = world.sureness * (np.log(shares) + world.distance * x)
    p = np.exp(scores - scores.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True), y


def of_classes(world: World, seed: int = 0, count: int = 200_000) -> Callable[[np.ndarray], Iterator[Check]]:
    """Measures test sets, given as rows of the population."""
    p, y = (torch.from_numpy(part) for part in answered(world, count, seed))
    names = [str(i) for i in range(p.shape[1])]
    truth = category(p, y, names)
    bins = {b.low: b.accuracy for b in truth.reliability}

    def checks(rows: np.ndarray) -> Iterator[Check]:
        found = category(p[rows], y[rows], names)
        # the mean over the classes that occur in the test set: nothing is promised of the others
        seen = (found.confusion.sum(0) + found.confusion.sum(1)) > 0
        yield "accuracy", found.accuracy.low, found.accuracy.high, truth.accuracy.value
        yield "macro-F1", found.macro_f1.low, found.macro_f1.high, float(truth.f1[seen].mean())
        yield "log loss", found.log_loss.low, found.log_loss.high, truth.log_loss.value
        low, high = found.calibration_interval or (float("nan"),) * 2
        yield "calibration error", low, high, truth.calibration_error
        for name in ("precision", "recall", "f1"):
            for i in np.flatnonzero(seen):
                low, high = found.intervals[name][i]
                if high - low < 1:  # nothing was to be divided
                    yield f"{name} of a class", low, high, float(getattr(truth, name)[i])
        for b in found.reliability:
            yield "accuracy of a bin", *b.interval, bins[b.low]

    return checks


def of_pairs(world: World, seed: int = 0, count: int = 200_000) -> Callable[[np.ndarray], Iterator[Check]]:
    """Differences of two models on the same samples; the other one sees through some noise."""
    first, y = answered(world, count, seed)
    other, _ = answered(world, count, seed, noise=0.6)
    p = np.stack([first, other])
    right = p.argmax(2) == y
    losses = -np.log(np.maximum(p[:, np.arange(count), y], 1e-12))

    def macro(rows: np.ndarray, m: int) -> float:
        size = p.shape[2]
        return float(macro_f1(np.bincount(y[rows] * size + p[m][rows].argmax(1), minlength=size**2).reshape(size, -1)))

    whole = np.arange(count)
    truth = {
        "accuracy": right[0].mean() - right[1].mean(),
        "macro_f1": macro(whole, 0) - macro(whole, 1),
        "log_loss": losses[0].mean() - losses[1].mean(),
    }

    def checks(rows: np.ndarray) -> Iterator[Check]:
        answers = {"first": p[0][rows], "other": p[1][rows]}
        found = compare(answers, y[rows], kind="category", classes=range(p.shape[2]))
        for metric, (row,) in found.differences.items():
            sign = 1 if row.model == "first" else -1
            yield f"difference of {metric}", row.low, row.high, sign * truth[metric]

    return checks


def of_labels(
    labels: int, shift: float, seed: int = 0, count: int = 100_000
) -> Callable[[np.ndarray], Iterator[Check]]:
    """Sets of labels whose mistakes come together: some samples are hard for all of them."""
    rng = np.random.default_rng(seed)
    true = rng.random((count, labels)) < np.linspace(0.08, 0.4, labels)
    hard = rng.exponential(1.0, (count, 1))
    scores = (2.0 * true - 1) * shift / (0.5 + hard) + rng.normal(size=true.shape)
    p, y = torch.from_numpy(1 / (1 + np.exp(-scores))), torch.from_numpy(true.astype(np.float32))
    names = [str(i) for i in range(labels)]
    truth = label_sets(p, y, names)
    bins = {b.low: b.accuracy for b in truth.reliability}

    def checks(rows: np.ndarray) -> Iterator[Check]:
        found = label_sets(p[rows], y[rows], names)
        yield "label sets: accuracy", found.accuracy.low, found.accuracy.high, truth.accuracy.value
        yield "label sets: F1", found.f1.low, found.f1.high, truth.f1.value
        scores = {"precision": truth.precision, "recall": truth.recall, "f1": truth.per_label_f1}
        for name, values in scores.items():
            for i, (low, high) in enumerate(found.intervals[name]):
                yield f"label sets: {name} of a label", low, high, float(values[i])
        for b in found.reliability:
            yield "label sets: accuracy of a bin", *b.interval, bins[b.low]

    return checks


def of_tags(right: float, seed: int = 0, count: int = 5_000) -> Callable[[np.ndarray], Iterator[Check]]:
    """Sentences of 3 to 30 words with spans of three types; in hard sentences mistakes come together."""
    rng = np.random.default_rng(seed)
    kinds = ["O"] * 7 + ["B-A"] * 4 + ["B-B"] * 2 + ["B-C"]
    gold, answers = [], []
    for _ in range(count):
        row = [kinds[i] for i in rng.integers(0, len(kinds), rng.integers(3, 31))]
        chance = rng.beta(3 * right, 3 * (1 - right))
        gold.append(row)
        answers.append([t if rng.random() < chance else kinds[rng.integers(0, len(kinds))] for t in row])
    truth = tags(answers, gold, scheme="bio")

    def checks(rows: np.ndarray) -> Iterator[Check]:
        found = tags([answers[i] for i in rows], [gold[i] for i in rows], scheme="bio")
        for name in ("accuracy", "precision", "recall", "f1"):
            measured: Any = getattr(found, name)
            yield f"tags: {name}", measured.low, measured.high, getattr(truth, name).value
        for kind, intervals in found.intervals.items():
            for name, (low, high), value in zip(
                ("precision", "recall", "f1"), intervals, truth.table[kind].scores, strict=True
            ):
                if high - low < 1:
                    yield f"tags: {name} of a type", low, high, value

    return checks


def covered(
    checks: Callable[[np.ndarray], Iterator[Check]], population: int, samples: int, sets: int, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """By figure: share of the given intervals that hold the truth, and share of the intervals that are given."""
    rng = np.random.default_rng(seed)
    held: dict[str, list[float]] = defaultdict(list)
    for _ in range(sets):
        for name, low, high, truth in checks(rng.integers(0, population, samples)):
            held[name].append(float("nan") if np.isnan(low) else float(low - 1e-12 <= truth <= high + 1e-12))
    return {
        name: (
            float(np.nanmean(found)) if not np.isnan(found).all() else float("nan"),
            float(np.mean(~np.isnan(found))),
        )
        for name, found in held.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--only", default="", help="classes, pairs, labels or tags")
    parser.add_argument("--samples", default="100,300,1000")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(size) for size in asked.samples.split(",")]
    jobs: list[tuple[str, Callable[[], Any], int, list[int]]] = []
    jobs += [(f"classes: {n}", lambda w=w: of_classes(w), 200_000, sizes) for n, w in WORLDS.items()]
    jobs += [(f"pairs: {n}", lambda w=w: of_pairs(w), 200_000, sizes) for n, w in list(WORLDS.items())[1:5]]
    jobs += [
        (f"labels: {k}, shift {s}", lambda k=k, s=s: of_labels(k, s), 100_000, sizes) for k, s in ((4, 3.0), (12, 1.5))
    ]
    jobs += [(f"tags: {r:.0%} right", lambda r=r: of_tags(r), 5_000, [30, 100, 400]) for r in (0.7, 0.93)]
    pooled: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    print(f"{asked.sets} test sets each; coverage of the 95 % interval, and in brackets the share that is given")
    for title, make, population, counts in jobs:
        if not title.startswith(asked.only):
            continue
        checks = make()
        for samples in counts:
            begin = time.perf_counter()
            found = covered(checks, population, samples, asked.sets)
            print(f"\n{title}, {samples:,} samples ({time.perf_counter() - begin:.0f} s)")
            for name, (share, given) in found.items():
                mark = "" if np.isnan(share) or 0.93 <= share <= 0.97 else "  <- outside 0.93 to 0.97"
                print(f"  {name:32} {share:.3f} ({given:.2f}){mark}", flush=True)
                if given:
                    pooled[name].append((share, given, f"{title}, {samples}"))
    print("\nall worlds and sizes: mean, lowest and highest coverage")
    for name, rows in pooled.items():
        shares = [share for share, _, _ in rows]
        mean = np.average(shares, weights=[given for _, given, _ in rows])
        inside = sum(0.93 <= share <= 0.97 for share in shares)
        print(
            f"  {name:32} {mean:.3f}  {min(shares):.3f} to {max(shares):.3f}, "
            f"within 0.93 to 0.97 in {inside} of {len(rows)}"
        )


if __name__ == "__main__":
    main()
