"""The training samples that a network takes to be most like an input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.explain.inside.grid import rows_of_tiles
from deepwell.explain.trace import traced
from deepwell.explain.undisturbed import of_this_thread, undisturbed
from deepwell.explain.words import encoded

_CHUNK = 65_536


class Near(NamedTuple):
    """A neighbour: its place among the samples of the index, and the cosine of the angle to it."""

    place: int
    similarity: float


def representations(model: Any, raw: Sequence[Any], *, batch_size: int = 256) -> Tensor:
    """What the network knows of each sample before its head, of length 1, float32 [n, features] on the CPU.

    Of a model with an answer for each word, the mean over the words; of a module of the user's own, what its last
    linear layer is given.

    Raises:
        UserError: a sample that can't be read; a network without a body and without a linear layer.
    """
    found = []
    with undisturbed(model.network), torch.no_grad():
        for start in range(0, len(raw), batch_size):
            x = encoded(model, raw[start : start + batch_size])
            vectors = _vectors(model.network, x).float()
            if vectors.dim() > 2:
                mask = model.input.mask(x)
                shown = torch.ones_like(vectors[..., :1]) if mask is None else mask[..., None].to(vectors.dtype)
                vectors = (vectors * shown).sum(1) / shown.sum(1).clamp(min=1)
            found.append(nn.functional.normalize(vectors, dim=1).cpu())
    return torch.cat(found) if found else torch.empty(0, 0)


def _vectors(network: nn.Module, x: Tensor) -> Tensor:
    body = getattr(network, "body", None)
    if body is not None and hasattr(network, "head"):
        return body(x)
    # one sample tells which layer; of the others that layer alone is listened to, not all that the network computes
    last = [
        call.module for call in traced(network, x[:1]) if isinstance(call.module, nn.Linear) and call.given is not None
    ]
    if not last:
        raise UserError(
            "this model has no representation to compare: neither a body nor a linear layer at its end",
            expected="one of deepwell's models, or a module whose last layer is nn.Linear",
        )
    found: list[Tensor] = []
    handle = last[-1].register_forward_pre_hook(of_this_thread(lambda _module, given: found.append(given[0])))
    try:
        network(x)
    finally:
        handle.remove()
    return found[-1]


class Index:
    """Representations of samples, searched exactly.

    Args:
        model: whose representations they are.
        vectors: of ``representations``, [n, features].

    >>> index = Index(None, torch.eye(3))
    >>> index.nearest(torch.tensor([[0.6, 0.8, 0.0]]), count=2)[0][0].place
    1
    """

    def __init__(self, model: Any, vectors: Tensor) -> None:
        self.model = model
        self.vectors = vectors

    @classmethod
    def of(cls, model: Any, raw: Sequence[Any]) -> Index:
        """From raw training samples.

        Raises:
            UserError: no samples, or one that can't be read.
        """
        if not len(raw):
            raise UserError("there are no training samples to find neighbours among", expected="at least one")
        return cls(model, representations(model, raw))

    def near(self, raw: Sequence[Any], *, count: int = 5) -> list[list[Near]]:
        """The nearest of each raw sample, the nearest first; of equally near ones the first."""
        return self.nearest(representations(self.model, raw), count=count)

    def nearest(self, vectors: Tensor, *, count: int = 5) -> list[list[Near]]:
        """The nearest of each vector of length 1, [m, features]; searched in chunks, so that memory stays level."""
        values = torch.empty(len(vectors), 0)
        places = torch.empty(len(vectors), 0, dtype=torch.int64)
        for start in range(0, len(self.vectors), _CHUNK):
            some = vectors @ self.vectors[start : start + _CHUNK].t()
            values = torch.cat([values, some], 1)
            places = torch.cat([places, torch.arange(start, start + some.shape[1]).expand(len(vectors), -1)], 1)
            # stable: of equals the first
            kept = values.sort(dim=1, descending=True, stable=True).indices[:, :count]
            values, places = values.gather(1, kept), places.gather(1, kept)
        return [
            [Near(place, round(value, 6)) for place, value in zip(p, v, strict=True)]
            for p, v in zip(places.tolist(), values.tolist(), strict=True)
        ]


def neighbours_picture(
    model: Any, sample: Any, others: Sequence[Any], near: Sequence[Near], *, side: int = 84
) -> bytes:
    """PNG: a picture, and below it its neighbours with their cosines.

    Args:
        model: whose input reads them.
        sample, others: raw pictures.
        near: of the others.
        side: pixels of the longer side of each.
    """
    shown = [
        one[..., 0] if one.shape[2] == 1 else one
        for one in model.input.restore(encoded(model, [sample, *others])).cpu().numpy()
    ]
    cosines = "  ".join(f"{one.similarity:.2f}" for one in near)
    return rows_of_tiles([("input", shown[:1]), (f"nearest training samples, cosine {cosines}", shown[1:])], side=side)
