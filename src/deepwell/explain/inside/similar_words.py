"""Words that a network holds to be alike."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from deepwell.core.errors import UserError, nearest
from deepwell.core.shapes import RESERVED

_HELD_IN = {"text": "vocabulary", "tokens": "words", "tree": "symbols"}
"""Which attribute of each kind of input holds the names of the ids."""
_SEARCHED = 50_000
"""Words among which a similar spelling is looked for: it takes a second."""


def similar_words(model: Any, word: str, *, count: int = 8) -> list[tuple[str, float]]:
    """The words whose vectors point most the same way, with the cosine of the angle, the most alike first.

    Args:
        model: a ``SavedModel`` whose ids are words (not pieces of words).
        word: one that it has learnt, in the form in which it was learnt (small letters for most).
        count: how many.

    Raises:
        UserError: no words, no vectors, a word that was not learnt.
    """
    known: Any = getattr(model.input, _HELD_IN.get(model.input.kind, ""), None)
    names = getattr(known, "names", None)
    if names is None:
        raise UserError(
            f"this model has no vectors of words: it takes {model.input.kind} data"
            + (" in pieces of words" if known is not None else ""),
            expected="a model over words",
        )
    table = _table(model.network, len(known))
    if table is None:
        raise UserError("this model has no table of vectors, one for each word", expected="such as lstm or textcnn")
    shown = [name.replace("\x1f", " ") for name in names]
    wanted = word if word in shown else word.lower()
    if wanted not in shown:
        close = nearest(wanted, shown) if len(shown) <= _SEARCHED else None
        raise UserError(
            f"the model has not learnt the word '{word:.60}'",
            expected=f"one of its {len(shown):,} words",
            fix=f"did you mean '{close}'?" if close else "take a word that occurs in the training texts",
        )
    vectors = nn.functional.normalize(table[RESERVED : RESERVED + len(names)].detach().float().cpu(), dim=1)
    place = shown.index(wanted)
    alike = vectors @ vectors[place]
    alike[place] = -torch.inf
    best = alike.topk(min(count, len(names) - 1))
    return [(shown[i], round(v, 6)) for v, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]


def _table(network: nn.Module, ids: int) -> torch.Tensor | None:
    """The first weight with a row for each id."""
    for name, parameter in network.named_parameters():
        if "embedding" in name and parameter.dim() == 2 and len(parameter) == ids:
            return parameter
    return None
