"""Facts of runs that never were: of any number of classes, with labels that a page must survive."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import torch

from deepwell.evaluate.category import category
from deepwell.findings import Finding
from deepwell.metrics.spans import Span
from deepwell.report.facts import Band, DataCard, Histogram, Mistake, ReportFacts, Sample, Suspect, Training

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "a&b;<!--", "' onload='x"]


class Why:
    """An explanation as ``explain`` gives it."""

    def html(self, lang: str) -> str:
        return "<figure class='explanation'><p>because</p></figure>"

    def picture(self, side: int) -> bytes:
        return base64.b64decode(PIXEL.partition(",")[2])


def names(count: int, special: list[str] | None = None) -> list[str]:
    """So many different names, the special ones first."""
    return [*(special or []), *(f"class {n}" for n in range(count))][:count]


def evaluation(classes: list[str], samples: int = 400, seed: int = 0) -> dict[str, Any]:
    """A real evaluation of made answers, right in about four of five."""
    random = np.random.default_rng(seed)
    y = np.arange(samples) % len(classes)
    scores = random.normal(size=(samples, len(classes)))
    scores[np.arange(samples), y] += 0.8 + np.sqrt(2 * np.log(len(classes)))
    return category(torch.from_numpy(scores).softmax(1), torch.from_numpy(y), classes).to_json()


def training(epochs: int = 6) -> Training:
    """Curves that fall and rise."""
    rows = [
        {
            "epoch": n,
            "step": 10 * n,
            "loss": 1 / n,
            "val_loss": 1.2 / n,
            "accuracy": 1 - 0.5 / n,
            "val_accuracy": 1 - 0.6 / n,
            "learning_rate": 0.1 / n,
            "seconds": 2.0,
            "samples_per_second": 100.0,
            "data_share": 0.1,
        }
        for n in range(1, epochs + 1)
    ]
    values = [row["val_accuracy"] for row in rows]
    band = Band("accuracy", [v - 0.1 for v in values], [v + 0.1 for v in values])
    return Training(
        rows, [(20, "steps became slow")], epochs, "val_accuracy", band=band, seconds=15.0, step={"threads": 2}
    )


def baselines(score: float, verdict: str) -> list[dict[str, Any]]:
    """Two simple models."""
    against = {"difference": 0.1, "interval": [0.05, 0.15], "verdict": verdict}
    measured = {"value": score, "interval": [score - 0.05, score + 0.05]}
    row = {"name": "linear SVM", "score": measured, "metric": "accuracy", "seconds": 0.5, "samples": 100}
    low = {"value": 0.1, "interval": [0.05, 0.15]}
    return [{**row, "against": against}, {**row, "name": "majority class", "score": low, "against": against}]


def facts(
    count: int = 3, *, special: list[str] | None = None, samples: int = 400, input: str = "image", **changed: Any
) -> ReportFacts:
    """A run's facts, every section filled."""
    classes = names(count, special)
    one = Sample(classes[0], picture=PIXEL) if input == "image" else Sample("#1", text=f"a text that says {classes[0]}")
    return ReportFacts(
        **{
            "name": "made data",
            "run": "runs/made-1",
            "input": input,
            "output": "category",
            "model": "cnn",
            "parameters": 12_345,
            "why": "it is small",
            "evaluation": evaluation(classes, samples),
            "training": training(),
            "card": DataCard(
                "two folders",
                "photos/",
                "abc",
                {"train": 800, "validation": 100, "test": samples},
                {name: {"train": 8, "test": 3 + n} for n, name in enumerate(classes)},
                3,
                1,
                [(classes[0], "cut off")],
                {"given": ["train"], "seed": 0, "validation": 0.1, "test": 0.2},
                [Histogram("width", (0.0, 10.0, 20.0), (3, 4))],
                "grey 8x8",
                [f"a remark on {classes[0]}"],
            ),
            "baselines": baselines(0.5, "better"),
            "mistakes": [Mistake(one, (classes[0],), (classes[1],), 0.9, 0.05, attribution=Why())] * 3,
            "wrong": 50,
            "suspects": [Suspect(one, classes[0], classes[1], classes[1], 0.8)],
            "doubted": 7,
            "looked_at": 100,
            "findings": [Finding("M01", "warn", "output", "probabilities", {"floor": 1.4612})],
            "uses": {"looks": 3, "runs": 2, "note": ""},
            "settings": {"epochs": 6, "learning_rate": 0.1, "patience": 0, "dropout": None},
            "versions": {"torch": "2.8"},
            "command": "deepwell train photos/ --epochs 6",
            **changed,
        }
    )


def of_tags() -> ReportFacts:
    """Facts of a run that tags words."""
    measured = {"value": 0.8, "interval": [0.7, 0.9]}
    table = {"PER": {"precision": 0.8, "recall": 0.9, "f1": 0.85, "right": 8, "answered": 10, "gold": 9}}
    found = {"sentences": 20, "words": 99, "accuracy": measured, "precision": None, "recall": measured, "f1": measured}
    sentence = Sample("#4", words=("Anna", "lives", "in", "<b>New", "York"))
    right, other = Span(0, 1, "PER"), Span(3, 5, "LOC")
    mistake = Mistake(sentence, given_spans=(right, other), answered_spans=(right,))
    return facts(
        input="tokens",
        output="tags",
        evaluation={**found, "scheme": "bio", "per_type": table, "slices": [], "notes": []},
        mistakes=[mistake],
        baselines=None,
        suspects=None,
    )
