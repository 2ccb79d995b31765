"""Explanations of answers to pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.explain.baseline import baseline, spread
from deepwell.explain.gradcam import FINE, fine_maps, gradcam, maps_of
from deepwell.explain.image_explanation import ImageExplanation
from deepwell.explain.integrated import integrate
from deepwell.explain.occlusion import occlude, windows
from deepwell.explain.question import Question, ask
from deepwell.explain.trace import Call, traced
from deepwell.explain.words import encoded

_NUMBERS = 2_000_000
"""Input numbers that go through the network together: a matter of memory."""

Found = tuple[Tensor, dict[str, Any]]


def explain_pictures(model: Any, raw: Sequence[Any], method: str | None, target: Any) -> list[ImageExplanation]:
    """One explanation a picture; see ``deepwell.explain.explain``."""
    first = encoded(model, raw[:1])
    maps = None
    if method in (None, "gradcam"):
        method, maps = _chosen(model, first, method)
    return [_one(model, encoded(model, [sample]), str(method), maps, target) for sample in raw]


def _chosen(model: Any, x: Tensor, method: str | None) -> tuple[str, Call | None]:
    """The method, and for Grad-CAM the maps that it takes.

    Where a small picture leaves only coarse maps at the end, Grad-CAM must take earlier ones, of which the mean
    gradient says less; such a picture is quickly occluded, which points better (tests/explain/test_planted.py).
    """
    size = (int(x.shape[2]), int(x.shape[3]))
    maps = maps_of(traced(model.network, x), size)
    fine = fine_maps(maps, size)
    if method is None:
        pointing = fine is not None and fine is maps[-1] and fine.gave is not None and min(fine.gave.shape[2:]) >= FINE
        method = "gradcam" if pointing else "occlusion" if maps else _WITHOUT_MAPS
    if method != "gradcam":
        return method, None
    if fine is None:
        raise UserError(
            f"Grad-CAM needs maps of convolutions, and {_name(model)} has none{' of any size' if maps else ''}",
            expected="integrated-gradients or occlusion for this model",
            fix="--method integrated-gradients, or leave --method out",
        )
    return method, fine


_WITHOUT_MAPS = "integrated-gradients"


def _name(model: Any) -> str:
    return f"the model '{model.card.name}'" if model.card.name else "this model"


def _one(model: Any, x: Tensor, method: str, maps: Call | None, target: Any) -> ImageExplanation:
    with torch.no_grad():
        decoded = model.output.decode(model.network(x).float(), head=getattr(model.network, "head", None))[0]
    question = ask(model, x, decoded, target)
    if maps is not None:
        heat = gradcam(model.network, x, question.score, layer=maps)
        values: Any = None if heat is None else heat[0]
        details: dict[str, Any] = {"layer": maps.name or type(maps.module).__name__}
        details["maps"] = list(maps.gave.shape[1:]) if maps.gave is not None else []
    else:
        values, details = _METHODS[method](model, x[0], question)
    return ImageExplanation(
        method,
        question.target,
        question.confidence,
        method != "gradcam",
        values.cpu().numpy().astype(np.float32),
        model.input.restore(x)[0].cpu().numpy(),
        {"score": float(question.score(model.network(x)).detach()[0]), **details},
    )


def _integrated(model: Any, x: Tensor, question: Question) -> Found:
    start, name = baseline(x)
    try:
        found = integrate(lambda points: question.score(model.network(points)), start, x, at_once=_at_once(x))
    except RuntimeError as error:
        if "grad" not in str(error):
            raise
        raise UserError(
            f"{_name(model)} lets no gradient through to the picture", fix="--method occlusion needs none"
        ) from None
    details = {
        "baseline": name,
        "steps": found.steps,
        "difference": found.difference,
        "gap": found.gap,
    }
    # single pixels are noisy: each shares its value with its neighbours, of larger pictures with more of them
    side = 2 * int(min(x.shape[1:]) ** 0.5 / 4) + 1
    return spread(found.values.sum(0), side), details


def _occluded(model: Any, x: Tensor, question: Question) -> Found:
    fill, name = baseline(x)
    values = occlude(lambda pictures: question.score(model.network(pictures)), x, fill, at_once=_at_once(x))
    boxes = windows((int(x.shape[1]), int(x.shape[2])))
    details = {
        "baseline": name,
        "window": boxes[0][2] - boxes[0][0],
        "windows": len(boxes),
    }
    return values, details


def _at_once(x: Tensor) -> int:
    return max(1, min(64, _NUMBERS // x.numel()))


_METHODS: dict[str, Callable[[Any, Tensor, Question], Found]] = {
    "integrated-gradients": _integrated,
    "occlusion": _occluded,
}
