"""What a class was told by is what explains it; and explanations change when the weights do (Adebayo 2018)."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest

import deepwell as dw
from deepwell.explain import explain
from deepwell.explain.sanity import BOUND, overlap, randomised, rank_correlation
from deepwell.saved.model import SavedModel

SIDE, PATCH = 28, 6


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise of coarse squares with a patch of stripes somewhere; whether they lie or stand is the class.

    Returns the pictures, the classes, and where the patch is, bool [n, height, width].
    """
    draw = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = draw.integers(0, 120, (count, SIDE // 4, SIDE // 4)).repeat(4, 1).repeat(4, 2)
    x = (x + draw.integers(0, 60, x.shape)).astype(np.uint8)
    inside = np.zeros(x.shape, bool)
    rows, columns = np.indices((PATCH, PATCH))
    for i, (top, left) in enumerate(draw.integers(0, SIDE - PATCH + 1, (count, 2))):
        x[i, top : top + PATCH, left : left + PATCH] = (rows if y[i] else columns) % 2 * 255
        inside[i, top : top + PATCH, left : left + PATCH] = True
    return x, y, inside


@cache
def trained(name: str) -> SavedModel:
    x, y, _ = planted(1000, 0)
    learner = dw.Learner(dw.arrays(x, y), model=name)
    learner.fit(epochs=6, progress=False, check=False)
    return learner.saved()


@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients", "occlusion"])
def test_a_planted_patch_is_found(method: str) -> None:
    """Of the 36 hottest pixels at least half lie in the patch of 36, the mean over the pictures; by chance 0.05.

    Other models: benchmarks/explanations.py.
    """
    x, y, inside = planted(12, 7)
    model = trained("cnn")
    right = [i for i, answer in enumerate(model.predict(x)) if answer["prediction"] == y[i]]
    assert len(right) >= 10
    found = explain(model, x[right], method=method)
    assert np.mean([overlap(one.values, inside[i]) for one, i in zip(found, right, strict=True)]) >= 0.5


@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients", "occlusion"])
def test_explanations_of_pictures_change_with_the_weights(method: str) -> None:
    found = randomised(trained("cnn"), planted(8, 7)[0], method=method)
    assert found.passed, str(found)
    assert found.stages[-1][1] < BOUND and found.method == method
    assert found.to_json()["passed"] and "passed" in str(found)


def test_the_model_that_was_checked_is_left_alone() -> None:
    model, x = trained("cnn"), planted(2, 7)[0]
    before = model.predict(x)
    randomised(model, x, method="gradcam")
    assert model.predict(x) == before


def test_a_method_that_draws_edges_would_fail() -> None:
    """The bound tells something: values that depend on the picture alone correlate fully."""
    edges = np.abs(np.diff(planted(1, 3)[0][0].astype(float), axis=1)).ravel()
    assert rank_correlation(edges, edges + 0.001 * np.arange(edges.size) / edges.size) > 0.9
    assert rank_correlation(edges, np.ones_like(edges)) == 0.0


# ---- words

FILL = ["we", "saw", "the", "film", "with", "my", "brother", "on", "a", "rainy", "evening", "and", "it", "ran", "for"]


def texts(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts of ten common words, one of which is replaced by a word that tells the class."""
    draw = random.Random(seed)
    x, y = [], []
    for i in range(count):
        words = [draw.choice(FILL) for _ in range(10)]
        words[draw.randrange(10)] = "superb" if i % 2 else "dreadful"
        x.append(" ".join(words))
        y.append("yes" if i % 2 else "no")
    return x, y


@cache
def reader(name: str) -> SavedModel:
    learner = dw.Learner(dw.texts(*texts(300, 0)), model=name, seed=0)
    learner.fit(epochs=20, batch_size=16, progress=False, check=False)
    return learner.saved()


@pytest.mark.parametrize(
    ("name", "method"),
    [("ngrams", "occlusion"), ("textcnn", "integrated-gradients"), ("textcnn", "occlusion")],
)
def test_a_planted_word_weighs_most(name: str, method: str) -> None:
    x, y = texts(10, 5)
    found = explain(reader(name), x, method=method)
    assert [one.target for one in found] == y
    for one in found:
        assert max(one.values, key=lambda value: value.weight).text in ("superb", "dreadful")


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_explanations_of_texts_change_with_the_weights(method: str) -> None:
    found = randomised(reader("textcnn"), texts(10, 5)[0], method=method)
    assert found.passed, str(found)


def test_the_neighbour_that_makes_a_tag_is_found() -> None:
    """The tag of the word after Mr or in: that word itself tells nothing."""
    draw = random.Random(0)
    made = []
    for i in range(300):
        word = draw.choice(["Stone", "Rivers", "Field"])
        words = ["today", "Mr" if i % 2 else "in", word, "is", "seen"]
        made.append((words, ["O", "O", "PER" if i % 2 else "LOC", "O", "O"]))
    learner = dw.Learner(dw.words([w for w, _ in made], [t for _, t in made]), seed=0)
    learner.fit(epochs=6, batch_size=8, progress=False, check=False)
    for method in ("occlusion", "integrated-gradients"):
        found = explain(learner.saved(), [["today", "Mr", "Rivers", "is", "seen"]], method=method)[0]
        assert found.target == "2:PER" and found.confidence > 0.8
        assert max(found.values, key=lambda value: value.weight).text == "Mr"
