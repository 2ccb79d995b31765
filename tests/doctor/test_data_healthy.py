"""Right data of many kinds: no stop and no warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.data_sets import WORDS, Items, cut, levels, pictures, table, tensors, texts

Made = tuple[Any, ...]


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def logged() -> Made:
    x, y = table()
    return cut((np.log1p(np.exp(3 + x)), y), 900)


def imbalanced() -> Made:
    x, y = table(classes=2)
    keep = np.flatnonzero((y == 0) | (rng().random(len(y)) < 0.2))
    return cut((x[keep], y[keep]), 500)


def bag_of_words() -> Made:
    y = rng().integers(0, 2, 1000)
    shares = np.where(np.arange(300) % 2 == y[:, None], 0.02, 0.01)
    return cut((rng().poisson(shares).astype(np.float32), y), 800)


def one_hot_columns() -> Made:
    levels_ = rng().integers(0, 5, (1000, 4))
    y = (levels_.sum(1) + rng().integers(0, 3, 1000) > 9).astype(int)
    return cut((np.eye(5, dtype=np.float32)[levels_].reshape(1000, 20), y), 800)


def ids() -> Made:
    y = rng().integers(0, 2, 800)
    lengths = rng().integers(5, 30, 800)
    x = rng().integers(2, 5000, (800, 32)) + y[:, None]
    return cut((torch.as_tensor(np.where(np.arange(32) < lengths[:, None], x, 0)), torch.as_tensor(y)), 600)


def padded_columns() -> Made:
    x, y = table()
    return cut((np.concatenate([x, np.zeros((len(x), 4), np.float32)], 1), y), 900)


def few() -> Made:
    return cut(table(40), 30)


def tiny() -> Made:
    return (np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])), None


def binary_pictures() -> Made:
    x, y = pictures(side=20)
    return cut(((x > 0.8).astype(np.float32), y), 800)


def multi_hot() -> Made:
    x, _ = table()
    y = (x @ rng().normal(size=(6, 5)) > 0.5).astype(np.float32)
    return cut((x, y), 900)


def regression() -> Made:
    x, _ = table()
    return cut((x, (x @ rng().normal(size=6) + 0.3 * rng().normal(size=len(x))).astype(np.float32)), 900)


def uncentred_targets() -> Made:
    (x, y), (v, w) = regression()
    return (x, y + 7), (v, w + 7)


def many_targets() -> Made:
    x, _ = table()
    return cut((x, np.tanh(x[:, :3]) + 0.1 * rng().normal(size=(len(x), 3))), 900)


def autoencoder() -> Made:
    x, _ = pictures()
    return cut((x, x), 800)


def series() -> Made:
    y = rng().integers(0, 2, 600)
    x = np.cumsum(rng().normal(size=(600, 50, 3)) * 0.3, 1) + y[:, None, None] * 0.5
    return cut((x.astype(np.float32), y), 500)


def colour() -> Made:
    return cut(pictures(channels=3, side=32, n=400), 300)


def bytes_in_arrays() -> Made:
    x, y = pictures()
    return cut(((np.clip(x, -3, 3) * 40 + 128).astype(np.uint8)[:, 0], y), 800)


def one_class_validation() -> Made:
    x, y = table()
    one = y[900:] == 1
    return (x[:900], y[:900]), (x[900:][one], y[900:][one])


def toy_rule() -> Made:
    x = rng().normal(size=(600, 5)).astype(np.float32)
    return cut((x, (x[:, 0] > 0).astype(int)), 500)


def blobs() -> Made:
    y = rng().integers(0, 3, 600)
    return cut(((rng().normal(size=(600, 2)) + 8 * np.eye(3)[y][:, :2]).astype(np.float32), y), 500)


def spirals() -> Made:
    turn, y = rng().random(1000) * 10, rng().integers(0, 2, 1000)
    x = np.stack([turn * np.cos(turn + np.pi * y), turn * np.sin(turn + np.pi * y)], 1) / 5
    return cut((x.astype(np.float32), y), 800)


def names_as_labels() -> Made:
    x, y = table()
    return cut((x, np.array(["setosa", "virginica", "versicolor"])[y].tolist()), 900)


def english() -> Made:
    x, y = texts()
    return (x[:450], y[:450]), (x[450:], y[450:])


def short_texts() -> Made:
    y = rng().integers(0, 2, 400)
    x = [
        str(rng(i).choice(["good", "fine", "ok", "nice"] if label else ["bad", "poor", "ok"]))
        for i, label in enumerate(y)
    ]
    return (x[:300], y[:300]), (x[300:], y[300:])


def tagged() -> Made:
    x = [list(rng(i).choice(WORDS, 8)) for i in range(200)]
    y = [["B-PER", "I-PER", "O", "O", "B-LOC", "O", "O", "O"] if i % 2 else ["O"] * 8 for i in range(200)]
    x = [[str(word) for word in row] for row in x]
    return (x[:150], y[:150]), (x[150:], y[150:])


def label_sets() -> Made:
    x, y = texts()
    sets = [["a"] if label else ["a", "b"] for label in y]
    return (x[:450], sets[:450]), (x[450:], sets[450:])


def shuffled_loader() -> Made:
    first, second = (torch.utils.data.TensorDataset(*tensors(p)) for p in cut(table(), 900))
    return (
        torch.utils.data.DataLoader(first, batch_size=32, shuffle=True),
        torch.utils.data.DataLoader(second, batch_size=32),
    )


def augmented_training() -> Made:
    first, second = cut(pictures(300), 200)
    return Items(first, lambda x: x + 0.1 * torch.randn(x.shape)), Items(second)


def drawn_shapes() -> Made:
    x, y = np.zeros((1500, 1, 24, 24), np.float32), rng().integers(0, 2, 1500)
    for picture, label, place in zip(x[:, 0], y, rng().integers(2, 14, (1500, 3)), strict=True):
        top, left, size = place[0], place[1], place[2] // 3 + 4
        picture[top : top + size, left : left + size] = 1
        picture[top + 1 : top + size - 1, left + 1 : left + size - 1] = label
    return cut((x, y), 1200)


def chinese() -> Made:
    signs = [chr(0x4E00 + i) for i in range(400)]
    y = rng().integers(0, 2, 500)
    x = ["".join(rng(i).choice(signs[200 * label : 200 * label + 250], 25)) for i, label in enumerate(y)]
    return (x[:400], y[:400]), (x[400:], y[400:])


def masks_of_pixels() -> Made:
    x, _ = pictures()
    return cut((x, (x[:, 0] > 0).astype(np.int64)), 800)


def binary_targets_as_floats() -> Made:
    x, y = table(classes=2)
    return cut(tensors((x, y.astype(np.float32)[:, None])), 900)


HEALTHY: dict[str, tuple[Callable[[], Made], dict[str, Any]]] = {
    "standardised": (lambda: cut(table(), 900), {"loss": "cross_entropy", "classes": 3}),
    "standardised pictures": (lambda: cut(pictures(), 800), {"loss": "cross_entropy", "classes": 4}),
    "colour pictures": (colour, {}),
    "log-scaled": (logged, {}),
    "five to one": (imbalanced, {}),
    "sparse bag of words": (bag_of_words, {}),
    "one-hot columns": (one_hot_columns, {}),
    "ids": (ids, {"loss": "cross_entropy", "classes": 2}),
    "constant columns": (padded_columns, {}),
    "few samples": (few, {}),
    "exclusive or of four rows": (tiny, {}),
    "pictures of two shades": (binary_pictures, {}),
    "multi-hot": (multi_hot, {"loss": "binary_cross_entropy_with_logits"}),
    "regression": (regression, {"loss": "mse_loss"}),
    "targets that are not centred": (uncentred_targets, {"loss": "mse_loss"}),
    "several targets": (many_targets, {"loss": "mse_loss"}),
    "autoencoder": (autoencoder, {"loss": "mse_loss"}),
    "series": (series, {}),
    "bytes in arrays": (bytes_in_arrays, {}),
    "validation of one class": (one_class_validation, {}),
    "a rule on one column": (toy_rule, {}),
    "blobs far apart": (blobs, {}),
    "spirals": (spirals, {}),
    "names as labels": (names_as_labels, {}),
    "texts": (english, {}),
    "short texts that repeat": (short_texts, {}),
    "tagged words": (tagged, {}),
    "sets of labels": (label_sets, {}),
    "shuffled loader with batch normalisation": (shuffled_loader, {"has_batch_norm": True}),
    "augmented training items": (augmented_training, {}),
    "drawn shapes of which many are equal": (drawn_shapes, {}),
    "Chinese": (chinese, {}),
    "Chinese by character": (chinese, {"tokenise": list}),
    "masks": (masks_of_pixels, {"classes": 2, "loss": "cross_entropy"}),
    "binary targets": (binary_targets_as_floats, {"loss": "binary_cross_entropy_with_logits"}),
}


@pytest.mark.parametrize("name", sorted(HEALTHY))
def test_no_stop_and_no_warning(name: str) -> None:
    make, said = HEALTHY[name]
    found = levels(*make(), **said)
    assert {code: level for code, level in found.items() if level != "note"} == {}


def test_random_states_are_as_before() -> None:
    import random

    train, validation = augmented_training()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[union-attr,index]
    levels(torch.utils.data.DataLoader(train, batch_size=8, shuffle=True), validation)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # type: ignore[union-attr,index]
    assert before[2] == random.getstate()


def test_the_same_seed_says_the_same() -> None:
    train, validation = cut(pictures(1500), 1200)
    assert levels(train, validation, seed=3) == levels(train, validation, seed=3)
