"""A network built for its shapes alone: nothing is allocated, and nothing is drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_DRAWN = {"normal_", "uniform_", "bernoulli_", "random_", "exponential_", "trunc_normal_"}
_SCALED = {"mul", "__mul__", "__rmul__"}


class _Unfilled(TorchFunctionMode):
    """Values are left out: on the meta device there are none, yet filling them in imports PyTorch's compiler first."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name, named = getattr(func, "__name__", ""), kwargs or {}
        first = args[0] if args else named.get("tensor")  # by name: the functions of nn.init
        if isinstance(first, Tensor) and first.is_meta:
            scaled = name in _SCALED and isinstance(args[1] if len(args) > 1 else None, (int, float))
            if name in _DRAWN or scaled:
                return first
        return func(*args, **named)


@contextmanager
def outline() -> Iterator[None]:
    """Modules made inside have shapes and no memory; a file may ask for any size.

    >>> with outline():
    ...     layer = torch.nn.Linear(10**6, 10**6)
    >>> layer.weight.shape, layer.weight.is_meta
    (torch.Size([1000000, 1000000]), True)
    """
    with torch.device("meta"), _Unfilled():
        yield
