"""From a loss call that was seen to a function of (output, targets): how the scores came out of the model's output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree

from deepwell.doctor.spy import LossCall

Change = Callable[[Tensor], Tensor]


class Rebuilt(NamedTuple):
    """A loss that was seen, as ``examine`` takes it.

    Attributes:
        loss: ``(output, targets)`` to a scalar.
        targets: with the batch as first dimension.
    """

    loss: Callable[[Any, Any], Tensor]
    targets: Tensor


def rebuild(output: Any, call: LossCall, samples: int) -> Rebuilt | None:
    """The loss as a function of what the model returned; None where the way between them is not known.

    Args:
        output: of the model: a tensor, or a structure with tensors.
        call: the loss call that followed.
        samples: size of the batch.

    >>> output = torch.randn(4, 1)
    >>> call = LossCall("mse_loss", output.squeeze(1), torch.ones(4), {}, torch.tensor(0.0))
    >>> made = rebuild(output, call, 4)
    >>> bool(torch.isclose(made.loss(output, made.targets), F.mse_loss(output.squeeze(1), torch.ones(4))))
    True
    """
    for place, leaf in enumerate(_pytree.tree_leaves(output)):
        if isinstance(leaf, Tensor) and leaf.is_floating_point() and (change := _way(leaf, call.scores)) is not None:
            targets, flat = _by_sample(call.targets, samples)
            return Rebuilt(_loss(call, place, change, flat), targets)
    return None


def _loss(call: LossCall, place: int, change: Change, flat: tuple[int, ...] | None) -> Callable[[Any, Any], Tensor]:
    function, options = getattr(F, call.name), dict(call.options)

    def loss(output: Any, y: Any) -> Tensor:
        scores = change(_pytree.tree_leaves(output)[place])
        value: Tensor = function(scores, y if flat is None else y.reshape(-1, *flat), **options)
        return value

    return loss


def _way(leaf: Tensor, scores: Tensor) -> Change | None:
    """What makes the scores out of one tensor of the output, found by trying: the values must be the same."""
    if leaf is scores:
        return lambda t: t
    plain, wanted = leaf.detach().float(), scores.detach().float()
    return next((change for change in _changes(leaf, scores) if _gives(change, plain, wanted)), None)


def _gives(change: Change, plain: Tensor, wanted: Tensor) -> bool:
    try:
        made = change(plain)
    except (RuntimeError, IndexError):  # a change that this shape does not know
        return False
    if made.shape != wanted.shape or not bool(torch.isfinite(wanted).any()):
        return False
    return bool(torch.allclose(made, wanted, rtol=1e-3, atol=1e-5, equal_nan=True))


def _changes(leaf: Tensor, scores: Tensor) -> list[Change]:
    rest = scores.shape[1:]
    shapes: list[Change] = [lambda t: t, lambda t: t.reshape(-1, *rest), lambda t: t.transpose(1, 2)]
    if leaf.dim() > 2:
        shapes += [lambda t: t[:, -1], lambda t: t[:, 0], lambda t: t.mean(1), lambda t: t.flatten(2).mean(2)]
    activations: list[Change] = [
        lambda t: t,
        torch.sigmoid,
        lambda t: torch.softmax(t, 1),
        lambda t: torch.softmax(t, -1),
        lambda t: torch.log_softmax(t, 1),
        lambda t: torch.log_softmax(t, -1),
        lambda t: torch.softmax(t, 0),
        torch.tanh,
        F.relu,
        F.logsigmoid,
        lambda t: torch.log(t + torch.finfo(t.dtype).eps),  # as skorch calls NLLLoss
    ]
    return [_both(first, second) for second in shapes for first in activations]


def _both(first: Change, second: Change) -> Change:
    return lambda t: second(first(t))


def _by_sample(targets: Tensor, samples: int) -> tuple[Tensor, tuple[int, ...] | None]:
    """Targets [samples, ...] and, where they had been laid out flat, the shape behind the flat dimension."""
    if targets.dim() == 0 or targets.shape[0] == samples or samples == 0 or targets.shape[0] % samples:
        return targets, None
    rest = tuple(targets.shape[1:])
    return targets.reshape(samples, -1, *rest), rest
