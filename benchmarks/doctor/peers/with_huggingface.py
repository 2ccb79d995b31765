"""The faults with the Trainer of Hugging Face: a module that gives a loss, or a small model of transformers itself.

python with_huggingface.py FAULT
"""

# ruff: noqa: E501 - a program a paragraph, read beside the same one of another tool
from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import tiny
import torch
from tiny import Outcome, done, judged
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    ResNetConfig,
    ResNetForImageClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

F = nn.functional
BERT = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


class WithLoss(nn.Module):
    """A network that gives its loss where it has labels, as the Trainer expects of a custom model."""

    def __init__(self, network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        scores = self.network(x)
        return {"logits": scores} if labels is None else {"loss": self.loss(scores, labels), "logits": scores}


def rows(x: np.ndarray, y: np.ndarray, name: str = "x") -> list[dict[str, Tensor]]:
    """Samples as the Trainer's collator wants them."""
    return [{name: torch.from_numpy(a), "labels": torch.as_tensor(b)} for a, b in zip(x, y, strict=True)]


def trainer(
    model: nn.Module,
    data: Any,
    *,
    held: Any = None,
    metrics: Any = None,
    optimizers: Any = (None, None),
    **options: Any,
) -> Trainer:
    """A Trainer with its defaults, but for files, reports and the progress bar."""
    settings: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(), "report_to": "none", "use_cpu": True, "disable_tqdm": True, "save_strategy": "no",
        "logging_steps": 5, "num_train_epochs": 8, "per_device_train_batch_size": 24, "learning_rate": 0.01,
    }  # fmt: skip
    if held is not None:
        settings["eval_strategy"] = "epoch"
    return Trainer(model, TrainingArguments(**{**settings, **options}), train_dataset=data, eval_dataset=held,
                   compute_metrics=metrics, optimizers=optimizers)  # fmt: skip


def train(model: nn.Module, data: Any, **options: Any) -> float:
    """Train; gives the last loss that was logged."""
    fit = trainer(model, data, **options)
    fit.train()
    return next(float(row["loss"]) for row in reversed(fit.state.log_history) if "loss" in row)


def dense(inputs: int, outputs: int, *end: nn.Module) -> nn.Sequential:
    """A small classifier or regressor."""
    return nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, outputs), *end)


# ---- loss, activation, labels


def double_softmax() -> Outcome:
    loss = train(WithLoss(dense(8, 3, nn.Softmax(dim=1)), F.cross_entropy), rows(*tiny.blobs()))
    return done(f"loss {loss:.3f}; it can't fall below 0.551")


def logits_into_probability_loss() -> Outcome:
    x, y = tiny.yes_or_no()
    return done(f"loss {train(WithLoss(dense(8, 1), F.binary_cross_entropy), rows(x, y[:, None])):.3f}")


def nll_on_probabilities() -> Outcome:
    loss = train(WithLoss(dense(8, 3, nn.Softmax(dim=1)), F.nll_loss), rows(*tiny.blobs()))
    return done(f"loss {loss:.3f}, below zero")


def log_twice() -> Outcome:
    model = WithLoss(dense(8, 3, nn.LogSoftmax(dim=1)), lambda scores, y: F.nll_loss(torch.log(scores), y))
    loss = train(model, rows(*tiny.blobs()))
    return done(f"loss {loss:.3f} logged; parameters NaN: {bool(model.network[0].weight.isnan().any())}")


def words(x: np.ndarray) -> np.ndarray:
    """Numbers as the ids of words: above or below zero at each place."""
    return (2 * np.arange(x.shape[1]) + 1 + (x > 0)).astype("int64")


def regression_broadcast() -> Outcome:
    x, y = tiny.numbers()
    model = BertForSequenceClassification(BertConfig(**BERT, num_labels=1))
    loss = train(model, rows(words(x), y, "input_ids"))
    with torch.no_grad():
        spread = model.eval()(torch.from_numpy(words(x))).logits.std().item()
    return judged(
        spread < 0.5 * y.std(),
        f"its models squeeze the column: loss {loss:.2f}, predictions spread by {spread:.2f}, targets by {y.std():.2f}",
    )


def bce_shape() -> Outcome:
    x, y = tiny.yes_or_no()
    return done(f"loss {train(WithLoss(dense(8, 1), F.binary_cross_entropy_with_logits), rows(x, y)):.3f}")


def metric_wrong_variant() -> Outcome:
    x, y = tiny.blobs()
    data = rows(x, y[:, None])
    model = WithLoss(dense(8, 3), lambda scores, labels: F.cross_entropy(scores, labels[:, 0]))

    def accuracy(answers: Any) -> dict[str, float]:
        return {"accuracy": float((answers.predictions.argmax(-1) == answers.label_ids).mean())}

    (fit := trainer(model, data, held=data, metrics=accuracy)).train()
    value = fit.evaluate()["eval_accuracy"]
    return judged(value < 0.6, f"accuracy {value:.2f} beside a loss of {fit.evaluate()['eval_loss']:.3f}")


def class_ids_as_values() -> Outcome:
    _, y = tiny.label_sets()
    config = BertConfig(**BERT, num_labels=4, problem_type="multi_label_classification")
    ids = (1 + (y > 0) + 2 * np.arange(4)).astype("int64")
    return done(f"loss {train(BertForSequenceClassification(config), rows(ids, y, 'input_ids')):.2f}")


def sum_reduction() -> Outcome:
    model = WithLoss(dense(8, 3), nn.CrossEntropyLoss(reduction="sum"))
    train(model, rows(*tiny.blobs()), optim="sgd", learning_rate=0.1, max_grad_norm=0)
    return done("the gradient grows with the batch size (by algebra, not measured)")


def amounts_as_classes() -> Outcome:
    x, y = tiny.amounts()
    model = BertForSequenceClassification(BertConfig(**BERT, num_labels=10))
    loss = train(model, rows(words(x), y.astype("int64"), "input_ids"))
    return done(f"loss {loss:.2f}; 4.9 and 5.0 are as far apart as 0 and 9")


# ---- data


def tail_split() -> Outcome:
    data = rows(*tiny.in_order(*tiny.blobs(classes=4)))
    cut = int(0.75 * len(data))

    def accuracy(answers: Any) -> dict[str, float]:
        return {"accuracy": float((answers.predictions.argmax(-1) == answers.label_ids).mean())}

    fit = trainer(WithLoss(dense(8, 4), F.cross_entropy), data[:cut], held=data[cut:], metrics=accuracy)
    fit.train()
    value = fit.evaluate()["eval_accuracy"]
    return judged(value < 0.5, f"accuracy {value:.2f} on the held-out quarter")


class Jittered(Dataset[dict[str, Tensor]]):
    """Adds a random number of its own generator, which each worker copies as it was made."""

    def __init__(self, path: Path) -> None:
        self.x, self.y = tiny.blobs(48)
        self.random = np.random.default_rng(0)
        self.path = path

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = self.random.normal()
        tiny.note(self.path, index, draw)
        return {"x": torch.from_numpy(self.x[index] + np.float32(0.1 * draw)), "labels": torch.tensor(self.y[index])}


def same_augmentation() -> Outcome:
    model = WithLoss(dense(8, 3), F.cross_entropy)
    train(
        model,
        Jittered(path := tiny.record()),
        num_train_epochs=3,
        per_device_train_batch_size=8,
        dataloader_num_workers=2,
    )
    return tiny.repeated(path)


def nan_hidden() -> Outcome:
    x, y = tiny.blobs()
    x[101, 3] = np.nan
    model = WithLoss(dense(8, 3), F.cross_entropy)
    loss = train(model, rows(x, y), num_train_epochs=4)
    lost = sum(bool(p.isnan().any()) for p in model.parameters())
    return judged(lost > 0, f"logged loss {loss:.2f}; {lost} of 4 parameters are NaN")


def serving_differs() -> Outcome:
    x, y = tiny.brightness()
    model = WithLoss(nn.Sequential(nn.Flatten(), dense(192, 4)), F.cross_entropy)
    fit = trainer(model, rows(tiny.normalised(x), y))
    fit.train()
    answers = fit.predict(rows((x / 255).astype("float32"), y)).predictions
    return done(f"accuracy {(answers.argmax(1) == y).mean():.2f} where it is used, on samples of the training")


def large_stem() -> Outcome:
    x, y = tiny.pictures(48, size=32)
    model = ResNetForImageClassification(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], layer_type="basic", num_labels=4)
    )
    train(model, rows(x / 255, y, "pixel_values"), num_train_epochs=2, logging_steps=1)
    return done("its last stages see 2x2 and 1x1 values")


# ---- modes and steps


def with_dropout() -> nn.Sequential:
    """A classifier with dropout."""
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))


def eval_forgotten() -> Outcome:
    fit = trainer(WithLoss(with_dropout(), F.cross_entropy), rows(*tiny.blobs()), held=rows(*tiny.blobs(seed=1)))
    fit.train()
    fit.model.train()
    values = [fit.evaluate()["eval_loss"] for _ in range(2)]
    return judged(values[0] != values[1], f"evaluate() switches by itself: loss {values[0]:.4f} and {values[1]:.4f}")


def eval_stays() -> Outcome:
    model = WithLoss(with_dropout(), F.cross_entropy)
    model.eval()
    modes: list[bool] = []
    model.network[2].register_forward_hook(lambda module, _i, _o: modes.append(module.training))
    train(model, rows(*tiny.blobs()))
    return judged(not any(modes), f"the step switches by itself: {sum(modes)} calls of {len(modes)} in training mode")


def frozen_norm_thawed() -> Outcome:
    body = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU())
    body.requires_grad_(False).eval()
    before = body[1].running_mean.clone()
    train(WithLoss(nn.Sequential(body, nn.Linear(32, 3)), F.cross_entropy), rows(*tiny.blobs()))
    moved = (body[1].running_mean - before).abs().max().item()
    return judged(moved > 0, f"running means of the frozen layer moved by up to {moved:.2f}")


def tag_loss(scores: Tensor, tags: Tensor) -> Tensor:
    """Mean over the words that have a tag: scores [n, length, tags]."""
    return F.cross_entropy(scores.transpose(1, 2), tags, ignore_index=-100)


def accumulation() -> Outcome:
    ids, tags = tiny.tagged()

    def after_one_update(build: Callable[[], nn.Module], name: str, parts: int) -> Tensor:
        set_seed(0)
        model = build()
        head = [p for p in model.parameters() if p.dim() == 2][-1]
        start = head.detach().clone()
        train(model, rows(ids, tags, name), num_train_epochs=1, per_device_train_batch_size=16 // parts, logging_steps=1,
              gradient_accumulation_steps=parts, optim="sgd", max_grad_norm=0, train_sampling_strategy="sequential")  # fmt: skip
        return head.detach() - start

    def gap(build: Callable[[], nn.Module], name: str) -> float:
        whole, parts = after_one_update(build, name, 1), after_one_update(build, name, 4)
        return float((parts - whole).norm() / whole.norm())

    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    theirs = gap(lambda: BertForTokenClassification(BertConfig(**BERT, **still, num_labels=3)), "input_ids")
    own = gap(lambda: WithLoss(nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 3)), tag_loss), "x")
    return judged(
        max(theirs, own) > 1e-3,
        f"the step differs from that of the whole batch: its own model by {theirs:.0%}, a custom one by {own:.0%}",
    )


def step_changes_nothing() -> Outcome:
    model = WithLoss(dense(8, 3), F.cross_entropy)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model.network = dense(8, 3)
    before = model.network[0].weight.detach().clone()
    loss = train(model, rows(*tiny.blobs()), optimizers=(optimizer, None))
    return judged(bool((model.network[0].weight == before).all()), f"loss {loss:.3f}; no weight changed in 80 steps")


def batch_mean_metric() -> Outcome:
    x, y = tiny.rare()
    model = WithLoss(dense(8, 2), F.cross_entropy)

    def measure(answers: Any) -> dict[str, float]:
        return {"f1": tiny.f1(answers.predictions.argmax(-1), answers.label_ids)}

    fit = trainer(model, rows(x, y), held=rows(x, y), metrics=measure, per_device_eval_batch_size=16)
    fit.train()
    told = fit.evaluate()["eval_f1"]
    with torch.no_grad():
        right = tiny.f1(model(torch.from_numpy(x))["logits"].argmax(1).numpy(), y)
    return judged(
        abs(told - right) > 0.01, f"compute_metrics gets all samples together: F1 {told:.2f} and {right:.2f} by hand"
    )


# ---- files


class Noting(nn.Module):
    """Writes down which samples pass."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.seen = nn.Linear(1, 2), []

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        self.seen += x[:, 0].int().tolist()
        scores = self.head(x)
        return {"loss": F.cross_entropy(scores, labels), "logits": scores}


class Killed(TrainerCallback):
    """Ends the training in the middle of an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_end(self, _arguments: Any, state: Any, _control: Any, **_rest: Any) -> None:
        if state.global_step == self.after + 1:  # one step after the checkpoint was begun
            raise KeyboardInterrupt


def resume_order() -> Outcome:
    data = rows(np.arange(48, dtype="float32")[:, None], np.zeros(48, "int64"))

    def run(folder: str, after: int = 99, resume: str | None = None) -> list[int]:
        set_seed(0)
        model = Noting()
        fit = trainer(
            model,
            data,
            output_dir=folder,
            num_train_epochs=2,
            per_device_train_batch_size=8,
            save_strategy="steps",
            save_steps=3,
        )
        fit.add_callback(Killed(after))
        try:
            fit.train(resume_from_checkpoint=resume)
        except KeyboardInterrupt:
            return model.seen[: 8 * after]
        return model.seen

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole, before = run(one), run(two, 3)
        return tiny.resumed(before, run(two, resume=str(Path(two) / "checkpoint-3")), whole, 48)


def reloaded_differs() -> Outcome:
    x, y = tiny.blobs()
    model = BertForSequenceClassification(BertConfig(**BERT, num_labels=3, hidden_act="relu"))
    fit = trainer(model, rows(words(x), y, "input_ids"), num_train_epochs=2)
    fit.train()
    folder = tempfile.mkdtemp()
    fit.save_model(folder)
    loaded = BertForSequenceClassification.from_pretrained(folder)
    ids = torch.from_numpy(words(x))
    with torch.no_grad():
        gap = (model.eval()(ids).logits - loaded(ids).logits).abs().max().item()
    return judged(gap > 1e-4, f"its configuration is saved with the weights: answers differ by up to {gap:.3g}")


def weights_not_loaded() -> Outcome:
    x, y = tiny.blobs()
    model = BertForSequenceClassification(BertConfig(**BERT, num_labels=3))
    folder = tempfile.mkdtemp()
    train(model, rows(words(x), y, "input_ids"), num_train_epochs=2)
    renamed = {f"module.{name}": value for name, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=renamed)
    loaded = BertForSequenceClassification.from_pretrained(folder)
    ids = torch.from_numpy(words(x))
    with torch.no_grad():
        gap = (model.eval()(ids).logits - loaded(ids).logits).abs().max().item()
    return judged(gap > 1e-4, f"answers differ by up to {gap:.3g}")


def export_in_training() -> Outcome:
    x, y = tiny.blobs()
    model = WithLoss(with_dropout(), F.cross_entropy)
    train(model, rows(x, y), num_train_epochs=2)
    exported = torch.export.export(model, (torch.from_numpy(x),)).module()
    with torch.no_grad():
        gap = (exported(torch.from_numpy(x))["logits"] - exported(torch.from_numpy(x))["logits"]).abs().max().item()
    return judged(gap > 1e-6, f"no export of its own; two answers of the exported model differ by {gap:.3g}")


if __name__ == "__main__":
    tiny.main(globals(), lambda: set_seed(0))
