"""What a user can set, in one place: the command line and a run's folder turn it into plain arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from deepwell.core.errors import UserError, unknown_name


@dataclass(frozen=True)
class Settings:
    """Everything about a training that is a number or a name. None: the recipe chooses, and says so.

    Attributes:
        model: name of an architecture; None chooses from the data.
        activation, dropout, initialisation: of the named model; None keeps the architecture's own.
        epochs, batch_size, accumulate: see ``train.loop.Plan``.
        optimizer, learning_rate, schedule, warmup: names and numbers; ``warmup`` is a share of all steps.
        weight_decay, l1, clip_norm, clip_value, label_smoothing: regularisation; 0 or None switches off.
        class_weights: None or ``balanced``.
        vectors: a file of word vectors (GloVe or word2vec text format) to begin the embedding with.
        freeze: whether a pretrained encoder stays as it is and only the last layer learns.
        layer_decay: what each layer of a pretrained encoder multiplies the learning rate of the layer above it by.
        pool: how the positions of a text become one vector: mean, first, ... as the model knows them.
        head: of tags: ``crf`` or ``linear``; None lets the model say.
        repair_tags: mend tags that break their scheme; else they are an error.
        augment: such as ``flip,crop=2``; ``none`` for no augmentation.
        patience: epochs without improvement before stopping; 0 never stops early.
        monitor: the value that picks the best epoch.
        seed: of weights, order, dropout and augmentation.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        threads: of one operation; None races them.
        exact: measures nothing: float32, channels-last filters, one thread or ``threads``; two runs are then the same
            bit for bit.
        device: ``auto``, ``cpu``, ``cuda``.
        workers: threads that prepare batches ahead.
        checkpoint_steps, checkpoint_seconds: how often a checkpoint is written.
    """

    model: str | None = None
    activation: str | None = None
    dropout: float | None = None
    initialisation: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    accumulate: int = 1
    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup: float | None = None
    weight_decay: float | None = None
    l1: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    label_smoothing: float | None = None
    class_weights: str | None = None
    vectors: str | None = None
    freeze: bool | None = None
    layer_decay: float | None = None
    pool: str | None = None
    head: str | None = None
    repair_tags: bool = False
    augment: str | None = None
    patience: int | None = None
    monitor: str | None = None
    seed: int = 0
    precision: str = "auto"
    threads: int | None = None
    exact: bool = False
    device: str = "auto"
    workers: int = 0
    checkpoint_steps: int | None = None
    checkpoint_seconds: float = 30.0

    def filled(self, recipe: Mapping[str, Any]) -> Settings:
        """Take from a recipe what the user left open."""
        for name in recipe:
            if name not in _NAMES:
                raise unknown_name("setting", name, _NAMES)
        return replace(self, **{k: v for k, v in recipe.items() if getattr(self, k) is None})

    def checked(self) -> Settings:
        """The same settings, if they can be meant.

        Raises:
            UserError: a number outside its range, with the name of the setting.
        """
        rules: tuple[tuple[str, float, float], ...] = (
            ("epochs", 1, 1e6),
            ("batch_size", 1, 1e9),
            ("accumulate", 1, 1e6),
            ("learning_rate", 1e-12, 1e6),
            ("warmup", 0, 1),
            ("weight_decay", 0, 1e6),
            ("l1", 0, 1e6),
            ("layer_decay", 1e-3, 1),
            ("clip_norm", 1e-12, 1e12),
            ("clip_value", 1e-12, 1e12),
            ("label_smoothing", 0, 0.999999),
            ("dropout", 0, 0.999999),
            ("patience", 0, 1e6),
            ("threads", 1, 1024),
            ("workers", 0, 256),
            ("checkpoint_steps", 1, 1e12),
            ("checkpoint_seconds", 0.001, 1e9),
            ("seed", 0, 2**62),
        )
        for name, low, high in rules:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UserError(
                    f"{name} is {value}",
                    expected=f"a number from {low:g}" + (f" to {high:g}" if high < 1e6 else " up"),
                    fix=f"change {name} (--{name.replace('_', '-')})",
                )
        if self.accumulate > 1 and self.batch_size is not None and self.accumulate > self.batch_size:
            raise UserError(
                f"accumulate is {self.accumulate} and batch_size {self.batch_size}",
                expected="at least one sample in each part of a batch",
                fix="lower accumulate or raise batch_size",
            )
        if self.exact and self.precision == "bfloat16":
            raise UserError(
                "exact and precision 'bfloat16' exclude each other",
                expected="exact, which is float32, or bfloat16",
                fix="leave out --exact, or --precision",
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``run.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settings:
        """Undo ``to_json``.

        Raises:
            UserError: a setting of another version.
        """
        for name in value:
            if name not in _NAMES:
                raise unknown_name("setting", name, _NAMES)
        return cls(**value)


_NAMES = tuple(f.name for f in fields(Settings))
