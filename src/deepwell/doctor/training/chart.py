"""The chart of one training: all judges together, each trouble said once; fed by deepwell's own loop or by another."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deepwell.doctor.guard import Guard
from deepwell.doctor.training.judges.answers import Answers, Reading
from deepwell.doctor.training.judges.batches import Batches
from deepwell.doctor.training.judges.epochs import Epochs
from deepwell.doctor.training.judges.gradients import Gradients
from deepwell.doctor.training.judges.losses import Losses
from deepwell.doctor.training.judges.modes import Modes
from deepwell.doctor.training.judges.rates import Rates
from deepwell.doctor.training.judges.units import Activation, Norm, Units
from deepwell.doctor.training.judges.updates import Updates
from deepwell.doctor.training.sampling import Look
from deepwell.doctor.training.stopped import Stopped
from deepwell.findings import Finding

_RANK = {"note": 0, "warn": 1, "stop": 2}
_PLACES = 3
"""Layers named of one fault: a hundred lines say no more than three."""


def due(step: int, every: int) -> bool:
    """Whether a step is looked at: often at first, where most goes wrong, then seldom.

    >>> [step for step in range(1, 60) if due(step, 50)]
    [1, 2, 3, 5, 10, 20, 30, 40, 50]
    """
    near = max(1, every // 5)
    return step in (1, 2, 3, 5) or step % every == 0 or (step <= 4 * every and step % near == 0)


def due_units(step: int, every: int) -> bool:
    """Whether activations are looked at too, which costs more."""
    return step % every == 0 or (step <= every and step % max(1, every // 5) == 0)


_CAUSES: dict[str, frozenset[str]] = {
    "O01": frozenset(("O03", "O17", "O20")),
    "O02": frozenset(("O04", "O05", "O09", "O12", "O20")),
    "O08": frozenset(("O01", "O03", "O17", "O20", "M03")),
    "O09": frozenset(("O20",)),
    "O10": frozenset(("O01", "O17", "O20")),
    "O11": frozenset(("O20",)),
    "O12": frozenset(("O03", "O20")),
    "O18": frozenset(("O01", "O03", "O17", "O20")),
    "O19": frozenset(
        ("O01", "O02", "O03", "O04", "O05", "O08", "O09", "O10", "O11", "O12", "O17", "O20", "M01", "M03", "M04", "D12")
    ),
}
"""What follows from what: a consequence is not said beside its cause."""


class Chart:
    """What is known of one training, and what was said about it.

    Args:
        say: where findings go.
    """

    def __init__(self, say: Callable[[Finding], None]) -> None:
        self.say = say
        self.findings: list[Finding] = []
        self.losses, self.batches, self.answers = Losses(), Batches(), Answers()
        self.modes, self.rates, self.epochs, self.units = Modes(), Rates(), Epochs(), Units()
        self.gradients: dict[str, Gradients] = {}
        self.updates: dict[str, Updates] = {}
        self._said: dict[str, int] = {}
        self._guard = Guard(math.inf)

    # ---- what comes in

    def look(self, look: Look, *, of: str = "") -> None:
        """One look at the parameters of one optimiser; ``of`` tells several apart."""
        gradients, updates = self.gradients.setdefault(of, Gradients()), self.updates.setdefault(of, Updates())
        self._run("gradients", gradients.judge, look, self.losses)
        self._run("updates", updates.judge, look, self.losses, scored=self.answers.scored)

    def judge_losses(self, *, ordered: bool = False, batch: Callable[[int], str] = "batch {}".format) -> None:
        """Judge what has gathered: losses, learning rates, batches.

        Args:
            ordered: whether the labels' order counts.
            batch: what a step's batch is called.
        """
        ratios = [u.ratio for u in self.updates.values() if u.ratio is not None]
        turns = [u.turn for u in self.updates.values() if u.turn is not None]
        self._run(
            "losses",
            self.losses.judge,
            ratio=max(ratios, default=None),
            turn=min(turns, default=None),
            scored=self.answers.scored,
            batch=batch,
        )
        self._run("rates", self.rates.judge, self.losses)
        self._run("plateau", self.batches.plateau, self.losses)
        if ordered:
            self._run("order", self.batches.order)
            self._run("reduction", self.batches.reduction)

    def look_at_units(self, activations: Sequence[Activation], norms: Sequence[Norm], *, looks: int = 3) -> None:
        """One forward pass, listened to."""
        self._run("units", self.units.judge, activations, self.losses, looks=looks)
        self._run("normalisation", self.units.norms, norms, worse=self.epochs.worse)

    def read(self, reading: Reading | None, *, size: int) -> None:
        """What was read back of the loss of one step."""
        self._run("answers", self.answers.judge, reading, size=size)
        if reading is None:
            return
        if reading.kind in ("cross_entropy", "nll"):
            self.batches.add_labels(reading.targets.tolist())
        elif reading.kind == "mse":
            self.batches.add_targets(reading.targets.tolist())

    def epoch(self, values: Mapping[str, float]) -> None:
        """An epoch ended."""
        self.rates.epochs += 1
        outside = [name for name in values if name.startswith("val")]
        if outside:
            self._run("modes", self.modes.reported, outside)
        self._run("epochs", self.epochs.judge, values, broken=self.losses.broken)

    def end(self) -> None:
        """The training is over."""
        self._run("end", self.epochs.end)

    # ---- what goes out

    def run(self, name: str, check: Callable[..., Iterable[Finding]], *args: Any, **options: Any) -> None:
        """Run a check that is not the chart's own, and take what it finds."""
        self._run(name, check, *args, **options)

    def _run(self, name: str, check: Callable[..., Iterable[Finding]], *args: Any, **options: Any) -> None:
        self.add(self._guard.run(name, check, *args, **options))

    def harmless(self, name: str, work: Callable[..., None], *args: Any, **options: Any) -> None:
        """Do work of the watch itself; what it raises becomes a note, and the training goes on.

        Raises:
            Stopped: which is no accident.
        """
        try:
            work(*args, **options)
        except Stopped:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            self.add([Finding("C01", "note", "doctor", "raised", {"check": name, "error": reason})])

    def add(self, found: Iterable[Finding]) -> None:
        """Say what was not said yet and no other explains; a trouble that has become worse is said again."""
        for finding in found:
            if _CAUSES.get(finding.code, frozenset()) & self._codes("stop", "warn"):
                continue
            if finding.code == "O20" and "O20" in self._codes("stop"):
                continue  # what is not finite spreads to everything
            place = finding.values.get("check", "") if finding.code == "C01" else finding.where
            key, rank = f"{finding.code} {place}", _RANK[finding.level]
            if self._said.get(key, -1) >= rank:
                continue
            places = [k for k, r in self._said.items() if k.split(" ", 1)[0] == finding.code and r >= rank]
            if len(places) >= _PLACES:
                continue
            self._said[key] = rank
            self.findings.append(finding)
            self.say(finding)

    def _codes(self, *levels: str) -> set[str]:
        """What was said, at these levels, by code."""
        ranks = {_RANK[level] for level in levels}
        return {key.split(" ", 1)[0] for key, rank in self._said.items() if rank in ranks}

    # ---- for a checkpoint

    def state(self) -> dict[str, Any]:
        """Plain JSON values, so that a resumed training is judged like one that was never interrupted."""
        parts = {name: vars(getattr(self, name)) for name in _PARTS}
        tracks = {
            name: [vars(self.gradients[name]), vars(self.updates[name])] for name in self.gradients | self.updates
        }
        return copy.deepcopy({"parts": parts, "tracks": tracks, "said": self._said})

    def load(self, state: Mapping[str, Any]) -> None:
        """Undo ``state``."""
        for name, values in copy.deepcopy(dict(state["parts"])).items():
            vars(getattr(self, name)).update(values)
        for name, (gradients, updates) in copy.deepcopy(dict(state["tracks"])).items():
            vars(self.gradients.setdefault(name, Gradients())).update(gradients)
            vars(self.updates.setdefault(name, Updates())).update(updates)
        self._said = dict(state["said"])


_PARTS = ("losses", "batches", "answers", "modes", "rates", "epochs", "units")
