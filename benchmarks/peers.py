"""One peer's epoch on a program of ``step_speed.py`` or ``text_step_speed.py``: samples a second, best of three epochs.

PYTHON benchmarks/peers.py keras|keras-bf16|lightning PROGRAM
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

SHAPES = {
    "mnist-cnn": (28, 28, 1),
    "cifar-cnn-bn": (32, 32, 3),
    "tiny-mlp": (8, 8, 1),
    "resnet18": (32, 32, 3),
    "lstm": (100,),
}
COUNT = {"mnist-cnn": 6400, "cifar-cnn-bn": 3200, "tiny-mlp": 12800, "resnet18": 128, "lstm": 3200}


def keras(name: str, policy: str) -> float:
    import keras

    keras.mixed_precision.set_global_policy(policy)
    layers: Any = keras.layers
    shape = SHAPES[name]
    if name == "mnist-cnn":
        stack = [
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5),
        ]  # fmt: skip
    elif name == "cifar-cnn-bn":
        stack = []
        for filters in (32, 64, 128):
            stack += [layers.Conv2D(filters, 3), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()]
        stack.append(layers.GlobalAveragePooling2D())
    elif name == "tiny-mlp":
        stack = [layers.Flatten(), layers.Dense(64, activation="relu")]
    elif name == "lstm":
        stack = [layers.Embedding(10_000, 64), layers.LSTM(64)]
    else:
        raise SystemExit(f"{name} is not written in Keras here")
    model = keras.Sequential([keras.Input(shape), *stack, layers.Dense(10, dtype="float32")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.random.rand(COUNT[name], *shape).astype("float32"), np.random.randint(0, 10, COUNT[name])
    if name == "lstm":
        x = np.random.randint(3, 10_000, x.shape)
    best = 0.0
    for _ in range(3):
        begin = time.perf_counter()
        model.fit(x, y, batch_size=32, epochs=1, verbose=0)
        best = max(best, len(x) / (time.perf_counter() - begin))
    return best


def lightning(name: str) -> float:
    import lightning as pl
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    if name != "tiny-mlp":
        raise SystemExit("Lightning is measured on the tiny MLP, where the loop is what costs")

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
            self.rates: list[float] = []

        def training_step(self, batch: Any, _index: int) -> Any:
            loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

        def on_train_epoch_start(self) -> None:
            self.begin = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.rates.append(COUNT[name] / (time.perf_counter() - self.begin))

    x, y = torch.rand(COUNT[name], 1, 8, 8), torch.randint(0, 10, (COUNT[name],))
    module = Module()
    trainer = pl.Trainer(
        max_epochs=3, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        accelerator="cpu",
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True))
    return max(module.rates)


if __name__ == "__main__":
    kind, program = sys.argv[1:]
    rate = (
        lightning(program) if kind == "lightning" else keras(program, "mixed_bfloat16" if "bf16" in kind else "float32")
    )
    print(round(rate))
