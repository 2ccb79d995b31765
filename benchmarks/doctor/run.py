"""How many planted faults the doctor names, and how many healthy programs it disturbs.

    OMP_NUM_THREADS=1 python benchmarks/doctor/run.py [--part development|held-out|all] [--only CODE ...]
        [--programs NAME ...] [--processes 2] [--json FILE] [--text FILE]

Every operator is applied to programs of each half, in an order that depends on its name alone, until two mutants
were found that are really worse than their originals (``verdicts.py``; kept in ``records/verdicts.json``, so that the
next run need not train again). Each of these is examined before training and watched for its first 200 steps.

A hit is a stop or a warning with the operator's code or one that names the cause as well or mends it. A fault that can
be known before training must be named before training. A stop or a warning with any other code is a wrong cause, and
what stands alone with wrong causes is a miss. Notes are not counted; the second column says what they would add.

Thresholds may be tuned on the development half alone. The rates to be quoted are those of the held-out half.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

RECORDS = Path(__file__).resolve().parents[1] / "records"
VERDICTS = RECORDS / "doctor_verdicts.json"
PER_HALF = 2
TRIED = 5
"""Mutants an operator and a half: as many as are wanted, and as many as are tried for them."""


@dataclass
class Row:
    """One mutant, and what was said of it; or one healthy program."""

    half: str
    program: str
    operator: str = ""
    code: str = ""
    right: list[str] = field(default_factory=list)
    stage: str = ""
    loop: str = ""
    why: str = ""
    before: list[tuple[str, str, str]] = field(default_factory=list)
    during: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    raised: str = ""

    def said(self, *levels: str) -> set[str]:
        """Codes that count: for a fault that can be known before training those of ``before``."""
        found = self.before if self.stage == "preflight" else [*self.before, *self.during]
        return {code for level, code, _ in found if level in levels}

    @property
    def hit(self) -> bool:
        return self._right(self.said("stop", "warn"))

    @property
    def late(self) -> bool:
        """Named by the watch though it could have been known before."""
        return self._right({code for level, code, _ in self.during if level != "note"})

    @property
    def noted(self) -> bool:
        return self._right(self.said("stop", "warn", "note"))

    @property
    def wrong(self) -> set[str]:
        """Stops and warnings with another cause."""
        loud = {code for level, code, _ in [*self.before, *self.during] if level != "note"}
        return {code for code in loud if not self._right({code})}

    def _right(self, codes: set[str]) -> bool:
        # deepwell's own loop refuses some data and models with an error that says what to do
        return bool(codes & {*self.right, "refused"})


def halves() -> dict[str, tuple[str, ...]]:
    import programs

    return {"development": programs.DEVELOPMENT, "held-out": programs.HELD_OUT}


def _order(names: tuple[str, ...], key: str) -> list[str]:
    """The same programs in an order of the key's own."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{key} {name}".encode()).digest())


def mutants(
    name: str, half: str, only: list[str], known: dict[str, Any], ask: bool = True, known_only: bool = False
) -> tuple[list[Row], dict[str, Any]]:
    """Rows of one operator in one half, and the verdicts that were made for them."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    import verdicts
    from operators import OPERATORS
    from programs import PROGRAMS

    operator = OPERATORS[name]
    rows: list[Row] = []
    made: dict[str, Any] = {}
    candidates = [p for p in _order(halves()[half], name) if operator.applies(PROGRAMS[p]) and (not only or p in only)]
    tried = 0
    for candidate in candidates:
        if len(rows) >= PER_HALF or tried >= TRIED:
            break
        program, key = PROGRAMS[candidate], f"{candidate} | {name}"
        verdict = known.get(key)
        if verdict is None and known_only:
            continue
        if verdict is None or verdict["digest"] != verdicts.digest(operator):
            verdict = verdicts.judge(program, operator).to_json()
            made[key] = verdict
        tried += verdict["worse"] is not None
        if not verdict["worse"]:
            continue
        row = Row(half, candidate, name, operator.code, sorted(operator.right), operator.stage, program.loop)
        row.why = verdict["why"]
        if ask:
            _ask(row, operator.mutate(program))
        rows.append(row)
    return rows, made


def _ask(row: Row, mutant: Any) -> None:
    """What the doctor says, before and, where the training can begin, during it."""
    import doctored

    before = doctored.before(mutant)
    row.before, row.seconds, row.raised = before.findings, before.seconds, before.raised
    if not (before.raised or "refused" in before.codes("stop")):
        row.during = doctored.during(mutant).findings


def healthy(name: str, half: str) -> list[Row]:
    """What is said of a program that is right."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    import doctored
    from healthy import HEALTHY
    from programs import PROGRAMS

    program = {**PROGRAMS, **HEALTHY}[name]
    before, during = doctored.before(program), doctored.during(program)
    row = Row(half, name, before=before.findings, during=during.findings, seconds=before.seconds, loop=program.loop)
    row.raised = before.raised or during.raised
    return [row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["development", "held-out", "all"], default="all")
    parser.add_argument("--only", nargs="+", default=[], metavar="CODE", help="operators of these codes")
    parser.add_argument("--programs", nargs="+", default=[])
    parser.add_argument("--verdicts-only", action="store_true", help="measure which mutants are worse, ask nothing")
    parser.add_argument("--known-only", action="store_true", help="leave out mutants without a verdict")
    parser.add_argument("--no-healthy", action="store_true")
    parser.add_argument("--no-mutants", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--text", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begun = time.perf_counter()
    rows = collect(given)
    if given.verdicts_only:
        return
    import report

    text = report.text(rows, time.perf_counter() - begun)
    print(text)
    if given.text:
        given.text.write_text(text + "\n", encoding="utf-8")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=0) + "\n", encoding="utf-8")


def collect(given: argparse.Namespace) -> list[Row]:
    """Everything that was asked for, by several processes."""
    from healthy import HALVES
    from operators import OPERATORS

    known = json.loads(VERDICTS.read_text()) if VERDICTS.exists() else {}
    parts = ["development", "held-out"] if given.part == "all" else [given.part]
    rows: list[Row] = []
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        tasks: dict[Any, str] = {}
        for half in parts:
            if not given.no_mutants:
                for name, operator in OPERATORS.items():
                    if not given.only or operator.code in given.only:
                        tasks[
                            pool.submit(
                                mutants, name, half, given.programs, known, not given.verdicts_only, given.known_only
                            )
                        ] = f"{half} {name}"
            if not (given.no_healthy or given.only or given.verdicts_only):
                for name in [*halves()[half], *HALVES[half]]:
                    if not given.programs or name in given.programs:
                        tasks[pool.submit(healthy, name, half)] = f"{half} {name}"
        saved = time.perf_counter()
        for number, task in enumerate(as_completed(tasks), 1):
            found = task.result()
            if isinstance(found, tuple):
                found, made = found
                known.update(made)
            rows += found
            if time.perf_counter() - saved > 20 or number == len(tasks):
                saved = time.perf_counter()
                _save(known)
                print(f"{number} of {len(tasks)}: {tasks[task]}", file=sys.stderr, flush=True)
    return sorted(rows, key=lambda row: (row.half, row.code, row.operator, row.program))


def _save(known: dict[str, Any]) -> None:
    """Verdicts of another run that ended meanwhile are kept."""
    there = json.loads(VERDICTS.read_text()) if VERDICTS.exists() else {}
    there.update(known)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(there[key])}" for key in sorted(there))
    VERDICTS.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
