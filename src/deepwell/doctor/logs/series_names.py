"""Which column of a log is which series: the names that libraries and people give them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deepwell.core.errors import UserError, nearest

_TRAIN = frozenset(("train", "training", "trn", "tr"))
_VALIDATION = frozenset(("val", "valid", "validation", "eval", "evaluation", "dev", "holdout", "metrics"))
"""``metrics/accuracy_top1`` is how Ultralytics calls what it measures on validation."""
_TEST = frozenset(("test", "testing"))
_FILLING = frozenset(
    ("epoch", "step", "mean", "avg", "average", "total", "overall", "batch", "running", "smoothed", "metric", "iter")
)
_ACCURACY = frozenset(("accuracy", "acc", "top1", "categorical", "sparse", "binary", "multiclass", "score"))
_RATE = frozenset(("lr", "learningrate"))
_OTHER_RATES = ("optimizer_lr", "train_lr", "train_learningrate", "epoch_learningrate", "epoch_lr")
_STEPS = ("step", "global_step", "globalstep", "iteration", "iter", "steps", "train_step", "trainer_global_step")
_COMPONENTS = ("cls", "ce", "class", "box")


def words(name: str) -> list[str]:
    """A column's name as words.

    >>> words("  train/box_loss"), words("lr-Adam/pg1"), words("valAccuracy")
    (['train', 'box', 'loss'], ['lr', 'adam', 'pg1'], ['val', 'accuracy'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().replace("learning_rate", "learningrate")
    return [word for word in re.split(r"[^a-z0-9]+", apart.replace("learning rate", "learningrate")) if word]


def role(name: str) -> str | None:
    """The series that a column is, as ``Curve`` calls it, or ``step`` or ``epoch``; None: another.

    >>> [role(n) for n in ("loss/train", "eval_loss", "valid_acc", "train_loss_step", "lr", "train/box_loss", "Epoch")]
    ['loss', 'val_loss', 'val_accuracy', 'batch_loss', 'learning_rate', None, 'epoch']
    """
    given = words(name)
    plain = "_".join(given)
    if plain in ("epoch", "epochs"):
        return "epoch"
    if plain in _STEPS:
        return "step"
    if (given and given[0] in _RATE) or plain in (
        "optimizer_lr",
        "train_learningrate",
        "train_lr",
        "epoch_learningrate",
    ):
        return "learning_rate"
    if plain in ("grad_norm", "gradient_norm", "train_grad_norm", "total_norm"):
        return "gradient_norm"
    rest = set(given) - _TRAIN - _VALIDATION - _TEST - _FILLING
    outside = bool(set(given) & (_VALIDATION | _TEST))
    if rest == {"loss"}:
        if outside:
            return "val_loss"
        return "batch_loss" if {"step", "batch", "iter"} & set(given) else "loss"
    if rest and rest <= _ACCURACY and rest & {"accuracy", "acc", "top1"}:
        return "val_accuracy" if outside else "accuracy"
    return None


def choose(names: Iterable[str], *, loss: str | None = None) -> dict[str, str]:
    """Of all columns one a series: validation before test, values of epochs before those of batches.

    Args:
        names: columns that hold numbers.
        loss: the column that is the training loss; its twin of the validation part is found by name.

    Returns:
        series name to column name.

    Raises:
        UserError: ``loss`` names no column; no column is a loss.

    >>> choose(["epoch", "train_loss", "test_loss", "val_loss", "grad"])
    {'epoch': 'epoch', 'loss': 'train_loss', 'val_loss': 'val_loss'}
    """
    names = list(names)
    found: dict[str, str] = {}
    for name in names:
        what = role(name)
        if what is not None and (what not in found or _better(name, found[what])):
            found[what] = name
    if loss is not None:
        found |= _named(loss, names)
    elif "loss" not in found and "val_loss" not in found and "batch_loss" not in found:
        found |= _part_of_a_loss(names)
    if "loss" not in found and "batch_loss" in found:
        found["loss"] = found.pop("batch_loss")
    return found


def _better(name: str, other: str) -> bool:
    def rank(one: str) -> tuple[bool, bool, int]:
        given = set(words(one))
        return bool(given & _TEST), "epoch" not in given and bool(given & {"step", "batch", "running"}), len(given)

    return rank(name) < rank(other)


def _named(loss: str, names: list[str]) -> dict[str, str]:
    same = [name for name in names if name.strip() == loss.strip()] or [n for n in names if words(n) == words(loss)]
    if not same:
        close = nearest(loss, names)
        raise UserError(
            f"the log has no column '{loss}' with numbers",
            expected="one of " + ", ".join(name.strip() for name in names[:20]) + (", ..." if len(names) > 20 else ""),
            fix=f"did you mean '{close.strip()}'?" if close else "take one of these names for --loss-column",
        )
    if set(words(same[0])) & (_VALIDATION | _TEST):
        return {"val_loss": same[0]}
    return {"loss": same[0]} | _twin(same[0], names)


def _twin(name: str, names: list[str]) -> dict[str, str]:
    """The column of the validation part that is called like one of the training part."""
    core = set(words(name)) - _TRAIN - _FILLING
    for other in names:
        given = set(words(other))
        if given & _VALIDATION and given - _VALIDATION - _FILLING == core:
            return {"val_loss": other}
    return {}


def _part_of_a_loss(names: list[str]) -> dict[str, str]:
    """Where no column is the whole loss, that of the classes, else the first that is called a loss."""
    losses = [name for name in names if "loss" in words(name) and not set(words(name)) & (_VALIDATION | _TEST)]
    if not losses:
        raise UserError(
            "no column of the log is recognised as a loss",
            expected="a name such as loss, train_loss, loss/train or val_loss among its columns: "
            + (", ".join(name.strip() for name in names[:20]) or "it has none with numbers"),
            fix="name it: --loss-column NAME",
        )
    first = min(losses, key=lambda n: next((i for i, c in enumerate(_COMPONENTS) if c in words(n)), len(_COMPONENTS)))
    return {"loss": first} | _twin(first, names)
