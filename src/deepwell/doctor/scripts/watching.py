"""Finds model, loss and optimizer of a program that is running, examines them once and watches its steps."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import IterableDataset

from deepwell.doctor.batch.examine import examine
from deepwell.doctor.scripts.overheard import ModuleCall, Overheard
from deepwell.doctor.scripts.rebuilt import rebuild
from deepwell.doctor.training.watch import watch
from deepwell.findings import Finding, worst_first


class ScriptWatch:
    """What is seen of a program while ``watching``.

    Args:
        report: file that is written again after each thing that was learnt: the process may be killed.
        steps: of an optimizer, after which the program is ended.
        classes: number of exclusive classes, where it is known.
    """

    def __init__(self, report: Path, *, steps: int, classes: int | None) -> None:
        self.report = report
        self.steps = steps
        self.classes = classes
        self.ear = Overheard()
        self.found: list[Finding] = []
        self.remarks: list[tuple[str, dict[str, Any]]] = []
        self.watched: list[tuple[Any, Any]] = []  # first optimizer, watch
        self._counts: dict[int, int] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Everything that the program does inside is seen."""
        hooks = [
            register_optimizer_step_pre_hook(lambda optimizer, _a, _k: self.before_step(optimizer)),
            register_optimizer_step_post_hook(lambda optimizer, _a, _k: self.after_step(optimizer)),
        ]
        try:
            with self.ear.listening():
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def before_step(self, optimizer: Any) -> None:
        # a step that is given a closure computes its loss inside: it is looked at before the second
        if self.ear.here and self.ear.backwards and not self._is_known(optimizer):
            with self.ear.not_listening(), _same_random_state():
                self._begin(optimizer)
            self.write("running")

    def after_step(self, optimizer: Any) -> None:
        if not self.ear.here:
            return
        self._counts[id(optimizer)] = self._counts.get(id(optimizer), 0) + 1
        for first, one in self.watched:
            if first is optimizer and (value := self._loss()) is not None:
                labels = self.ear.losses[0].targets if len(self.ear.losses) == 1 else None
                with self.ear.not_listening():
                    one.step(value, y=labels)
        if max(self._counts.values()) >= self.steps:
            self.write("enough")
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
        if self._is_known(optimizer) or self._counts[id(optimizer)] > 1:
            self.ear.forget()

    def _is_known(self, optimizer: Any) -> bool:
        return any(optimizer is one for _, watching in self.watched for one in watching.optimizers)

    def _loss(self) -> Tensor | None:
        if len(self.ear.losses) == 1 and self.ear.losses[0].value.dim() == 0:
            return self.ear.losses[0].value.detach()
        last = next((t for t in reversed(self.ear.backwards) if t.numel() == 1), None)
        return None if last is None else last.detach().reshape(())

    def _begin(self, optimizer: Any) -> None:
        """The first step of an optimizer: what it trains is known now."""
        mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
        modules = [one for one in self.ear.modules if any(id(p) in mine for p in one.parameters())]
        calls = [call for call in self.ear.calls if any(call.module is one for one in modules)]
        if not modules:
            self.remark("no_model")
            return
        theirs = {id(p) for module in modules for p in module.parameters()}
        others = [
            one
            for one in self.ear.optimizers
            if one is not optimizer and any(id(p) in theirs for group in one.param_groups for p in group["params"])
        ]
        if others:
            self.remark("optimizers", count=1 + len(others))
        # an optimizer that shares its model would seem to have forgotten half of it
        self._examine(None if others else optimizer, modules, calls)
        model = modules[0] if len(modules) == 1 else nn.ModuleList(modules)
        watching = watch(model, [optimizer, *others], on_stop="say", say=lambda _text: None)
        watching.__enter__()
        self.watched.append((optimizer, watching))

    def _examine(self, optimizer: Any | None, modules: list[nn.Module], calls: list[ModuleCall]) -> None:
        names = [type(module).__name__ for module in modules]
        if len(modules) > 1:
            self.remark("several_models", names=names)
            return
        losses = [one for one in self.ear.losses if one.value.requires_grad]
        if not losses:
            self.remark("own_loss", model=names[0])
            return
        # parts of a batch that are added up are alike; a GAN has several optimizers and two kinds of batches
        parts = len(losses) == len(calls) == len(self.ear.backwards) and len(self.ear.optimizers) == 1
        if len(losses) > 1 and not parts:
            self.remark("several_losses", names=[call.name for call in losses[:5]])
            return
        loss = losses[-1]
        x = _batch(calls[-1]) if calls else None
        made = rebuild(calls[-1].output, loss, _size(x)) if x is not None else None
        if made is None:
            self.remark("no_way", model=names[0], loss=loss.name)
            return
        self.remark("seen", model=names[0], loss=loss.name)
        self.found += examine(
            modules[0], made.loss, (x, made.targets), optimizer=optimizer, train_data=self._data(x),
            classes=self.classes,
        )  # fmt: skip

    def _data(self, x: Any) -> Any:
        """The loader of the training, where the batch can be its own and reading it again harms nothing."""
        if not self.ear.loaders:
            return None
        loader = self.ear.loaders[-1]
        if isinstance(loader.dataset, IterableDataset) or loader.batch_size != _size(x):
            return None
        return loader

    def remark(self, name: str, **values: Any) -> None:
        """Something about the watching itself, by name: the words are the command line's."""
        if name not in [one for one, _ in self.remarks]:
            self.remarks.append((name, values))

    def write(self, state: str) -> None:
        """What is known so far."""
        if state != "running":
            with self.ear.not_listening():
                for _, one in self.watched:
                    one.__exit__(None, None, None)
        found = worst_first([*self.found, *(f for _, one in self.watched for f in one.findings)])
        value = {
            "state": state,
            "steps": max(self._counts.values(), default=0),
            "remarks": self.remarks,
            "findings": [[f.code, f.level, f.where, f.saw, dict(f.values)] for f in found],
        }
        part = self.report.with_suffix(".part")
        part.write_text(json.dumps(value, default=str), encoding="utf-8")
        part.replace(self.report)


def _batch(call: ModuleCall) -> Any:
    """The inputs of a call as ``examine`` takes them; None where it can't give them to the model again."""
    if not call.kwargs:
        return call.args[0] if len(call.args) == 1 else tuple(call.args) or None
    try:
        bound = inspect.signature(call.module.forward).bind(*call.args, **call.kwargs)
    except (TypeError, ValueError):
        return None
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kinds = {name: parameter.kind for name, parameter in bound.signature.parameters.items()}
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if kinds[name] == variable[0]:
            return None
        arguments.update(value if kinds[name] == variable[1] else {name: value})
    return arguments


def _size(x: Any) -> int:
    first = next((t for t in torch.utils._pytree.tree_leaves(x) if isinstance(t, Tensor) and t.dim()), None)
    return 0 if first is None else int(first.shape[0])


@contextlib.contextmanager
def _same_random_state() -> Iterator[None]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.random.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
