"""The faults in Keras 3, by ``compile`` and ``fit``; KERAS_BACKEND chooses the backend.

python with_keras.py FAULT
"""

# ruff: noqa: E501 - a program a paragraph, read beside the same one of another tool
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tiny
from tiny import Outcome, absent, done, judged, prevented

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
import contextlib

import keras
from keras import layers, losses


def dense(inputs: int, outputs: int, activation: str | None = None) -> Any:
    """A small classifier or regressor."""
    return keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(32, activation="relu"), layers.Dense(outputs, activation=activation)]
    )


def train(
    model: Any,
    loss: Any,
    x: Any,
    y: Any = None,
    *,
    epochs: int = 8,
    optimizer: Any = None,
    metrics: Any = (),
    **options: Any,
) -> Any:
    """Compile and fit; gives the history."""
    model.compile(optimizer=optimizer or keras.optimizers.Adam(0.01), loss=loss, metrics=list(metrics))
    return model.fit(x, y, epochs=epochs, batch_size=None if y is None else 24, verbose=2, **options).history


# ---- loss, activation, labels


def double_softmax() -> Outcome:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    history = train(dense(8, 3, "softmax"), loss, *tiny.blobs())
    value = history["loss"][-1]
    return judged(value > 0.5, f"loss {value:.3f}; it can't fall below 0.551 where softmax is taken twice")


def logits_into_probability_loss() -> Outcome:
    x, y = tiny.yes_or_no()
    history = train(dense(8, 1), "binary_crossentropy", x, y[:, None])
    return done(f"loss {history['loss'][-1]:.3f} of clipped scores")


def nll_on_probabilities() -> Outcome:
    return absent("there is no loss of log probabilities")


def log_twice() -> Outcome:
    history = train(dense(8, 3, "log_softmax"), "sparse_categorical_crossentropy", *tiny.blobs())
    return done(f"loss {history['loss'][0]:.2f}, then {history['loss'][-1]:.2f}")


def regression_broadcast() -> Outcome:
    x, y = tiny.numbers()
    history = train(model := dense(4, 1), "mse", x, y, epochs=30)
    spread = float(np.std(model.predict(x, verbose=0)))
    return judged(
        spread < 0.5 * y.std(),
        f"loss {history['loss'][-1]:.2f}; predictions spread by {spread:.2f}, targets by {y.std():.2f}",
    )


def bce_shape() -> Outcome:
    x, y = tiny.yes_or_no()
    history = train(model := dense(8, 1, "sigmoid"), "binary_crossentropy", x, y, metrics=["binary_accuracy"])
    right = float(((model.predict(x, verbose=0)[:, 0] > 0.5) == y).mean())
    told = model.evaluate(x, y, verbose=0)[1]
    return judged(
        abs(told - right) > 1e-3, f"loss {history['loss'][-1]:.3f}, accuracy {told:.3f} told and {right:.3f} by hand"
    )


def metric_wrong_variant() -> Outcome:
    x, y = tiny.blobs()

    def generator() -> Any:
        while True:
            for start in range(0, 240, 24):
                yield x[start : start + 24], y[start : start + 24, None]

    history = train(dense(8, 3, "softmax"), "sparse_categorical_crossentropy", generator(), steps_per_epoch=10,
                    metrics=[keras.metrics.CategoricalAccuracy()])  # fmt: skip
    accuracy = history["categorical_accuracy"][-1]
    return judged(accuracy < 0.6, f"loss {history['loss'][-1]:.3f} and an accuracy of {accuracy:.2f}")


def class_ids_as_values() -> Outcome:
    history = train(dense(8, 4, "sigmoid"), "binary_crossentropy", *tiny.label_sets(), epochs=15)
    return done(f"loss {history['loss'][-1]:.2f}")


def sum_reduction() -> Outcome:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    train(dense(8, 3), loss, *tiny.blobs(), optimizer=keras.optimizers.SGD(0.1))
    return done("the gradient grows with the batch size (by algebra, not measured)")


def amounts_as_classes() -> Outcome:
    history = train(dense(4, 10, "softmax"), "sparse_categorical_crossentropy", *tiny.amounts())
    return done(f"loss {history['loss'][-1]:.2f}; the amounts were cut to whole numbers")


# ---- data


def tail_split() -> Outcome:
    x, y = tiny.in_order(*tiny.blobs(classes=4))
    history = train(
        dense(8, 4, "softmax"), "sparse_categorical_crossentropy", x, y, validation_split=0.25, metrics=["accuracy"]
    )
    accuracy = history["val_accuracy"][-1]
    return judged(accuracy < 0.5, f"accuracy {accuracy:.2f} on the held-out quarter")


class Jittered(keras.utils.PyDataset):
    """Adds a random number of its own generator, which each worker copies as it was made."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(**options)
        self.x, self.y = tiny.blobs(48)
        self.random = np.random.default_rng(0)
        self.path = path

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        draws = self.random.normal(size=8)
        rows = np.arange(8 * index, 8 * index + 8)
        for row, draw in zip(rows, draws, strict=True):
            tiny.note(self.path, row, draw)
        return (self.x[rows] + 0.1 * draws[:, None]).astype("float32"), self.y[rows]


def same_augmentation() -> Outcome:
    data = Jittered(path := tiny.record(), workers=2, use_multiprocessing=True)
    train(dense(8, 3, "softmax"), "sparse_categorical_crossentropy", data, epochs=3)
    return tiny.repeated(path)


def nan_hidden() -> Outcome:
    x, y = tiny.blobs()
    x[101, 3] = np.nan
    history = train(model := dense(8, 3, "softmax"), "sparse_categorical_crossentropy", x, y, epochs=4)
    lost = sum(bool(np.isnan(w).any()) for w in model.get_weights())
    return judged(lost > 0, f"logged loss {history['loss'][-1]:.2f}; {lost} of 4 parameters are NaN")


def serving_differs() -> Outcome:
    x, y = tiny.brightness()
    model = keras.Sequential(
        [
            keras.Input((3, 8, 8)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    train(model, "sparse_categorical_crossentropy", tiny.normalised(x), y)
    accuracy = (model.predict(x / 255, verbose=0).argmax(1) == y).mean()
    return done(f"accuracy {accuracy:.2f} where it is used, on samples of the training")


def large_stem() -> Outcome:
    x, y = tiny.pictures(48, size=32)
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(8, 7, 2, padding="same"), layers.BatchNormalization(),
                              layers.ReLU(), layers.MaxPooling2D(3, 2, padding="same")])  # fmt: skip
    for _ in range(3):
        model.add(layers.Conv2D(8, 3, 2, padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(4, activation="softmax"))
    train(model, "sparse_categorical_crossentropy", x.transpose(0, 2, 3, 1) / 255, y, epochs=2)
    return done("the last stages see 2x2 and 1x1 values")


# ---- modes and steps


def with_dropout() -> Any:
    """A classifier with dropout."""
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )


def eval_forgotten() -> Outcome:
    x, y = tiny.blobs()
    train(model := with_dropout(), "sparse_categorical_crossentropy", x, y, validation_data=tiny.blobs(seed=1))
    values = [model.evaluate(x, y, verbose=0) for _ in range(2)]
    return judged(values[0] != values[1], f"evaluate() switches by itself: loss {values[0]:.4f} and {values[1]:.4f}")


def eval_stays() -> Outcome:
    return prevented("fit() tells each layer the mode at each call; there is no mode to leave behind")


def frozen_norm_thawed() -> Outcome:
    body = keras.Sequential([keras.Input((8,)), layers.Dense(32), layers.BatchNormalization(), layers.ReLU()])
    body.trainable = False
    before = np.array(body.layers[1].moving_mean)
    model = keras.Sequential([keras.Input((8,)), body, layers.Dense(3, activation="softmax")])
    train(model, "sparse_categorical_crossentropy", *tiny.blobs(), validation_data=tiny.blobs(seed=1))
    moved = float(np.abs(np.array(body.layers[1].moving_mean) - before).max())
    return judged(moved > 0, f"running means of the frozen layer moved by {moved:.2f}")


def accumulation() -> Outcome:
    ids, tags = tiny.tagged()

    def after_one_update(parts: int) -> Any:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((12,), dtype="int32"), layers.Embedding(20, 8), layers.Dense(3)])
        start = model.get_weights()[-2].copy()
        optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=parts if parts > 1 else None)
        model.compile(optimizer, losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-100))
        model.fit(ids, tags, batch_size=16 // parts, epochs=1, shuffle=False, verbose=2)
        return model.get_weights()[-2] - start

    whole, parts = after_one_update(1), after_one_update(4)
    gap = np.linalg.norm(parts - whole) / np.linalg.norm(whole)
    return judged(gap > 1e-3, f"the step differs by {gap:.0%} from that of the whole batch")


def step_changes_nothing() -> Outcome:
    optimizer = keras.optimizers.Adam(0.01)
    old = dense(8, 3, "softmax")
    optimizer.build(old.trainable_variables)
    model = dense(8, 3, "softmax")
    before = model.get_weights()[0].copy()
    history = train(model, "sparse_categorical_crossentropy", *tiny.blobs(), optimizer=optimizer)
    same = bool((model.get_weights()[0] == before).all())
    return judged(same, f"loss {history['loss'][-1]:.3f}; weights unchanged: {same}")


def batch_mean_metric() -> Outcome:
    x, y = tiny.rare()

    def f1(labels: Any, scores: Any) -> Any:
        labels = keras.ops.cast(labels, "float32")
        chosen = keras.ops.cast(scores > 0.5, "float32")
        both = keras.ops.sum(labels * chosen)
        return 2 * both / keras.ops.maximum(keras.ops.sum(labels) + keras.ops.sum(chosen), 1.0)

    train(model := dense(8, 1, "sigmoid"), "binary_crossentropy", x, y[:, None], metrics=[f1])
    told = model.evaluate(x, y[:, None], batch_size=16, verbose=0)[1]
    right = tiny.f1((model.predict(x, verbose=0)[:, 0] > 0.5).astype(int), y)
    return judged(abs(told - right) > 0.01, f"F1 {told:.2f} reported, {right:.2f} of all samples together")


# ---- files

SEEN: list[int] = []


class Noting(layers.Layer):
    """Writes down which samples pass."""

    def call(self, x: Any) -> Any:
        SEEN.extend(int(i) for i in keras.ops.convert_to_numpy(x)[:, 0])
        return x

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, x.dtype)


class Killed(keras.callbacks.Callback):
    """Ends the process's work in the middle of an epoch."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def resume_order() -> Outcome:
    x, y = np.arange(48, dtype="float32")[:, None], np.zeros(48, "int64")

    def run(folder: str, after: int | None = None) -> list[int]:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((1,)), Noting(), layers.Dense(2)])
        model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
        callbacks: list[Any] = [keras.callbacks.BackupAndRestore(folder, save_freq=3)]
        SEEN.clear()
        with contextlib.suppress(KeyboardInterrupt):
            model.fit(x, y, batch_size=8, epochs=2, verbose=2, callbacks=callbacks + ([Killed(after)] if after else []))
        return SEEN.copy()

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole = run(one)
        return tiny.resumed(run(two, 3), run(two), whole, 48)


def reloaded_differs() -> Outcome:
    x, y = tiny.blobs()
    inputs = keras.Input((8,))
    branches = [layers.Lambda(lambda t: t * scale)(inputs) for scale in (1.0, 3.0)]  # noqa: B023 - this is the fault
    model = keras.Model(inputs, layers.Dense(3)(layers.Concatenate()(branches)))
    train(model, losses.SparseCategoricalCrossentropy(from_logits=True), x, y)
    path = Path(tempfile.mkdtemp()) / "model.keras"
    before = model.predict(x, verbose=0)
    model.save(path)
    loaded = keras.saving.load_model(path, safe_mode=False)
    gap = float(np.abs(loaded.predict(x, verbose=0) - before).max())
    return judged(
        gap > 1e-4, f"answers differ by {gap:.3g}; the saved and the loaded model both use the last value of the loop"
    )


def weights_not_loaded() -> Outcome:
    x, y = tiny.blobs()
    train(model := dense(8, 3), losses.SparseCategoricalCrossentropy(from_logits=True), x, y)
    path = Path(tempfile.mkdtemp()) / "model.weights.h5"
    model.save_weights(path)
    loaded = keras.Sequential([keras.Input((8,)), layers.Dense(64, activation="relu"), layers.Dense(3)])
    loaded.load_weights(path, skip_mismatch=True)
    gap = float(np.abs(model.predict(x, verbose=0) - loaded.predict(x, verbose=0)).max())
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def export_in_training() -> Outcome:
    x, y = tiny.blobs()
    train(model := with_dropout(), "sparse_categorical_crossentropy", x, y)
    if keras.backend.backend() != "tensorflow":
        return absent("export() of this backend needs TensorFlow or ONNX, which are not in this environment")
    import tensorflow as tf

    folder = tempfile.mkdtemp()
    model.export(folder, verbose=False)
    served = tf.saved_model.load(folder)
    gap = float(np.abs(served.serve(x).numpy() - served.serve(x).numpy()).max())
    return judged(gap > 1e-6, f"two answers of the exported model differ by {gap:.3g}")


if __name__ == "__main__":
    tiny.main(globals(), lambda: keras.utils.set_random_seed(0))
