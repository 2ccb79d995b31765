"""Why a model gives its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError, unknown_name
from deepwell.explain.explanation import Explanation
from deepwell.explain.language import METHOD_NAMES
from deepwell.explain.of_pictures import explain_pictures
from deepwell.explain.of_words import explain_words
from deepwell.explain.undisturbed import undisturbed

Explainer = Callable[[Any, Sequence[Any], str | None, Any], Sequence[Explanation]]

_EXPLAINERS: dict[str, Explainer] = {
    "image": explain_pictures,
    "text": explain_words,
    "tokens": explain_words,
    "tree": explain_words,
}
"""By kind of input; a new kind brings its own."""


def explain(model: Any, raw: Sequence[Any], *, method: str | None = None, target: Any = None) -> list[Explanation]:
    """Which part of each input made the answer, or speaks for a class that is asked for.

    What is explained is the logarithm of the odds of the class, log p / (1 - p): what would have to change for
    another answer. The same call gives the same numbers, and the model is left as it was: modes, buffers,
    gradients, hooks, random state. While it runs, other threads may use the model.

    Args:
        model: a ``SavedModel``, of deepwell's own models or of a module of your own.
        raw: samples as ``model.predict`` takes them.
        method: ``gradcam`` (models with convolutions over pictures), ``integrated-gradients`` (whatever can be
            differentiated) or ``occlusion`` (any model). None: for pictures Grad-CAM where the model's last maps are
            fine enough to point with, occlusion where they are not (small pictures), integrated gradients where
            there are no maps; for texts integrated gradients where the model has a vector for each token, else
            occlusion; for tags and trees occlusion.
        target: a class by name; of tags ``"3:B-LOC"``, or 3: the tag of that word, counted from 0. None: the answer
            itself (of several labels the surest, of tags the first word whose tag is not O).

    Returns:
        one explanation a sample.

    Raises:
        UserError: an unknown method or class, a method that does not fit the model, a sample that can't be read.
    """
    if method is not None and method not in METHOD_NAMES:
        raise unknown_name("method", method, METHOD_NAMES)
    if isinstance(raw, (str, Path)) or not hasattr(raw, "__len__"):
        raise UserError(
            f"explain was given one {type(raw).__name__}", expected="a list of samples", fix="put it in brackets"
        )
    if model.input.kind not in _EXPLAINERS:
        raise UserError(
            f"answers to {model.input.kind} data can't be explained", expected=f"one of {', '.join(_EXPLAINERS)}"
        )
    if not len(raw):
        return []
    with undisturbed(model.network):
        return list(_EXPLAINERS[model.input.kind](model, raw, method, target))
