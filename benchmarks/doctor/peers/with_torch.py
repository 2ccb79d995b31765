"""The faults in plain PyTorch, as a person writes a training loop. With DOCTOR=1 deepwell's doctor looks on.

python with_torch.py FAULT
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tiny
import torch
from tiny import Outcome, done, judged
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

DOCTOR = os.environ.get("DOCTOR") == "1"
F = nn.functional


# ---- the loop


class Alone:
    """Stands for the watch where there is none."""

    def step(self, loss: Tensor, **_sample: Tensor) -> None:
        """Nothing looks on."""

    def epoch(self, **_values: float) -> None:
        """Nothing looks on."""


def preflight(model: nn.Module, loss: Callable[..., Tensor], loader: Any, **known: Any) -> None:
    """What the documentation of the doctor asks for before a training: print, and end where it says stop."""
    if DOCTOR:
        from deepwell import doctor

        found = doctor.examine(model, loss, next(iter(loader)), train_data=loader, **known)
        for finding in found:
            print(finding, file=sys.stderr)
        if any(finding.level == "stop" for finding in found):
            raise SystemExit(1)


@contextlib.contextmanager
def watching(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[Any]:
    """The doctor's watch, or nobody."""
    if not DOCTOR:
        yield Alone()
        return
    from deepwell import doctor

    with doctor.watch(model, optimizer) as watch:
        yield watch


def train(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    loader: Any,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    epochs: int = 8,
    validation: Any = None,
    measure: Callable[[], dict[str, float]] | None = None,
) -> float:
    """The loop of every tutorial; gives the mean loss of the last epoch."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 0.01)
    preflight(model, loss, loader, optimizer=optimizer, val_data=validation)
    mean = 0.0
    with watching(model, optimizer) as watch:
        for _ in range(epochs):
            losses = []
            for x, y in loader:
                optimizer.zero_grad()
                value = loss(model(x), y)
                value.backward()
                optimizer.step()
                watch.step(value, x=x, y=y)
                losses.append(value.item())
            mean = sum(losses) / len(losses)
            watch.epoch(loss=mean, **(measure() if measure else {}))
            print(f"loss {mean:.4f}")
    return mean


def batches(x: np.ndarray, y: np.ndarray, size: int = 24) -> DataLoader[Any]:
    """Shuffled batches of arrays."""
    return DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=size, shuffle=True)


def dense(inputs: int, outputs: int, *end: nn.Module) -> nn.Sequential:
    """A small classifier or regressor."""
    return nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, outputs), *end)


# ---- loss, activation, labels


def double_softmax() -> Outcome:
    loss = train(dense(8, 3, nn.Softmax(dim=1)), nn.CrossEntropyLoss(), batches(*tiny.blobs()))
    return done(f"loss {loss:.3f}; it can't fall below 0.551")


def logits_into_probability_loss() -> Outcome:
    x, y = tiny.yes_or_no()
    return done(f"loss {train(dense(8, 1), nn.BCELoss(), batches(x, y[:, None])):.3f}")


def nll_on_probabilities() -> Outcome:
    loss = train(dense(8, 3, nn.Softmax(dim=1)), nn.NLLLoss(), batches(*tiny.blobs()))
    return done(f"loss {loss:.3f}, below zero")


def log_twice() -> Outcome:
    model = dense(8, 3, nn.LogSoftmax(dim=1))
    return done(f"loss {train(model, lambda scores, y: F.nll_loss(torch.log(scores), y), batches(*tiny.blobs()))}")


def regression_broadcast() -> Outcome:
    x, y = tiny.numbers()
    loss = train(model := dense(4, 1), nn.MSELoss(), batches(x, y))
    spread = model(torch.from_numpy(x)).std().item()
    return done(
        f"loss {loss:.2f} near Var(y) {y.var():.2f}; predictions spread by {spread:.2f}, targets by {y.std():.2f}"
    )


def bce_shape() -> Outcome:
    x, y = tiny.yes_or_no()
    return done(f"loss {train(dense(8, 1), nn.BCEWithLogitsLoss(), batches(x, y)):.3f}")


def metric_wrong_variant() -> Outcome:
    x, y = tiny.blobs()
    model, inputs, column = dense(8, 3), torch.from_numpy(x), torch.from_numpy(y[:, None])

    def accuracy() -> dict[str, float]:
        with torch.no_grad():  # [n] against [n, 1] compares every answer with every label
            return {"accuracy": (model(inputs).argmax(1) == column).float().mean().item()}

    loss = train(
        model, lambda scores, labels: F.cross_entropy(scores, labels[:, 0]), batches(x, y[:, None]), measure=accuracy
    )
    return done(f"loss {loss:.3f} and an accuracy of {accuracy()['accuracy']:.2f}")


def class_ids_as_values() -> Outcome:
    return done(f"loss {train(dense(8, 4), nn.BCEWithLogitsLoss(), batches(*tiny.label_sets()), epochs=15):.2f}")


def sum_reduction() -> Outcome:
    model = dense(8, 3)
    train(
        model,
        nn.CrossEntropyLoss(reduction="sum"),
        batches(*tiny.blobs()),
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
    )
    return done("the gradient grows with the batch size (by algebra, not measured)")


def amounts_as_classes() -> Outcome:
    loss = train(dense(4, 10), lambda scores, y: F.cross_entropy(scores, y.long()), batches(*tiny.amounts()))
    return done(f"loss {loss:.2f}; 4.9 and 5.0 are as far apart as 0 and 9")


# ---- data


def tail_split() -> Outcome:
    x, y = tiny.in_order(*tiny.blobs(classes=4))
    cut = int(0.75 * len(x))
    held = TensorDataset(torch.from_numpy(x[cut:]), torch.from_numpy(y[cut:]))
    train(model := dense(8, 4), nn.CrossEntropyLoss(), batches(x[:cut], y[:cut]), validation=held)
    accuracy = (model(held.tensors[0]).argmax(1) == held.tensors[1]).float().mean().item()
    return done(f"accuracy {accuracy:.2f} on the held-out quarter")


class Jittered(Dataset[tuple[Tensor, Tensor]]):
    """Adds a random number of its own generator, which each worker copies as it was made."""

    def __init__(self, path: Any) -> None:
        self.x, self.y = tiny.blobs(48)
        self.random = np.random.default_rng(0)
        self.path = path

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        draw = self.random.normal()
        tiny.note(self.path, index, draw)
        return torch.from_numpy(self.x[index] + np.float32(0.1 * draw)), torch.tensor(self.y[index])


def same_augmentation() -> Outcome:
    loader = DataLoader(Jittered(path := tiny.record()), batch_size=8, shuffle=True, num_workers=2)
    train(dense(8, 3), nn.CrossEntropyLoss(), loader, epochs=3)
    return tiny.repeated(path)


def nan_hidden() -> Outcome:
    x, y = tiny.blobs()
    x[101, 3] = np.nan
    model = dense(8, 3)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    loader = batches(x, y)
    preflight(model, nn.CrossEntropyLoss(), loader, optimizer=optimizer)
    losses: list[float] = []
    with watching(model, optimizer) as watch:
        for _ in range(4):
            for inputs, labels in loader:
                optimizer.zero_grad()
                value = F.cross_entropy(model(inputs), labels)
                value.backward()
                optimizer.step()
                watch.step(value, x=inputs, y=labels)
                losses.append(value.item())
            print(f"loss {np.nanmean(losses):.4f}")  # a log that leaves out what is not finite
    lost = sum(bool(p.isnan().any()) for p in model.parameters())
    return done(f"logged loss {np.nanmean(losses):.2f}; {lost} of 4 parameters are NaN")


def serving_differs() -> Outcome:
    x, y = tiny.brightness()
    model = nn.Sequential(nn.Flatten(), dense(192, 4))
    train(model, nn.CrossEntropyLoss(), batches(tiny.normalised(x), y))
    with torch.no_grad():
        accuracy = (model(torch.from_numpy(x / 255)).argmax(1).numpy() == y).mean()
    return done(f"accuracy {accuracy:.2f} where it is used, on samples of the training")


def large_stem() -> Outcome:
    x, y = tiny.pictures(48, size=32)
    stages: list[nn.Module] = [nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for _ in range(3):
        stages += [nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()]
    train(
        nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
        nn.CrossEntropyLoss(),
        batches(x / 255, y),
        epochs=2,
    )
    return done("the last stages see 2x2 and 1x1 values")


# ---- modes and steps


def scored(model: nn.Module, held: TensorDataset) -> dict[str, float]:
    """Loss and accuracy of held-out samples, in the mode in which the model is."""
    with torch.no_grad():
        scores = model(held.tensors[0])
    y = held.tensors[1]
    return {
        "val_loss": F.cross_entropy(scores, y).item(),
        "val_accuracy": (scores.argmax(1) == y).float().mean().item(),
    }


def held_out() -> TensorDataset:
    """New samples of the same clouds."""
    x, y = tiny.blobs(seed=1)
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(y))


def eval_forgotten() -> Outcome:
    model, held = dense(8, 3), held_out()
    model.insert(2, nn.Dropout(0.5))
    train(model, nn.CrossEntropyLoss(), batches(*tiny.blobs()), validation=held, measure=lambda: scored(model, held))
    values = [scored(model, held)["val_loss"] for _ in range(2)]
    return judged(values[0] != values[1], f"two evaluations of one model: loss {values[0]:.4f} and {values[1]:.4f}")


def eval_stays() -> Outcome:
    model, held = dense(8, 3), held_out()
    model.insert(2, nn.Dropout(0.5))

    def validate() -> dict[str, float]:
        model.eval()  # and no model.train() after it
        return scored(model, held)

    train(model, nn.CrossEntropyLoss(), batches(*tiny.blobs()), validation=held, measure=validate)
    return judged(not model.training, "dropout is off from the second epoch on")


def frozen_norm_thawed() -> Outcome:
    body = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU())
    body.requires_grad_(False).eval()
    model, held = nn.Sequential(body, nn.Linear(32, 3)), held_out()
    before = body[1].running_mean.clone()

    def validate() -> dict[str, float]:
        model.eval()
        values = scored(model, held)
        model.train()  # the frozen layers too
        return values

    train(model, nn.CrossEntropyLoss(), batches(*tiny.blobs()), validation=held, measure=validate)
    moved = (body[1].running_mean - before).abs().max().item()
    return judged(moved > 0, f"running means of the frozen layer moved by up to {moved:.2f}")


def tag_loss(scores: Tensor, tags: Tensor) -> Tensor:
    """Mean over the words that have a tag: scores [n, length, tags]."""
    return F.cross_entropy(scores.transpose(1, 2), tags, ignore_index=-100)


def accumulation() -> Outcome:
    ids, tags = (torch.from_numpy(a) for a in tiny.tagged())
    model = nn.Sequential(nn.Embedding(20, 8, padding_idx=0), nn.Linear(8, 3))
    whole = torch.autograd.grad(tag_loss(model(ids), tags), model[1].weight)[0]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    parts = DataLoader(TensorDataset(ids, tags), batch_size=4)
    preflight(model, tag_loss, parts, optimizer=optimizer)
    gap = 0.0
    with watching(model, optimizer) as watch:
        for epoch in range(4):
            total = torch.zeros(())
            for x, y in parts:
                value = tag_loss(model(x), y) / 4
                value.backward()
                total += value.detach()
            if epoch == 0:
                gap = ((model[1].weight.grad - whole).norm() / whole.norm()).item()
            optimizer.step()
            optimizer.zero_grad()
            watch.step(total)
    return judged(gap > 1e-3, f"the gradient differs by {gap:.0%} from that of the whole batch")


def step_changes_nothing() -> Outcome:
    model = dense(8, 3)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model[2] = nn.Linear(32, 3)
    model[0] = nn.Linear(8, 32)
    before = model[0].weight.detach().clone()
    loss = train(model, nn.CrossEntropyLoss(), batches(*tiny.blobs()), optimizer=optimizer)
    return judged(bool((model[0].weight == before).all()), f"loss {loss:.3f}; no weight changed in 80 steps")


def batch_mean_metric() -> Outcome:
    x, y = tiny.rare()
    model, loader = dense(8, 2), batches(x, y, 16)

    def measure() -> dict[str, float]:
        with torch.no_grad():
            return {"val_f1": float(np.mean([tiny.f1(model(a).argmax(1).numpy(), b.numpy()) for a, b in loader]))}

    train(model, nn.CrossEntropyLoss(), loader, measure=measure)
    right = tiny.f1(model(torch.from_numpy(x)).argmax(1).numpy(), y)
    wrong = measure()["val_f1"]
    return judged(abs(right - wrong) > 0.01, f"F1 {wrong:.2f} reported, {right:.2f} of all samples together")


# ---- files


def resume_order() -> Outcome:
    x, y = np.arange(48, dtype="float32")[:, None] / 24 - 1, np.arange(48) % 2

    def run(steps: int, state: dict[str, Any] | None = None) -> tuple[list[int], dict[str, Any]]:
        torch.manual_seed(0)
        model, seen = nn.Linear(1, 2), []
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        if state:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        loader = batches(x, y, 8)
        preflight(model, nn.CrossEntropyLoss(), loader, optimizer=optimizer)
        with watching(model, optimizer) as watch:
            while len(seen) < 8 * steps:
                for inputs, labels in loader:
                    optimizer.zero_grad()
                    value = F.cross_entropy(model(inputs), labels)
                    value.backward()
                    optimizer.step()
                    watch.step(value, x=inputs, y=labels)
                    seen += ((inputs[:, 0] + 1) * 24).round().int().tolist()
                    if len(seen) >= 8 * steps:
                        break
        return seen, {"model": model.state_dict(), "optimizer": optimizer.state_dict()}

    before, checkpoint = run(3)  # killed in the middle of an epoch of 6 steps
    return tiny.resumed(before, run(9, checkpoint)[0], run(12)[0], 48)


class Sloped(nn.Module):
    """A network with an option that its weights do not show."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(slope), nn.Linear(32, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def differs(first: Any, second: Any, x: np.ndarray) -> Outcome:
    """The largest difference of two models' answers."""
    with torch.no_grad():
        gap = (first(torch.from_numpy(x)) - second(torch.from_numpy(x))).abs().max().item()
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def reloaded_differs() -> Outcome:
    x, y = tiny.blobs()
    model = Sloped(slope=0.5)
    train(model, nn.CrossEntropyLoss(), batches(x, y))
    loaded = Sloped()
    loaded.load_state_dict(model.state_dict())
    preflight(loaded, nn.CrossEntropyLoss(), batches(x, y))
    return differs(model.eval(), loaded.eval(), x)


def weights_not_loaded() -> Outcome:
    x, y = tiny.blobs()
    train(model := dense(8, 3), nn.CrossEntropyLoss(), batches(x, y))
    saved = {f"module.{name}": value for name, value in model.state_dict().items()}  # as DataParallel names them
    loaded = dense(8, 3)
    loaded.load_state_dict(saved, strict=False)
    preflight(loaded, nn.CrossEntropyLoss(), batches(x, y))
    return differs(model.eval(), loaded.eval(), x)


def export_in_training() -> Outcome:
    x, y = tiny.blobs()
    model = nn.Sequential(*dense(8, 3)[:2], nn.Dropout(0.5), nn.Linear(32, 3))
    train(model, nn.CrossEntropyLoss(), batches(x, y))
    exported = torch.export.export(model, (torch.from_numpy(x),)).module()
    return differs(exported, exported, x)


if __name__ == "__main__":
    tiny.main(globals(), lambda: torch.manual_seed(0))
