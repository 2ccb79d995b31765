"""Where a network holds one vector for each word: the first tensor that a gradient can be taken for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from deepwell.explain.trace import Call, replaced, traced

_LENGTH = 8


class Place(NamedTuple):
    """Where the vectors are.

    Attributes:
        call: the call that gives or gets them.
        given: whether it gets them.
        time_first: [length, n, width] in place of [n, length, width].
    """

    call: Call
    given: bool
    time_first: bool


def find(network: nn.Module, x: Tensor) -> Place | None:
    """The vectors of the words; None where no module gives or gets such a tensor.

    Those that the embedding gives, or, where there is more to a word than its number (its characters), those in
    which all of it has come together.

    Args:
        network: in evaluation mode.
        x: ids [1, length], or [1, length, 1 + width].
    """
    columns = x.dim() == 3 and x.shape[2] > 1
    some = x[:, :_LENGTH]
    # so many rows that no other dimension is as long
    rows = some.expand(some.shape[1] + 3, *some.shape[1:])
    shape = (len(rows), int(some.shape[1]))
    embedded = False
    for call in traced(network, rows):
        if call.given is not None and not call.given.is_floating_point():
            order = _order(call.given, shape, 2) if not embedded else None
            if order is not None and call.gave is not None and _order(call.gave, shape, 3) == order:
                if not columns:
                    return Place(call, False, order)
                embedded = True
        elif columns and call.given is not None and (order := _order(call.given, shape, 3)) is not None:
            return Place(call, True, order)
    return None


def _order(tensor: Tensor, shape: tuple[int, int], dimensions: int) -> bool | None:
    """Whether time comes first; None where it is no tensor of words."""
    if tensor.dim() != dimensions:
        return None
    if tuple(tensor.shape[:2]) == shape:
        return False
    return True if tuple(tensor.shape[:2]) == shape[::-1] else None


def values_at(network: nn.Module, x: Tensor, place: Place) -> Tensor:
    """The vectors of one sample, [length, width]."""
    held: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        held.append(tensor.detach())
        return tensor

    with replaced(place.call, note, given=place.given), torch.no_grad():
        network(x)
    return held[0][:, 0] if place.time_first else held[0][0]
