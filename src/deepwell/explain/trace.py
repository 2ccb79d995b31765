"""What each module of a network was given and gave, and putting something else in its place."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.explain.undisturbed import of_this_thread


@dataclass(frozen=True)
class Call:
    """One call of a module while the network ran.

    Attributes:
        name: of the module, as ``named_modules`` has it.
        module: the module.
        number: its calls before this one, in the same run.
        given: its first argument where that is a tensor.
        gave: its answer where that is a tensor.
    """

    name: str
    module: nn.Module
    number: int
    given: Tensor | None
    gave: Tensor | None


def traced(network: nn.Module, x: Tensor) -> list[Call]:
    """All calls of one forward pass without gradients, in the order in which they ended: what a module calls comes
    before it.

    >>> [call.name for call in traced(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.zeros(1, 2))]
    ['0', '1', '']
    """
    calls: list[Call] = []
    numbers: Counter[str] = Counter()

    def hook(name: str) -> Callable[..., None]:
        def note(module: nn.Module, given: tuple[Any, ...], gave: Any) -> None:
            first = given[0] if given and isinstance(given[0], Tensor) else None
            # a copy: a later layer may write in place into what this one gave
            answer = gave.clone() if isinstance(gave, Tensor) else None
            calls.append(Call(name, module, numbers[name], first, answer))
            numbers[name] += 1

        return of_this_thread(note)

    handles = [module.register_forward_hook(hook(name)) for name, module in network.named_modules()]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    return calls


@contextlib.contextmanager
def replaced(call: Call, change: Callable[[Tensor], Tensor], *, given: bool = False) -> Iterator[None]:
    """While it lasts, a run of the network takes ``change(answer)`` for the answer of this call.

    Args:
        call: of ``traced``.
        change: of the answer, or of the argument.
        given: change what the module is given instead.
    """
    seen = 0

    def at_call(tensor: Tensor) -> Tensor | None:
        nonlocal seen
        seen += 1
        return change(tensor) if seen - 1 == call.number else None

    def before(_module: nn.Module, args: tuple[Any, ...]) -> Any:
        changed = at_call(args[0])
        return None if changed is None else (changed, *args[1:])

    def after(_module: nn.Module, _args: tuple[Any, ...], answer: Any) -> Any:
        return at_call(answer)

    register: Any = call.module.register_forward_pre_hook if given else call.module.register_forward_hook
    handle = register(of_this_thread(before if given else after))
    try:
        yield
    finally:
        handle.remove()
