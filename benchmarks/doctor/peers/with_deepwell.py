"""The faults in deepwell's own training: a Learner, ``check`` and ``fit``; what stops or prevents them there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tiny
import torch
from tiny import Outcome, absent, done, judged
from torch import Tensor, nn

import deepwell as dw
from deepwell.losses import cross_entropy

QUICK: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 24,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "progress": False,
    "augment": "none",
}


def learner(module: nn.Module | str, x: np.ndarray, y: Any, *, validation: Any = 0.25, **options: Any) -> dw.Learner:
    """What the README does: data, a model, and its remarks on the terminal."""
    return dw.Learner(dw.arrays(x, y, validation=validation), model=module, say=print, exact=True, **options)


def train(model: dw.Learner, **options: Any) -> float:
    """``check`` as its command does it, then ``fit``; gives the loss of the last epoch."""
    findings = model.check()
    for finding in findings:
        print(finding)
    if any(finding.level == "stop" for finding in findings):
        raise SystemExit(1)
    return model.fit(**{**QUICK, **options}).epochs[-1]["loss"]


def network(classes: int = 4, *end: nn.Module, size: int = 8) -> nn.Sequential:
    """A small classifier of pictures."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * size * size, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, classes), *end
    )


# ---- loss, activation, labels


def double_softmax() -> Outcome:
    return done(f"loss {train(learner(network(4, nn.Softmax(1)), *tiny.pictures())):.3f}")


def probabilities(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of one who thinks that the scores are probabilities: (sum, count)."""
    return nn.functional.binary_cross_entropy(
        scores, nn.functional.one_hot(labels, 4).float(), reduction="sum"
    ), labels.new_tensor(len(labels))


def logits_into_probability_loss() -> Outcome:
    return done(f"loss {train(learner(network(), *tiny.pictures(), loss=probabilities)):.3f}")


def negative_logarithm(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of one who thinks that the scores are log probabilities: (sum, count)."""
    return nn.functional.nll_loss(scores, labels, reduction="sum"), labels.new_tensor(len(labels))


def nll_on_probabilities() -> Outcome:
    return done(f"loss {train(learner(network(4, nn.Softmax(1)), *tiny.pictures(), loss=negative_logarithm)):.3f}")


def log_twice() -> Outcome:
    model = learner(
        network(4, nn.LogSoftmax(1)), *tiny.pictures(), loss=lambda scores, y: negative_logarithm(scores.log(), y)
    )
    return done(f"loss {train(model):.3f}")


def regression_broadcast() -> Outcome:
    return absent("there is no regression yet")


def bce_shape() -> Outcome:
    return absent("yes or no is two classes; there is no column to compare with")


def metric_wrong_variant() -> Outcome:
    x, y = tiny.pictures()
    model = learner(network(), x, y[:, None])
    train(model)
    accuracy = model.evaluate().to_json()["accuracy"]["value"]
    return judged(accuracy < 0.6, f"a column of labels is taken as labels: accuracy {accuracy:.2f}")


def class_ids_as_values() -> Outcome:
    return absent("label sets are lists of names, not columns of numbers")


def sum_reduction() -> Outcome:
    def summed(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        total, count = cross_entropy(scores, labels)
        return total, torch.ones_like(count)

    train(learner(network(), *tiny.pictures(), loss=summed), optimizer="sgd", learning_rate=0.1)
    return done("the gradient grows with the batch size (by algebra, not measured)")


def amounts_as_classes() -> Outcome:
    x, _ = tiny.pictures()
    return done(f"loss {train(learner(network(10), x, tiny.amounts(96)[1].astype('int64'))):.3f}")


# ---- data


def tail_split() -> Outcome:
    model = learner("cnn", *tiny.in_order(*tiny.pictures()))
    prepared = model.prepared()
    held = prepared.targets[torch.from_numpy(prepared.split.validation)].unique().numel()
    return judged(held < 4, f"the split is stratified: {held} of 4 classes are held out")


def same_augmentation() -> Outcome:
    class Jittered(torch.utils.data.Dataset[tuple[Tensor, int]]):
        """Adds a random number of its own generator, which each worker copies as it was made."""

        def __init__(self) -> None:
            self.x, self.y = tiny.pictures()
            self.random = np.random.default_rng(0)

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            draw = self.random.normal()
            tiny.note(path, index, draw)
            return torch.from_numpy(self.x[index] + np.float32(draw)), int(self.y[index])

    path = tiny.record()
    train(dw.Learner(dw.torch_dataset(Jittered(), workers=2, validation=0.25), model=network(), say=print, exact=True))
    return tiny.repeated(path)


def nan_hidden() -> Outcome:
    x, y = tiny.pictures()
    x[50, 0, 3, 3] = np.nan
    model = learner(network(), x / 255, y)
    loss = train(model)
    lost = sum(bool(p.isnan().any()) for p in model.network.parameters())
    return judged(lost > 0, f"loss {loss:.2f}; {lost} of 4 parameters are NaN")


def serving_differs() -> Outcome:
    x, y = tiny.brightness()
    model = learner("cnn", x.astype("uint8"), y)
    train(model, epochs=8)
    answers = np.array([int(answer["prediction"]) for answer in model.predict(x.astype("uint8"))])
    return judged(
        (answers == y).mean() < 0.8,
        f"preparation travels with the model: accuracy {(answers == y).mean():.2f} where it is used",
    )


def large_stem() -> Outcome:
    x, y = tiny.pictures(48, size=32)
    stages: list[nn.Module] = [nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for _ in range(3):
        stages += [nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()]
    train(learner(nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)), x, y))
    return done("the last stages see 2x2 and 1x1 values")


# ---- modes and steps


def eval_forgotten() -> Outcome:
    x, y = tiny.pictures()
    model = learner(network(), x, y)
    train(model)
    model.network.train()
    values = [model.evaluate().to_json() for _ in range(2)]
    return judged(values[0] != values[1], "evaluate() switches by itself: two evaluations are equal")


def eval_stays() -> Outcome:
    body, modes = network(), []
    body[3].register_forward_hook(lambda module, _i, _o: modes.append(module.training and torch.is_grad_enabled()))
    body.eval()
    train(learner(body, *tiny.pictures()))
    return judged(not any(modes), f"the step switches by itself: {sum(modes)} calls in training mode")


def frozen_norm_thawed() -> Outcome:
    body = nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.BatchNorm1d(32), nn.ReLU())
    body.requires_grad_(False).eval()
    before = body[2].running_mean.clone()
    train(learner(nn.Sequential(body, nn.Linear(32, 4)), *tiny.pictures()))
    moved = (body[2].running_mean.cpu() - before).abs().max().item()
    return judged(moved > 0, f"running means of the frozen layer moved by up to {moved:.2f}")


def accumulation() -> Outcome:
    ids, tags = tiny.tagged(64)
    words = [[f"w{i}" for i in row if i] for row in ids]
    names = [[f"t{t}" for t in row if t >= 0] for row in tags]

    def weights(parts: int) -> Tensor:
        model = dw.Learner(dw.words(words, names, validation=0.25), head="linear", dropout=0.0, exact=True)
        model.fit(**{**QUICK, "epochs": 1, "augment": None, "accumulate": parts, "optimizer": "sgd", "clip_norm": 1e6})
        return torch.cat([p.detach().flatten() for p in model.network.parameters()])

    whole, parts = weights(1), weights(4)
    gap = ((parts - whole).norm() / whole.norm()).item()
    return judged(gap > 1e-3, f"losses are sums with their counts: after an epoch the weights differ by {gap:.0e}")


def step_changes_nothing() -> Outcome:
    return absent("the optimiser is made by fit(), of the model that it trains")


def batch_mean_metric() -> Outcome:
    x, y = tiny.pictures()
    model = learner(network(), x, y)
    train(model, epochs=1)
    split = model.prepared().split.validation
    told = model.evaluate_part("validation").to_json()["accuracy"]["value"]
    answers = model.predict(x[split])
    right = float(np.mean([int(a["prediction"]) == label for a, label in zip(answers, y[split], strict=True)]))
    return judged(abs(told - right) > 1e-6, f"metrics are pooled: {told:.3f} reported, {right:.3f} by hand")


# ---- files


def resume_order() -> Outcome:
    x, y = tiny.pictures()

    def weights(*, killed: bool) -> Tensor:
        folder = Path(tempfile.mkdtemp()) / "run"
        options = {**QUICK, "epochs": 4, "batch_size": 8, "checkpoint_steps": 2, "checkpoint_seconds": 1e5}
        if killed:
            seen: list[int] = []

            def count(module: nn.Module, inputs: Any) -> None:
                if module.training and torch.is_grad_enabled():
                    seen.append(1)
                    if len(seen) == 40:
                        raise KeyboardInterrupt

            body = network()
            hook = body.register_forward_pre_hook(count)
            torch.manual_seed(0)
            try:
                learner(body, x, y).fit(out=folder, **options)
            except KeyboardInterrupt:
                print("killed")
            hook.remove()
        torch.manual_seed(0)
        model = learner(network(), x, y)
        model.fit(out=folder, resume=killed, **options)
        return torch.cat([p.detach().flatten() for p in model.network.parameters()])

    torch.manual_seed(0)
    whole = weights(killed=False)
    torch.manual_seed(0)
    again = weights(killed=True)
    return judged(
        not torch.equal(whole, again), f"weights of the resumed run are those of the other: {torch.equal(whole, again)}"
    )


class Sloped(nn.Module):
    """A network with an option that its weights do not show."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.LeakyReLU(slope), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def loaded_differs(module: nn.Module, other: nn.Module | None, rename: str = "") -> Outcome:
    """Save, load into ``other``, and compare the answers."""
    x, y = tiny.pictures()
    model = learner(module, x, y)
    train(model)
    path = Path(tempfile.mkdtemp()) / "model.safetensors"
    model.save(path)
    loaded = dw.load(path) if other is None else dw.load(path, model=other)
    first, second = model.saved().scores(x), loaded.scores(x)
    gap = float((first - second).abs().max())
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def reloaded_differs() -> Outcome:
    return loaded_differs(Sloped(slope=0.5), Sloped())


def weights_not_loaded() -> Outcome:
    return loaded_differs(network(), nn.Sequential(network()))


def export_in_training() -> Outcome:
    return absent("there is no export yet; the saved model answers in evaluation mode")


if __name__ == "__main__":
    tiny.main(globals(), lambda: torch.manual_seed(0))
