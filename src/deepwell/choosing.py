"""What is chosen where the user has not said: the kind of answer, how samples are read, model and training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from deepwell import pretrained, recipe
from deepwell.core.errors import UserError
from deepwell.data.batches import by_length
from deepwell.dataset import Data, Prepared
from deepwell.models import MODELS
from deepwell.outputs.category import Category
from deepwell.outputs.label_sets import LabelSets
from deepwell.outputs.tags import Tags
from deepwell.settings import Settings
from deepwell.word_vectors import load_into


def output(settings: Settings, data: Data) -> Any:
    """The kind of answer that the data has, with the options that it knows.

    Raises:
        UserError: an option that this kind of answer does not have.
    """
    kind = data.source.answer
    smoothing = settings.label_smoothing or 0.0
    if kind == "tags":
        if settings.class_weights is not None:
            raise UserError("class_weights do not go with tags", fix="leave --class-weights out")
        return Tags(head=settings.head or "crf", repair=settings.repair_tags, label_smoothing=smoothing)
    if settings.head is not None:
        raise UserError(f"head is '{settings.head}', and a {kind} has none to choose", fix="leave --head out")
    if settings.repair_tags:
        raise UserError(
            f"repair_tags is set, and a {kind} has no tags",
            expected="sentences with tags",
            fix="leave --repair-tags out",
        )
    if kind == "label-sets":
        if settings.class_weights is not None or smoothing:
            raise UserError("class_weights and label_smoothing do not go with several labels a sample")
        return LabelSets()
    return Category(label_smoothing=smoothing, class_weights=settings.class_weights)


def encoder(settings: Settings, data: Data, *, own: bool) -> pretrained.Source | None:
    """The pretrained encoder that the model's name asks for; None for every other model.

    Args:
        settings, data: of the training.
        own: whether the user brings a module.

    Raises:
        UserError: no such encoder, or an option for encoders beside another model.
    """
    name = settings.model or ""
    if not own and name.startswith(pretrained.PREFIX):
        return pretrained.find(name, data.source)
    for option in ("freeze", "layer_decay"):
        if getattr(settings, option) is not None:
            raise UserError(
                f"{option} is given for a model that is not pretrained",
                expected="it with --model hf:PATH-OR-NAME",
                fix=f"leave --{option.replace('_', '-')} out",
            )
    return None


def reading(settings: Settings, data: Data, encoder: pretrained.Source | None, *, own: bool) -> dict[str, Any]:
    """How to read samples where the data does not say: as suits the model."""
    if encoder is not None:
        return encoder.reading(dict(data.reading))
    name = settings.model or recipe.model_for(data.source.kind)
    if own or name not in MODELS or data.source.kind not in MODELS[name].takes:
        return {}  # a model that is not for this kind of data is refused where it is built, in these words
    return dict(MODELS[name].reading)


def training(
    settings: Settings,
    prepared: Prepared,
    encoder: pretrained.Source | None,
    device: torch.device,
    *,
    own: bool,
) -> tuple[Settings, dict[str, Any], str]:
    """Settings with what the user left open filled in, options of the architecture, and why in one sentence."""
    options: dict[str, Any] = {}
    why = ""
    if own:
        found = recipe.plain(settings.optimizer)
    elif encoder is not None:
        train = torch.from_numpy(prepared.split.train)
        seconds = encoder.seconds_of(prepared.lengths(train), device)
        freeze, layer_decay = settings.freeze, settings.layer_decay
        found, why = recipe.pretrained(len(train), seconds, freeze=freeze, layer_decay=layer_decay)
        if settings.optimizer not in (None, "adam", "adamw"):
            found["learning_rate"] = recipe.plain(settings.optimizer)["learning_rate"]
    elif settings.model is None:
        found, options, why = _recipe(settings, prepared)
        found = recipe.with_optimizer(found, settings.optimizer)
    else:
        found = recipe.plain(settings.optimizer)
    if not len(prepared.split.validation):
        found.pop("monitor", None)  # it names a value of the validation part
    if prepared.output.kind == "label-sets":
        found.pop("label_smoothing", None)  # it spreads what one class has over the others
    settings = settings.filled(found)
    if encoder is not None and not own:
        options = {"config": encoder.config, "freeze": settings.freeze}
    return settings, options, why


def _recipe(settings: Settings, prepared: Prepared) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Model and training for data of which nothing was said."""
    train = prepared.split.train
    if prepared.input.kind != "image":
        return recipe.of_kind(prepared.input.kind, len(train))
    rows = torch.from_numpy(train[:: max(1, len(train) // 5_000)])
    pictures = prepared.rows.gather(rows)
    mirrored = recipe.survives_mirroring(pictures, prepared.targets[rows], len(prepared.output.classes))
    found, why = recipe.tuned(
        prepared.input.shape, len(train), mirrored=mirrored, epochs=settings.epochs, batch_size=settings.batch_size
    )
    return found, {}, why


def begin(
    network: Any,
    prepared: Prepared,
    settings: Settings,
    encoder: pretrained.Source | None,
    say: Callable[[str], None],
) -> None:
    """What a model is given before its first step: pretrained weights, word vectors, counts of n-grams."""
    body = network.body
    if encoder is not None:
        pretrained.load_into(body, encoder)
    if settings.vectors is not None:
        say(load_into(body, settings.vectors, prepared.input))
    if hasattr(body, "prime"):
        rows = torch.from_numpy(prepared.split.train)
        places = by_length(rows, 64, prepared.lengths(rows))
        body.prime(prepared.input.prepare(prepared.rows.gather(rows[some])) for some in places)
