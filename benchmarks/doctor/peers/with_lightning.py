"""The faults in Lightning: a LightningModule and a Trainer, as its documentation writes them.

python with_lightning.py FAULT
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import tiny
import torch
import torchmetrics
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny import Outcome, done, judged, prevented
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

F = nn.functional


class Module(L.LightningModule):
    """Any network with any loss."""

    def __init__(self, network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], rate: float = 0.01) -> None:
        super().__init__()
        self.network, self.loss, self.rate = network, loss, rate

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

    def training_step(self, batch: Any, _index: int) -> Tensor:
        value = self.loss(self(batch[0]), batch[1])
        self.log("train_loss", value, prog_bar=True, on_epoch=True)
        return value

    def validation_step(self, batch: Any, _index: int) -> None:
        self.log("val_loss", self.loss(self(batch[0]), batch[1]), prog_bar=True)

    def predict_step(self, batch: Any, _index: int) -> Tensor:
        return self(batch[0])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), self.rate)


def trainer(epochs: int = 8, **options: Any) -> L.Trainer:
    """A trainer with the defaults, but for files and the progress bar."""
    defaults = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    return L.Trainer(max_epochs=epochs, **{**defaults, **options})


def train(module: L.LightningModule, loader: Any, held: Any = None, **options: Any) -> float:
    """Fit; gives the mean loss of the last epoch."""
    fit = trainer(**options)
    fit.fit(module, loader, held)
    return float(fit.callback_metrics.get("train_loss_epoch", fit.callback_metrics.get("train_loss", float("nan"))))


def batches(x: np.ndarray, y: np.ndarray, size: int = 24, shuffle: bool = True) -> DataLoader[Any]:
    """Batches of arrays."""
    return DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=size, shuffle=shuffle)


def dense(inputs: int, outputs: int, *end: nn.Module) -> nn.Sequential:
    """A small classifier or regressor."""
    return nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, outputs), *end)


# ---- loss, activation, labels


def double_softmax() -> Outcome:
    loss = train(Module(dense(8, 3, nn.Softmax(dim=1)), F.cross_entropy), batches(*tiny.blobs()))
    return done(f"loss {loss:.3f}; it can't fall below 0.551")


def logits_into_probability_loss() -> Outcome:
    x, y = tiny.yes_or_no()
    return done(f"loss {train(Module(dense(8, 1), F.binary_cross_entropy), batches(x, y[:, None])):.3f}")


def nll_on_probabilities() -> Outcome:
    return done(
        f"loss {train(Module(dense(8, 3, nn.Softmax(dim=1)), F.nll_loss), batches(*tiny.blobs())):.3f}, below zero"
    )


def log_twice() -> Outcome:
    module = Module(dense(8, 3, nn.LogSoftmax(dim=1)), lambda scores, y: F.nll_loss(torch.log(scores), y))
    return done(f"loss {train(module, batches(*tiny.blobs()))}")


def regression_broadcast() -> Outcome:
    x, y = tiny.numbers()
    loss = train(Module(network := dense(4, 1), F.mse_loss), batches(x, y))
    spread = network(torch.from_numpy(x)).std().item()
    return done(
        f"loss {loss:.2f} near Var(y) {y.var():.2f}; predictions spread by {spread:.2f}, targets by {y.std():.2f}"
    )


def bce_shape() -> Outcome:
    x, y = tiny.yes_or_no()
    return done(f"loss {train(Module(dense(8, 1), F.binary_cross_entropy_with_logits), batches(x, y)):.3f}")


class Counting(Module):
    """Measures with torchmetrics."""

    def __init__(self, *parts: Any, metric: torchmetrics.Metric) -> None:
        super().__init__(*parts)
        self.metric = metric

    def validation_step(self, batch: Any, _index: int) -> None:
        self.log("val_accuracy", self.metric(self(batch[0]), batch[1]), prog_bar=True)


def metric_wrong_variant() -> Outcome:
    x, y = tiny.blobs()
    data = batches(x, y[:, None])
    metric = torchmetrics.Accuracy(task="multiclass", num_classes=3)
    module = Counting(dense(8, 3), lambda scores, labels: F.cross_entropy(scores, labels[:, 0]), metric=metric)
    (fit := trainer()).fit(module, data, data)
    return done(f"accuracy {fit.callback_metrics['val_accuracy']:.2f}")


def class_ids_as_values() -> Outcome:
    module = Module(dense(8, 4), F.binary_cross_entropy_with_logits)
    return done(f"loss {train(module, batches(*tiny.label_sets()), epochs=15):.2f}")


def sum_reduction() -> Outcome:
    train(Descent(dense(8, 3), nn.CrossEntropyLoss(reduction="sum"), 0.1), batches(*tiny.blobs()))
    return done("the gradient grows with the batch size (by algebra, not measured)")


def amounts_as_classes() -> Outcome:
    module = Module(dense(4, 10), lambda scores, y: F.cross_entropy(scores, y.long()))
    return done(f"loss {train(module, batches(*tiny.amounts())):.2f}; 4.9 and 5.0 are as far apart as 0 and 9")


# ---- data


def tail_split() -> Outcome:
    x, y = tiny.in_order(*tiny.blobs(classes=4))
    cut = int(0.75 * len(x))
    network = dense(8, 4)
    train(Module(network, F.cross_entropy), batches(x[:cut], y[:cut]), batches(x[cut:], y[cut:], shuffle=False))
    accuracy = (network(torch.from_numpy(x[cut:])).argmax(1).numpy() == y[cut:]).mean()
    return judged(accuracy < 0.5, f"accuracy {accuracy:.2f} on the held-out quarter")


class Jittered(Dataset[tuple[Tensor, Tensor]]):
    """Adds a random number of torch's generator, which Lightning seeds in each worker."""

    def __init__(self, path: Path) -> None:
        self.x, self.y = tiny.blobs(48)
        self.path = path
        self.random: Any = None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        draw = self.draw()
        tiny.note(self.path, index, draw)
        return torch.from_numpy(self.x[index] + np.float32(0.1 * draw)), torch.tensor(self.y[index])

    def draw(self) -> float:
        """From the generator that is seeded for this worker."""
        return float(torch.randn(()))


class Own(Jittered):
    """The same with a generator of its own, which each worker copies as it was made."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.random = np.random.default_rng(0)

    def draw(self) -> float:
        return float(self.random.normal())


def same_augmentation() -> Outcome:
    L.seed_everything(0, workers=True)
    own, seeded = tiny.record(), tiny.record()
    for data in (Own(own), Jittered(seeded)):
        train(
            Module(dense(8, 3), F.cross_entropy), DataLoader(data, batch_size=8, shuffle=True, num_workers=2), epochs=3
        )
    first, second = tiny.repeated(own), tiny.repeated(seeded)
    return judged(first.kind == "done", f"own generator: {first.text}; seed_everything(workers=True): {second.text}")


def nan_hidden() -> Outcome:
    x, y = tiny.blobs()
    x[101, 3] = np.nan
    loss = train(Module(network := dense(8, 3), F.cross_entropy), batches(x, y), epochs=4)
    lost = sum(bool(p.isnan().any()) for p in network.parameters())
    return judged(lost > 0, f"logged loss {loss:.2f}; {lost} of 4 parameters are NaN")


def serving_differs() -> Outcome:
    x, y = tiny.brightness()
    module = Module(nn.Sequential(nn.Flatten(), dense(192, 4)), F.cross_entropy)
    train(module, batches(tiny.normalised(x), y))
    answers = torch.cat(trainer().predict(module, batches((x / 255).astype("float32"), y, shuffle=False)))
    return done(f"accuracy {(answers.argmax(1).numpy() == y).mean():.2f} where it is used, on samples of the training")


def large_stem() -> Outcome:
    x, y = tiny.pictures(48, size=32)
    stages: list[nn.Module] = [nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for _ in range(3):
        stages += [nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()]
    network = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    train(Module(network, F.cross_entropy), batches(x / 255, y), epochs=2)
    return done("the last stages see 2x2 and 1x1 values")


# ---- modes and steps


def with_dropout() -> nn.Sequential:
    """A classifier with dropout."""
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))


def eval_forgotten() -> Outcome:
    module, held = Module(with_dropout(), F.cross_entropy), batches(*tiny.blobs(seed=1), shuffle=False)
    train(module, batches(*tiny.blobs()), held)
    values = [trainer().validate(module, held, verbose=False)[0]["val_loss"] for _ in range(2)]
    return judged(values[0] != values[1], f"validate() switches by itself: loss {values[0]:.4f} and {values[1]:.4f}")


def eval_stays() -> Outcome:
    module, held = Module(with_dropout(), F.cross_entropy), batches(*tiny.blobs(seed=1), shuffle=False)
    module.eval()  # to look at the untrained model; and no module.train() after it
    train(module, batches(*tiny.blobs()), held)
    return judged(not module.network[2].training, "dropout is off for the whole training")


def frozen_norm_thawed() -> Outcome:
    body = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU())
    body.requires_grad_(False).eval()
    before = body[1].running_mean.clone()
    module = Module(nn.Sequential(body, nn.Linear(32, 3)), F.cross_entropy)
    train(module, batches(*tiny.blobs()), batches(*tiny.blobs(seed=1), shuffle=False))
    moved = (body[1].running_mean - before).abs().max().item()
    return judged(moved > 0, f"running means of the frozen layer moved by up to {moved:.2f}")


def tag_loss(scores: Tensor, tags: Tensor) -> Tensor:
    """Mean over the words that have a tag: scores [n, length, tags]."""
    return F.cross_entropy(scores.transpose(1, 2), tags, ignore_index=-100)


class Descent(Module):
    """By plain gradient descent, so that a step shows the gradient."""

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.rate)


def accumulation() -> Outcome:
    def after_one_update(parts: int) -> Tensor:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Embedding(20, 8, padding_idx=0), nn.Linear(8, 3))
        start = network[1].weight.detach().clone()
        data = batches(*tiny.tagged(), 16 // parts, shuffle=False)
        train(Descent(network, tag_loss, 0.1), data, epochs=1, accumulate_grad_batches=parts)
        return network[1].weight.detach() - start

    whole, parts = after_one_update(1), after_one_update(4)
    gap = ((parts - whole).norm() / whole.norm()).item()
    return judged(gap > 1e-3, f"the step differs by {gap:.0%} from that of the whole batch")


class Early(Module):
    """Makes its optimiser in the constructor, before the head is replaced."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.optimizer_made = torch.optim.Adam(self.network.parameters(), self.rate)

    def configure_optimizers(self) -> Any:
        return self.optimizer_made


def step_changes_nothing() -> Outcome:
    module = Early(dense(8, 3), F.cross_entropy)
    module.network = dense(8, 3)
    before = module.network[0].weight.detach().clone()
    loss = train(module, batches(*tiny.blobs()))
    return judged(bool((module.network[0].weight == before).all()), f"loss {loss:.3f}; no weight changed in 80 steps")


class Batchwise(Module):
    """Logs the value of each batch, as one does by habit; logging the metric object would be right."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.f1 = torchmetrics.F1Score(task="binary")

    def validation_step(self, batch: Any, _index: int) -> None:
        self.log("val_f1", self.f1(self(batch[0]).argmax(1), batch[1]).item(), prog_bar=True)


def batch_mean_metric() -> Outcome:
    x, y = tiny.rare()
    module = Batchwise(dense(8, 2), F.cross_entropy)
    (fit := trainer()).fit(module, batches(x, y, 16), batches(x, y, 16, shuffle=False))
    told = float(fit.callback_metrics["val_f1"])
    with torch.no_grad():
        right = tiny.f1(module(torch.from_numpy(x)).argmax(1).numpy(), y)
    return judged(abs(told - right) > 0.01, f"F1 {told:.2f} reported, {right:.2f} of all samples together")


# ---- files


class Noting(Module):
    """Writes down which samples pass, and is killed after some steps."""

    def __init__(self, after: int = -1) -> None:
        super().__init__(nn.Linear(1, 2), F.cross_entropy, 1e-4)
        self.seen: list[int] = []
        self.left = after

    def training_step(self, batch: Any, index: int) -> Tensor:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.seen += batch[0][:, 0].int().tolist()
        return super().training_step(batch, index)


def resume_order() -> Outcome:
    x, y = np.arange(48, dtype="float32")[:, None], np.zeros(48, "int64")

    def run(folder: str, after: int = -1, checkpoint: str | None = None) -> list[int]:
        L.seed_everything(0)
        saving = ModelCheckpoint(folder, every_n_train_steps=3, save_top_k=-1, filename="{step}")
        fit = trainer(2, enable_checkpointing=True, callbacks=[saving])
        module = Noting(after)
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            fit.fit(module, batches(x, y, 8), ckpt_path=checkpoint)
        return module.seen

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole, before = run(one), run(two, 3)
        return tiny.resumed(before, run(two, checkpoint=str(Path(two) / "step=3.ckpt")), whole, 48)


class Sloped(Module):
    """A network with an option that its weights do not show, and no save_hyperparameters()."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__(nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(slope), nn.Linear(32, 3)), F.cross_entropy)


def differs(first: Any, second: Any, x: np.ndarray) -> Outcome:
    """The largest difference of two models' answers."""
    with torch.no_grad():
        gap = (first(torch.from_numpy(x)) - second(torch.from_numpy(x))).abs().max().item()
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def saved(module: L.LightningModule, x: np.ndarray, y: np.ndarray) -> Path:
    """Train and write the trainer's checkpoint."""
    fit = trainer()
    fit.fit(module, batches(x, y))
    path = Path(tempfile.mkdtemp()) / "model.ckpt"
    fit.save_checkpoint(path)
    return path


def reloaded_differs() -> Outcome:
    x, y = tiny.blobs()
    module = Sloped(slope=0.5)
    loaded = Sloped.load_from_checkpoint(saved(module, x, y))
    return differs(module.eval(), loaded.eval(), x)


class Renamed(L.LightningModule):
    """The same layers under another name."""

    def __init__(self) -> None:
        super().__init__()
        self.body = dense(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def weights_not_loaded() -> Outcome:
    x, y = tiny.blobs()
    module = Module(dense(8, 3), F.cross_entropy)
    loaded = Renamed.load_from_checkpoint(saved(module, x, y), strict=False)
    return differs(module.eval(), loaded.eval(), x)


def export_in_training() -> Outcome:
    x, y = tiny.blobs()
    module = Module(with_dropout(), F.cross_entropy)
    train(module, batches(x, y))
    exported = module.to_torchscript(method="trace", example_inputs=torch.from_numpy(x))
    outcome = differs(exported, exported, x)
    return prevented("to_torchscript() switches by itself") if outcome.kind == "prevented" else outcome


if __name__ == "__main__":
    tiny.main(globals(), lambda: torch.manual_seed(0))
