"""What the doctor says of a program: before training, and while it watches the first steps."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from programs import Program, adversarial, build, learners, train
from programs.program import Enough

from deepwell import doctor
from deepwell.core.errors import UserError

WATCHED = 200
"""Steps that the watch sees."""
_SAID = re.compile(r"^(stop|warn|note) ([A-Z]\d\d)\b")
REFUSED = "refused"
"""Stands for a code where deepwell refuses data with an error that says what to do, which is more than a finding."""


@dataclass
class Said:
    """What was said: (level, code, where or text), and what the program raised itself."""

    findings: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    raised: str = ""

    def codes(self, *levels: str) -> set[str]:
        return {code for level, code, _ in self.findings if level in levels}

    @property
    def loud(self) -> set[str]:
        """Codes of stops and warnings."""
        return self.codes("stop", "warn")


def before(program: Program, seed: int = 0) -> Said:
    """``examine`` for a plain loop, ``check`` for a Learner."""
    said = Said()
    made = None
    try:
        made = _about_to_train(program, seed)
        begun = time.perf_counter()
        found = made.check() if program.loop == "learner" else examined(program, made, batch_of(program, made))
        said.seconds = time.perf_counter() - begun
        said.findings = [(f.level, f.code, str(f).splitlines()[0]) for f in found]
    except UserError as error:
        said.findings = [("stop", REFUSED, str(error).splitlines()[0])]
    # a mutant may raise what it likes, also while it is built: that too is an answer
    except Exception as error:
        said.raised = f"{type(error).__name__}: {error}"[:200]
    return said


def _about_to_train(program: Program, seed: int) -> Any:
    if program.loop == "learner":
        return learners.learner(program, seed)[0]
    return adversarial.build(program, seed)[0] if program.task == "samples" else build(program, seed)


def batch_of(program: Program, made: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """What a user would give to ``examine``; of an adversarial pair, what the discriminator sees."""
    return adversarial.judged(made) if program.task == "samples" else next(iter(made.train))


def examined(program: Program, made: Any, batch: tuple[torch.Tensor, torch.Tensor]) -> list[Any]:
    """As a user calls it: the model, the loss, a batch of the loader, and the loaders."""
    if program.task == "samples":
        return doctor.examine(made.model.discriminator, program.loss, batch, optimizer=made.optimizer)
    return doctor.examine(
        made.model,
        program.loss,
        batch,
        optimizer=made.optimizer,
        train_data=made.train,
        val_data=made.validation,
    )


class _Limited:
    """A watch that has enough after some steps."""

    def __init__(self, watch: Any) -> None:
        self.watch, self.seen = watch, 0

    def step(self, loss: torch.Tensor) -> None:
        self.watch.step(loss)
        self.seen += 1
        if self.seen >= WATCHED:
            raise Enough

    def epoch(self, **values: float) -> None:
        self.watch.epoch(**values)


def during(program: Program, seed: int = 0) -> Said:
    """``watch`` over the first steps of a plain loop, or what ``fit`` of a Learner says in them."""
    said = Said()
    begun = time.perf_counter()
    try:
        if program.loop == "learner":
            _fit(program, seed, said)
        elif program.task == "samples":
            _watch_pair(program, seed, said)
        else:
            _watch(program, seed, said)
    except UserError as error:
        first = str(error).splitlines()[0]
        code = _SAID.match(first)
        said.findings.append(("stop", code[2] if code else REFUSED, first))
    except Exception as error:
        said.raised = f"{type(error).__name__}: {error}"[:200]
    said.seconds = time.perf_counter() - begun
    return said


def _watch(program: Program, seed: int, said: Said) -> None:
    made = build(program, seed)
    with doctor.watch(made.model, made.optimizer, scheduler=made.scheduler, on_stop="say", say=_nothing) as w:
        try:
            with contextlib.suppress(Enough):
                train(program, seed, watch=_Limited(w), built=made)
        finally:
            said.findings = [(f.level, f.code, str(f).splitlines()[0]) for f in w.findings]


def _watch_pair(program: Program, seed: int, said: Said) -> None:
    """One watch for each network of an adversarial pair."""
    made, other = adversarial.build(program, seed)
    with (
        doctor.watch(made.model.discriminator, made.optimizer, on_stop="say", say=_nothing) as first,
        doctor.watch(made.model.generator, other, on_stop="say", say=_nothing) as second,
    ):
        try:
            with contextlib.suppress(Enough):
                train(program, seed, watch=(_Limited(first), _Limited(second)), built=(made, other))
        finally:
            found = [*first.findings, *second.findings]
            said.findings = [(f.level, f.code, str(f).splitlines()[0]) for f in found]


def _fit(program: Program, seed: int, said: Said) -> None:
    lines: list[str] = []
    made = learners.learner(program, seed, say=lines.append)
    try:
        train(program, seed, watch=WATCHED, built=made)
    finally:
        for line in lines:
            if code := _SAID.match(line):
                said.findings.append((code[1], code[2], line.splitlines()[0]))


def _nothing(*_: Any) -> None:
    return None
