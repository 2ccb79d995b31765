"""What a loop that is not ours computes its loss with: the call, seen as it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_NAMES = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "kl_div",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "hinge_embedding_loss",
    "cosine_embedding_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
    "ctc_loss",
)
_LOSSES: dict[Callable[..., Any], str] = {getattr(F, name): name for name in _NAMES}


@dataclass(frozen=True)
class LossCall:
    """One call of a loss of ``torch.nn.functional``, however it was reached.

    Attributes:
        name: such as ``cross_entropy``.
        scores: its first argument, with its graph.
        targets: its second argument.
        options: all other arguments by name.
        value: what it gave.
    """

    name: str
    scores: Tensor
    targets: Tensor
    options: Mapping[str, Any]
    value: Tensor

    @property
    def made_by(self) -> str:
        """The operation that made the scores, such as ``Softmax``; "" where it is not known."""
        return maker(self.scores)


_SEEN_THROUGH = frozenset(
    "View Squeeze Unsqueeze Reshape Alias ToCopy Select Slice Transpose T Permute Clone Expand".split()  # noqa: SIM905
)


def maker(tensor: Tensor) -> str:
    """The last operation that made a tensor's values: the name of its autograd node without ``Backward``.

    Views and casts are looked through.

    >>> import torch
    >>> maker(torch.softmax(torch.ones(2, 3, requires_grad=True), 1).reshape(3, 2))
    'Softmax'
    """
    node = tensor.grad_fn
    while node is not None:
        name = type(node).__name__.rstrip("0123456789").removesuffix("Backward").lstrip("_")
        if name.removeprefix("Unsafe") not in _SEEN_THROUGH:
            return name
        node = node.next_functions[0][0] if node.next_functions else None
    return ""


class Spy(TorchFunctionMode):
    """Records the losses that are called while it is entered; changes nothing.

    >>> import torch
    >>> with Spy() as spy:
    ...     _ = torch.nn.CrossEntropyLoss()(torch.zeros(2, 3), torch.tensor([0, 1]))
    >>> spy.losses[0].name, list(spy.losses[0].scores.shape)
    ('cross_entropy', [2, 3])
    """

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[LossCall] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        value = func(*args, **(kwargs or {}))
        if (name := _LOSSES.get(func)) is not None and isinstance(value, Tensor):
            given = dict(zip(("input", "target"), args, strict=False)) | dict(kwargs or {})
            scores, targets = given.pop("input", None), given.pop("target", None)
            if isinstance(scores, Tensor) and isinstance(targets, Tensor):
                self.losses.append(LossCall(name, scores, targets, given, value))
        return value
