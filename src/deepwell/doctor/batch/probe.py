"""One batch through model and loss: what all checks of a model look at."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from deepwell.doctor.batch.identify import identify, mean_of
from deepwell.doctor.spy import LossCall, Spy

Loss = Callable[[Any, Any], Any]
SEED = 20_011
"""Every pass of a probe begins with this seed: a model that draws noise draws the same each time."""


@dataclass
class Probe:
    """A batch, and what model and loss made of it in evaluation mode.

    Attributes:
        model, loss, x, y: as the user gave them; ``loss(scores, y)``.
        output: what the model returned, with its graph.
        scores: the first tensor of it, [n, ...].
        value: the loss as one number, 0-dim with its graph.
        calls: the losses that were called, or the one that the loss's behaviour shows it to be.
        classes: number of exclusive classes where it is known.
        asleep: names of modules that were in evaluation mode in a model that was in training mode.
    """

    model: nn.Module
    loss: Loss
    x: Any
    y: Any
    output: Any
    scores: Tensor
    value: Tensor
    calls: list[LossCall]
    classes: int | None
    asleep: frozenset[str] = frozenset()

    @property
    def first(self) -> Tensor:
        """The first tensor of the inputs."""
        return next(tensors(self.x))

    def forward(self, x: Any = None) -> Tensor:
        """Scores for other inputs, without gradients, with the noise of every other pass."""
        with torch.no_grad():
            torch.manual_seed(SEED)
            return next(tensors(answer(self.model, self.x if x is None else x)))

    def first_not_finite(self) -> str:
        """The name of the first layer whose output is not finite, or ""."""
        found: list[str] = []

        def look(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
                if not found and any(t.is_floating_point() and not bool(t.isfinite().all()) for t in tensors(output)):
                    found.append(name)

            return hook

        leaves = [(name, m) for name, m in self.model.named_modules() if not any(m.children())]
        hooks = [m.register_forward_hook(look(name)) for name, m in leaves]
        try:
            self.forward()
        finally:
            for hook in hooks:
                hook.remove()
        return found[0] if found else ""

    def copied(self) -> tuple[nn.Module, Loss] | None:
        """Model and loss that can be trained; None where they can't be copied, or where the loss holds the model."""
        if _holds(self.loss, self.model):
            return None
        memo: dict[int, Any] = {}
        try:
            return copy.deepcopy(self.model, memo), copy.deepcopy(self.loss, memo)
        # a module may hold anything: a lock, a file, a tensor with a graph
        except Exception:
            return None


def judged(model: nn.Module, loss: Loss, x: Any, y: Any, output: Any, classes: int | None) -> Probe:
    """The probe of an output that is there already."""
    scores = next((t for t in tensors(output) if t.is_floating_point() and t.dim()), None)
    if scores is None:
        raise TypeError(f"the model answers with {type(output).__name__}, which holds no tensor of scores")
    with torch.enable_grad(), Spy() as spy:
        value = mean_of(loss(output, y))
    calls = [call for call in spy.losses if call.scores.numel()]
    direct = any(call.scores.data_ptr() == output.data_ptr() for call in calls) if isinstance(output, Tensor) else True
    if not direct and isinstance(y, Tensor):
        # written by hand, or something is done to the scores first: what the whole function is tells what it expects
        calls += identify(loss, output, y)
    return Probe(model, loss, x, y, output, scores, value, calls, classes)


def answer(model: nn.Module, x: Any) -> Any:
    """The model on a batch: a tensor as it is, a tuple as several arguments, a mapping as named ones."""
    if isinstance(x, Mapping):
        return model(**x)
    return model(*x) if isinstance(x, (tuple, list)) else model(x)


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in a tensor, tuple, mapping or object of them."""
    leaves, _ = _pytree.tree_flatten(value)
    yield from (leaf for leaf in leaves if isinstance(leaf, Tensor))


def replaced(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed."""
    return _pytree.tree_map(lambda leaf: change(leaf) if isinstance(leaf, Tensor) else leaf, value)


def _holds(loss: Any, model: nn.Module) -> bool:
    """Whether a function has the model, or a part of it, in its closure: a copy of it would train the original."""
    parts = {id(module) for module in model.modules()} | {id(p) for p in model.parameters()}
    found = [cell.cell_contents for cell in getattr(loss, "__closure__", None) or () if _filled(cell)]
    found += [(getattr(loss, "__globals__", None) or {}).get(name) for name in _names(loss)]
    owner = getattr(loss, "__self__", None)
    return any(id(value) in parts for value in [*found, owner])


def _names(function: Any) -> tuple[str, ...]:
    code = getattr(function, "__code__", None)
    return code.co_names if code is not None else ()


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
