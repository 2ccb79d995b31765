"""The check before a training: the data, then model, loss and optimiser on one batch; and what is done about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.dataset import Data, Prepared
from deepwell.doctor.batch.examine import BUDGET, examine
from deepwell.doctor.batch.trial import Rule
from deepwell.doctor.data import look
from deepwell.findings import Finding, known_codes, worst_first
from deepwell.optim import build as build_optimizer
from deepwell.optim import undecayed
from deepwell.settings import Settings
from deepwell.train.step import LossFunction

BATCH = 32


class CheckError(UserError):
    """A training that is refused; ``findings`` says why, and with ``allow`` it is made all the same."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        codes = ", ".join(f"'{code}'" for code in dict.fromkeys(f.code for f in findings))
        text = "\n".join(str(finding) for finding in findings)
        super().__init__(
            f"not trained, because of what was found\n{text}", fix=f"mend it, or insist: fit(..., allow=[{codes}])"
        )


def check(
    data: Data,
    prepared: Prepared,
    network: nn.Module,
    loss: LossFunction,
    settings: Settings,
    batch: Tensor,
    *,
    seconds: float = BUDGET,
) -> list[Finding]:
    """Findings on the data, and on one batch, worst first.

    Args:
        data, prepared: as they came, and encoded and split.
        network, loss, settings: of the training to come.
        batch: the inputs of the first ``len(batch)`` training samples, as the network takes them.
        seconds: for all checks, once the data is encoded; those that would begin later are left out with a note.
    """
    begin = time.perf_counter()
    output = prepared.output
    findings = look(
        targets=prepared.targets,
        classes=output.classes,
        split=prepared.split,
        rows=prepared.rows,
        skipped=prepared.skipped,
        pictures=prepared.input.kind == "image",
        raw=data.source.x if prepared.input.learns_first else None,
        answer=output.kind,
        weighted=settings.class_weights is not None,
        batch_size=settings.batch_size,
        budget=seconds / 2,
    )
    if hasattr(prepared.input, "findings"):
        findings += prepared.input.findings(prepared.rows, prepared.split)
    y = prepared.targets[torch.from_numpy(prepared.split.train[: len(batch)])].to(batch.device)
    findings += examine(
        network,
        loss,
        (batch, y),
        optimizer=_rule(network, settings),
        classes=len(output.classes) if output.kind == "category" else None,
        budget=max(1.0, seconds - (time.perf_counter() - begin)),
    )
    return worst_first(findings)


def _rule(network: nn.Module, settings: Settings) -> Rule | None:
    """How the training will change weights; nothing for a frozen encoder, whose head alone learns, from features."""
    if settings.freeze or settings.learning_rate is None:
        return None
    names = undecayed(network)

    def build(named: Sequence[tuple[str, Tensor]]) -> Any:
        decay = settings.weight_decay or 0.0
        return build_optimizer(settings.optimizer or "adam", named, weight_decay=decay, l1=settings.l1, undecayed=names)

    kinds = {
        "adam": "Adam", "adamw": "AdamW", "muon": "Muon", "rmsprop": "RMSprop", "adagrad": "Adagrad",
        "adadelta": "Adadelta",
    }  # fmt: skip
    numbers = {"weight_decay": settings.weight_decay or 0.0, "l1": settings.l1}
    return Rule(build, settings.learning_rate, kinds.get(settings.optimizer or "adam", "SGD"), numbers)


def refuse(findings: Sequence[Finding], allow: str | Collection[str], tell: Callable[[str], None]) -> None:
    """Say what was found, and refuse to train where something of it stops.

    Raises:
        UserError: a code that is none.
        CheckError: a finding of level stop whose code is not in ``allow``.
    """
    allow = known_codes(allow)
    for finding in findings:
        tell(str(finding))
    if stops := [f for f in findings if f.level == "stop" and f.code not in allow]:
        raise CheckError(stops)
