"""The faults in skorch: a module in a NeuralNetClassifier or NeuralNetRegressor, fitted as in its documentation.

python with_skorch.py FAULT
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tiny
import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EpochScoring, Freezer
from skorch.dataset import ValidSplit
from tiny import Outcome, done, judged
from torch import Tensor, nn
from torch.utils.data import Dataset

F = nn.functional
ADAM = {"optimizer": torch.optim.Adam, "lr": 0.01, "batch_size": 24, "max_epochs": 8}


class Dense(nn.Module):
    """A small classifier or regressor, with something at its end."""

    def __init__(self, inputs: int = 8, outputs: int = 3, end: nn.Module | None = None, drop: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Dropout(drop), nn.Linear(32, outputs))
        self.end = end or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.layers(x))


def classifier(module: Any = Dense, **options: Any) -> NeuralNetClassifier:
    """A classifier of raw scores, with its default split."""
    return NeuralNetClassifier(module, **{**ADAM, "criterion": nn.CrossEntropyLoss, **options})


def last(net: NeuralNet, name: str = "train_loss") -> float:
    """The last value in the history."""
    return float(net.history[-1, name])


# ---- loss, activation, labels


def double_softmax() -> Outcome:
    net = classifier(module__end=nn.Softmax(dim=1)).fit(*tiny.blobs())
    return done(f"loss {last(net):.3f}; it can't fall below 0.551")


def logits_into_probability_loss() -> Outcome:
    net = NeuralNetBinaryClassifier(Dense, module__outputs=1, criterion=nn.BCELoss, **ADAM).fit(*tiny.yes_or_no())
    return done(f"loss {last(net):.3f}")


def nll_on_probabilities() -> Outcome:
    net = NeuralNetClassifier(Dense, module__end=nn.Softmax(dim=1), criterion=nn.NLLLoss, **ADAM).fit(*tiny.blobs())
    return judged(last(net) < 0, f"the classifier takes the logarithm itself: loss {last(net):.3f}")


def log_twice() -> Outcome:
    net = NeuralNetClassifier(Dense, module__end=nn.LogSoftmax(dim=1), criterion=nn.NLLLoss, **ADAM).fit(*tiny.blobs())
    return judged(bool(np.isnan(last(net))), f"loss {last(net)}")


def regression_broadcast() -> Outcome:
    x, y = tiny.numbers()
    net = NeuralNetRegressor(Dense, module__inputs=4, module__outputs=1, **ADAM).fit(x, y)
    spread = net.predict(x).std()
    return judged(
        spread < 0.5 * y.std(),
        f"loss {last(net):.2f} near Var(y) {y.var():.2f}; predictions spread by {spread:.2f}, targets by {y.std():.2f}",
    )


def bce_shape() -> Outcome:
    x, y = tiny.yes_or_no()
    net = NeuralNetBinaryClassifier(Dense, module__outputs=1, **ADAM).fit(x, y)
    right = float((net.predict(x) == y).mean())
    return judged(right < 0.9, f"the column is squeezed: loss {last(net):.3f}, accuracy {right:.2f}")


def metric_wrong_variant() -> Outcome:
    x, y = tiny.blobs()

    class Column(nn.CrossEntropyLoss):
        """Takes labels as a column."""

        def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
            return super().forward(scores, labels[:, 0])

    def accuracy(net: NeuralNet, data: Any, labels: Any) -> float:
        return float((net.predict(data) == labels).mean())

    scoring = EpochScoring(accuracy, name="accuracy", lower_is_better=False)
    net = NeuralNet(Dense, criterion=Column, callbacks=[scoring], train_split=ValidSplit(5), **ADAM)
    net.predict = lambda data: net.forward(data).argmax(1).numpy()
    net.fit(x, y[:, None])
    return judged(last(net, "accuracy") < 0.6, f"loss {last(net):.3f} and an accuracy of {last(net, 'accuracy'):.2f}")


def class_ids_as_values() -> Outcome:
    net = NeuralNet(Dense, module__outputs=4, criterion=nn.BCEWithLogitsLoss, **{**ADAM, "max_epochs": 15})
    return done(f"loss {last(net.fit(*tiny.label_sets())):.2f}")


def sum_reduction() -> Outcome:
    classifier(criterion__reduction="sum", optimizer=torch.optim.SGD, lr=0.1).fit(*tiny.blobs())
    return done("the gradient grows with the batch size (by algebra, not measured)")


def amounts_as_classes() -> Outcome:
    x, y = tiny.amounts()
    net = classifier(module__inputs=4, module__outputs=10).fit(x, y.astype("int64"))
    return done(f"loss {last(net):.2f}; 4.9 and 5.0 are as far apart as 0 and 9")


# ---- data


def tail_split() -> Outcome:
    net = classifier(module__outputs=4).fit(*tiny.in_order(*tiny.blobs(classes=4)))
    accuracy = last(net, "valid_acc")
    return judged(accuracy < 0.5, f"the default split is stratified: accuracy {accuracy:.2f} on what is held out")


class Jittered(Dataset[tuple[Tensor, Tensor]]):
    """Adds a random number of its own generator, which each worker copies as it was made."""

    def __init__(self, path: Path) -> None:
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
    net = classifier(
        iterator_train__num_workers=2, iterator_train__shuffle=True, train_split=None, max_epochs=3, batch_size=8
    )
    net.fit(Jittered(path := tiny.record()), y=None)
    return tiny.repeated(path)


def nan_hidden() -> Outcome:
    x, y = tiny.blobs()
    x[101, 3] = np.nan
    net = classifier(max_epochs=4).fit(x, y)
    lost = sum(bool(p.isnan().any()) for p in net.module_.parameters())
    return judged(lost > 0, f"logged loss {last(net):.2f}; {lost} of 4 parameters are NaN")


def serving_differs() -> Outcome:
    x, y = tiny.brightness()
    net = classifier(module__inputs=192).set_params(module__outputs=4)
    net.fit(tiny.normalised(x).reshape(96, -1), y)
    accuracy = (net.predict((x / 255).reshape(96, -1).astype("float32")) == y).mean()
    return done(f"accuracy {accuracy:.2f} where it is used, on samples of the training")


class Stem(nn.Module):
    """The first layers of an ImageNet network and three stages."""

    def __init__(self) -> None:
        super().__init__()
        stages: list[nn.Module] = [nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for _ in range(3):
            stages += [nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()]
        self.layers = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def large_stem() -> Outcome:
    x, y = tiny.pictures(48, size=32)
    classifier(Stem, max_epochs=2).fit(x / 255, y)
    return done("the last stages see 2x2 and 1x1 values")


# ---- modes and steps


def eval_forgotten() -> Outcome:
    x, y = tiny.blobs()
    net = classifier(module__drop=0.5).fit(x, y)
    values = [float(net.predict_proba(x).sum(0)[0]) for _ in range(2)]
    return judged(values[0] != values[1], "predict() and the validation switch by themselves: two answers agree")


def eval_stays() -> Outcome:
    net = classifier(module__drop=0.5).initialize()
    net.module_.eval()
    modes: list[bool] = []
    net.module_.layers[2].register_forward_hook(lambda module, _i, _o: modes.append(module.training))
    net.partial_fit(*tiny.blobs())
    return judged(not any(modes), f"fit() switches by itself: {sum(modes)} calls of {len(modes)} in training mode")


class Frozen(nn.Module):
    """A body with batch normalisation, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def frozen_norm_thawed() -> Outcome:
    net = classifier(Frozen, callbacks=[Freezer("body.*")]).initialize()
    net.module_.body.eval()
    before = net.module_.body[1].running_mean.clone()
    net.partial_fit(*tiny.blobs())
    moved = (net.module_.body[1].running_mean - before).abs().max().item()
    return judged(moved > 0, f"running means of the frozen layer moved by up to {moved:.2f}")


class Tagger(nn.Module):
    """A tag for each word; scores [n, tags, length], as torch's cross-entropy wants them."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(20, 8, padding_idx=0), nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.words(ids)).transpose(1, 2)


class Accumulating(NeuralNet):
    """The recipe of the documentation: the loss is divided, and a step is made after so many batches."""

    def __init__(self, *parts: Any, steps: int = 1, **options: Any) -> None:
        super().__init__(*parts, **options)
        self.steps = steps

    def get_loss(self, *parts: Any, **options: Any) -> Tensor:
        return super().get_loss(*parts, **options) / self.steps

    def train_step(self, batch: Any, **options: Any) -> Any:
        self.batches_ = getattr(self, "batches_", 0) + 1
        step = self.train_step_single(batch, **options)
        if self.batches_ % self.steps == 0:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return step


def accumulation() -> Outcome:
    def after_one_update(parts: int) -> Tensor:
        torch.manual_seed(0)
        net = Accumulating(Tagger, steps=parts, criterion=nn.CrossEntropyLoss, lr=0.1, max_epochs=1, train_split=None,
                           batch_size=16 // parts).initialize()  # fmt: skip
        start = net.module_.head.weight.detach().clone()
        net.partial_fit(*tiny.tagged())
        return net.module_.head.weight.detach() - start

    whole, parts = after_one_update(1), after_one_update(4)
    gap = ((parts - whole).norm() / whole.norm()).item()
    return judged(gap > 1e-3, f"the step differs by {gap:.0%} from that of the whole batch")


def step_changes_nothing() -> Outcome:
    net = classifier().initialize()
    net.module_.layers = Dense().layers
    before = net.module_.layers[0].weight.detach().clone()
    net.partial_fit(*tiny.blobs())
    return judged(
        bool((net.module_.layers[0].weight == before).all()), f"loss {last(net):.3f}; no weight changed in 64 steps"
    )


def batch_mean_metric() -> Outcome:
    x, y = tiny.rare()
    net = classifier(module__outputs=2, callbacks=[EpochScoring("f1", lower_is_better=False, name="f1")], batch_size=16)
    net.fit(x, y)
    held = net.get_split_datasets(x, y)[1]
    rows = np.asarray(held.indices)
    right = tiny.f1(net.predict(x[rows]), y[rows])
    told = last(net, "f1")
    return judged(
        abs(told - right) > 0.01,
        f"EpochScoring takes all samples together: F1 {told:.2f} reported, {right:.2f} by hand",
    )


# ---- files


def resume_order() -> Outcome:
    x, y = np.arange(48, dtype="float32")[:, None], np.zeros(48, "int64")

    class Noting(nn.Module):
        """Writes down which samples pass, and is interrupted once."""

        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(1, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            if len(seen) == stop[0]:
                stop[0] = -1
                raise KeyboardInterrupt
            seen.extend(inputs[:, 0].int().tolist())
            return self.head(inputs)

    def run(after: int) -> list[int]:
        torch.manual_seed(0)
        seen.clear()
        stop[0] = after
        net = classifier(Noting, lr=1e-4, batch_size=8, train_split=None, max_epochs=2, iterator_train__shuffle=True)
        net.fit(x, y)  # Ctrl-C ends it in silence, and partial_fit() goes on
        if after > 0:
            path = Path(tempfile.mkdtemp())
            names = {
                "f_params": path / "weights.pt",
                "f_optimizer": path / "optimizer.pt",
                "f_history": path / "history.json",
            }
            net.save_params(**names)
            again = classifier(
                Noting, lr=1e-4, batch_size=8, train_split=None, max_epochs=2, iterator_train__shuffle=True
            )
            again.initialize().load_params(**names)
            torch.manual_seed(0)
            again.partial_fit(x, y)
        return seen.copy()

    seen: list[int] = []
    stop = [-1]
    whole = run(-1)
    return tiny.resumed(run(24), [], whole, 48)


class Sloped(nn.Module):
    """A network with an option that its weights do not show."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(slope), nn.Linear(32, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def reloaded_differs() -> Outcome:
    x, y = tiny.blobs()
    net = classifier(Sloped, module__slope=0.5).fit(x, y)
    path = Path(tempfile.mkdtemp()) / "weights.pt"
    net.save_params(f_params=path)
    loaded = classifier(Sloped).initialize()
    loaded.load_params(f_params=path)
    gap = float(np.abs(net.forward(x).numpy() - loaded.forward(x).numpy()).max())
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def weights_not_loaded() -> Outcome:
    x, y = tiny.blobs()
    net = classifier().fit(x, y)
    path = Path(tempfile.mkdtemp()) / "weights.pt"
    torch.save({f"module.{name}": value for name, value in net.module_.state_dict().items()}, path)
    loaded = classifier().initialize()
    loaded.load_params(f_params=path)
    gap = float(np.abs(net.forward(x).numpy() - loaded.forward(x).numpy()).max())
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def export_in_training() -> Outcome:
    x, y = tiny.blobs()
    net = classifier(module__drop=0.5, train_split=None).fit(x, y)
    exported = torch.export.export(net.module_, (torch.from_numpy(x),)).module()
    with torch.no_grad():
        gap = (exported(torch.from_numpy(x)) - exported(torch.from_numpy(x))).abs().max().item()
    return judged(gap > 1e-6, f"no export of its own; two answers of the exported module_ differ by {gap:.3g}")


if __name__ == "__main__":
    tiny.main(globals(), lambda: torch.manual_seed(0))
