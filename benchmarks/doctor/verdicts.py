"""Whether a mutant is really worse than its original: measured once, kept in ``records/verdicts.json``.

A mutant counts if it raises an error, or if over the same seeds its score on data that neither program has seen is
lower than the original's, or if what it reports is further from that score than what the original reports. "Lower"
means a one-sided paired t-test at 5 % and a difference that somebody would care about; three seeds, and five where
three leave it open.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import math
import statistics
import textwrap
from dataclasses import asdict, dataclass, field

from operators import DoesNotApply, Operator
from programs import Program, train

from deepwell.core.errors import UserError

LEAST = {"score": 0.02, "reported": 0.03}
"""The smallest difference that counts, in the units of the score."""
_T = {3: 2.920, 5: 2.132}  # one-sided 5 % points of Student's t with n - 1 degrees of freedom
PROGRAMS_VERSION = 1
"""To be raised when a program changes: what was measured before no longer counts."""


@dataclass
class Verdict:
    """``worse`` by ``why`` (crash, score, reported, declared), or not; None where the operator does not apply."""

    worse: bool | None
    why: str = ""
    scores: list[float] = field(default_factory=list)
    originals: list[float] = field(default_factory=list)
    digest: str = ""

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def digest(operator: Operator) -> str:
    """Of what the operator does, however it is formatted and whatever it is said to be."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(operator.mutate))).body
    lines = [ast.dump(line) for line in getattr(function, "body", [function]) if not _is_text(line)]
    return hashlib.sha256(f"{PROGRAMS_VERSION}{lines}".encode()).hexdigest()[:12]


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


_originals: dict[tuple[str, int], tuple[float, float]] = {}


def original(program: Program, seed: int) -> tuple[float, float]:
    """Score and report of the healthy program."""
    key = (program.name, seed)
    if key not in _originals:
        run = train(program, seed)
        _originals[key] = run.score, run.reported
    return _originals[key]


def judge(program: Program, operator: Operator) -> Verdict:
    """Train original and mutant on the same seeds."""
    scores: list[tuple[float, float]] = []
    before: list[tuple[float, float]] = []
    found = Verdict(False, digest=digest(operator))
    try:
        mutant = operator.mutate(program)
        for seed in range(5):
            before.append(original(program, seed))
            run = train(mutant, seed)
            scores.append((run.score, run.reported))
            if len(scores) not in _T:
                continue
            if why := _worse(before, scores):
                found.worse, found.why = True, why
                break
            if max(_means(before, scores)) < LEAST["score"]:
                break
    except DoesNotApply as error:
        return Verdict(None, str(error), digest=found.digest)
    except UserError as error:
        found.worse, found.why = True, f"refused: {str(error).splitlines()[0]}"
    except Exception as error:  # whatever a mutant raises
        found.worse, found.why = True, f"crash: {type(error).__name__}: {error}"[:160]
    if operator.declared and not found.worse:
        found.worse, found.why = True, f"declared: {operator.declared}"
    found.scores = [round(score, 4) for score, _ in scores]
    found.originals = [round(score, 4) for score, _ in before[: len(scores)]]
    return found


def _differences(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> dict[str, list[float]]:
    """How much lower the score is, and how much further off the report."""
    lower = [a[0] - b[0] for a, b in zip(before, after, strict=True)]
    off = [abs(b[1] - b[0]) - abs(a[1] - a[0]) for a, b in zip(before, after, strict=True)]
    return {"score": lower, "reported": [0.0 if math.isnan(value) else value for value in off]}


def _means(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> list[float]:
    return [statistics.mean(values) for values in _differences(before, after).values()]


def _worse(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> str:
    for name, values in _differences(before, after).items():
        mean, spread = statistics.mean(values), statistics.stdev(values)
        if mean >= LEAST[name] and mean > _T[len(values)] * spread / math.sqrt(len(values)):
            return name
    return ""
