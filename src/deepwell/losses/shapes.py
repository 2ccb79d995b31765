"""What the losses share: the check of shapes, the precision of a sum, the count as a tensor."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from deepwell.core.errors import UserError

_EXACT_IN_FLOAT32 = 1 << 24


def check_same_shape(loss: str, scores: Tensor, targets: Tensor) -> None:
    """Scores [n, 1] against targets [n] would broadcast to [n, n] and train towards the mean: refuse.

    Raises:
        UserError: the shapes differ.
    """
    if scores.shape != targets.shape:
        raise UserError(
            f"{loss} was given scores {list(scores.shape)} and targets {list(targets.shape)}",
            expected="equal shapes: nothing is broadcast",
            fix="squeeze the scores with scores.squeeze(1), or add a dimension to the targets",
        )


def full_precision(scores: Tensor) -> Tensor:
    """Half-precision scores as float32, others as they are: a sum over a batch in bfloat16 keeps 3 digits.

    >>> full_precision(torch.zeros(2, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores


def count_of(scores: Tensor, count: int) -> Tensor:
    """``count`` as a 0-dim tensor where the scores are: float32, or float64 where the scores or the count ask for it.

    Never of the scores' own type: bfloat16 has no 257. The tensor may be shared between calls: don't change it in
    place.

    >>> count_of(torch.zeros(1, dtype=torch.bfloat16), 257)
    tensor(257.)
    """
    dtype = torch.float64 if scores.dtype == torch.float64 or count > _EXACT_IN_FLOAT32 else torch.float32
    if type(scores) is Tensor and scores.device.type == "cpu":
        return _kept(count, dtype)
    return scores.new_full((), count, dtype=dtype)


@lru_cache(maxsize=256)
def _kept(count: int, dtype: torch.dtype) -> Tensor:
    # Making a tensor costs a small step on a CPU some 5 us, and nearly every batch has the same size. One made while
    # predicting must still be fit for a backward pass, hence no inference mode here.
    with torch.inference_mode(False):
        return torch.full((), count, dtype=dtype, device="cpu")
