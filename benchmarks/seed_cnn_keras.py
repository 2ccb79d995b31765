"""The program of the first tutorial in Keras on Fashion-MNIST, for the test accuracy that the program itself can reach.

    PYTHON benchmarks/seed_cnn_keras.py [SEED ...]

Adam, batches of 32, at most 10 epochs, the last tenth of the training pictures for validation, stopping after 5 epochs
without a better validation loss. The weights are those of the epoch of the best validation accuracy, as in deepwell.
It needs Keras with a back end, and deepwell to find the pictures; the two may be of different environments, then
DEEPWELL_FASHION names a .npz file with x, y, test_x, test_y.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

import numpy as np


def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training pictures and classes, and those of the test."""
    if place := os.environ.get("DEEPWELL_FASHION"):
        with np.load(place) as file:
            return file["x"], file["y"], file["test_x"], file["test_y"]  # classes as whole numbers
    from deepwell.data.named import open_named

    source = open_named("fashion-mnist")
    parts, labels, x = np.asarray(source.parts), np.asarray(source.y), np.asarray(source.x)
    train, test = parts == "train", parts == "test"
    _names, codes = np.unique(labels, return_inverse=True)
    return x[train], codes[train], x[test], codes[test]


def accuracy(seed: int) -> tuple[float, list[float]]:
    """Of the test part, and of the validation part by epochs."""
    import keras

    keras.utils.set_random_seed(seed)
    x, y, test_x, test_y = pictures()
    scaled = [part.reshape(-1, 28, 28, 1).astype("float32") / 255 for part in (x, test_x)]
    layers: Any = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = keras.callbacks.ModelCheckpoint(
        os.path.join(tempfile.gettempdir(), f"seed_cnn_{os.getpid()}.weights.h5"),
        monitor="val_accuracy",
        save_best_only=True,
        save_weights_only=True,
    )
    history = model.fit(
        scaled[0], y, batch_size=32, epochs=10, validation_split=0.1, verbose=0,
        callbacks=[keras.callbacks.EarlyStopping(patience=5), best],
    )  # fmt: skip
    model.load_weights(best.filepath)
    os.unlink(best.filepath)
    return float(model.evaluate(scaled[1], test_y, verbose=0)[1]), history.history["val_accuracy"]


def main() -> None:
    found = []
    for seed in map(int, sys.argv[1:] or ["0", "1", "2"]):
        value, epochs = accuracy(seed)
        found.append(value)
        print(
            json.dumps({"seed": seed, "test": round(value, 4), "validation": [round(v, 4) for v in epochs]}), flush=True
        )
    print(json.dumps({"mean": round(float(np.mean(found)), 4), "seeds": len(found)}))


if __name__ == "__main__":
    main()
