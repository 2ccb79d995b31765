"""What a loop that is not ours does between two steps: modules called, losses computed, ``backward``, loaders read."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from deepwell.doctor.spy import LossCall, Spy

_MOST = 64
"""Calls that are kept between two steps."""


class ModuleCall(NamedTuple):
    """An outermost call of a module that has parameters, with gradients on."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any


class Overheard:
    """Records a program while ``listening``: the patches of torch are taken back afterwards.

    Attributes:
        calls: outermost module calls since ``forget``.
        modules: all modules that were called so, no part of another among them.
        backwards: tensors on which ``backward`` was called since ``forget``.
        optimizers: all that were made.
        loaders: data loaders that were read, the last one last.
    """

    def __init__(self) -> None:
        self.calls: list[ModuleCall] = []
        self.backwards: list[Tensor] = []
        self.loaders: list[DataLoader[Any]] = []
        self._modules: dict[int, nn.Module] = {}
        self._optimizers: list[weakref.ref[Any]] = []
        self._spy = Spy()
        self._process = os.getpid()
        self._depth = 0
        self._deaf = 0

    @property
    def losses(self) -> list[LossCall]:
        """Loss calls since ``forget``."""
        return self._spy.losses

    @property
    def modules(self) -> list[nn.Module]:
        inner = {id(part) for one in self._modules.values() for part in one.modules() if part is not one}
        return [one for key, one in self._modules.items() if key not in inner]

    @property
    def optimizers(self) -> list[Any]:
        return [one for ref in self._optimizers if (one := ref()) is not None]

    @property
    def here(self) -> bool:
        """Whether this is the program itself: not a worker that it forked, not a thread, not our own looking."""
        main = threading.current_thread() is threading.main_thread()
        return not self._deaf and main and os.getpid() == self._process

    def forget(self) -> None:
        """Let go of what was kept since the last step: it holds graphs."""
        self.calls.clear()
        self.backwards.clear()
        self._spy.losses.clear()

    @contextmanager
    def not_listening(self) -> Iterator[None]:
        """What is done inside is ours and not the program's."""
        count = len(self._spy.losses)
        self._deaf += 1
        try:
            yield
        finally:
            self._deaf -= 1
            del self._spy.losses[count:]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Patch module calls, ``backward``, optimizers and loaders; all is put back at the end."""
        with ExitStack() as stack:
            stack.enter_context(_patched(nn.Module, "__call__", self._module_call))
            stack.enter_context(_patched(torch.autograd, "backward", self._backward))
            stack.enter_context(_patched(torch.optim.Optimizer, "__init__", self._optimizer))
            stack.enter_context(_patched(DataLoader, "__iter__", self._loader))
            stack.enter_context(self._spy)
            yield

    def _module_call(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._depth or not self.here:
                return before(module, *args, **kwargs)
            self._depth += 1
            try:
                output = before(module, *args, **kwargs)
            finally:
                self._depth -= 1
            known = torch.is_grad_enabled() and next(module.parameters(), None) is not None
            if known and len(self.calls) < _MOST:
                self.calls.append(ModuleCall(module, args, kwargs, output))
                if len(self._modules) < _MOST:
                    self._modules.setdefault(id(module), module)
            del self._spy.losses[:-_MOST]
            return output

        return call

    def _backward(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if self.here:
                all_of_them = [tensors] if isinstance(tensors, Tensor) else list(tensors)
                self.backwards = [*self.backwards, *(t for t in all_of_them if isinstance(t, Tensor))][-_MOST:]
            return before(tensors, *args, **kwargs)

        return backward

    def _optimizer(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def make(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            before(optimizer, *args, **kwargs)
            if self.here:
                self._optimizers.append(weakref.ref(optimizer))

        return make

    def _loader(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def read(loader: DataLoader[Any]) -> Any:
            if self.here:
                self.loaders = [*(one for one in self.loaders if one is not loader), loader][-4:]
            return before(loader)

        return read


@contextmanager
def _patched(owner: Any, name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    before = owner.__dict__[name]
    setattr(owner, name, change(before))
    try:
        yield
    finally:
        setattr(owner, name, before)
