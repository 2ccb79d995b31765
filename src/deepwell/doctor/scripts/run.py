"""An existing training script, run up to its first steps under the watch, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.findings import Finding

STEPS = 30
"""Steps of an optimizer that are watched."""


@dataclass(frozen=True)
class ScriptReport:
    """What was seen of a script.

    Attributes:
        state: ``enough``: it was ended after so many steps; ``ended``: it came to its end before; ``exited``: it
            ended itself with an exit code; ``raised``: it ended with an error; ``interrupted``; ``killed``.
        code: its exit code.
        steps: of the optimizer that made most.
        findings: worst first.
        remarks: about the watching itself: name and values.
    """

    state: str
    code: int
    steps: int
    findings: Sequence[Finding]
    remarks: Sequence[tuple[str, Mapping[str, Any]]]


def examine_script(
    script: str | Path, arguments: Sequence[str] = (), *, steps: int = STEPS, classes: int | None = None
) -> ScriptReport:
    """Run a training script under the watch until it has made some steps, and end it there.

    The script runs as it is, in this folder, with this Python: what it writes in its first steps it writes. What it
    prints goes to standard error.

    Args:
        script: a Python file that trains with PyTorch.
        arguments: its own.
        steps: of an optimizer to watch.
        classes: number of exclusive classes, where it is known.

    Raises:
        UserError: no such file, no Python, no steps.
    """
    path = Path(script)
    if not path.is_file():
        raise UserError(f"there is no script {path}", expected="a Python file that trains", fix="check the path")
    if steps < 1:
        raise UserError(f"steps is {steps}", expected="1 or more", fix="leave --steps out")
    with tempfile.TemporaryDirectory(prefix="deepwell-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "deepwell.doctor.scripts.child", str(report), str(steps)]
        process = subprocess.Popen([*command, str(classes or ""), str(path), *arguments], stdout=2)
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the script got it too; it says what it saw
            code = process.wait()
        facts = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    findings = [Finding(*one) for one in facts.get("findings", ())]
    remarks = [(name, values) for name, values in facts.get("remarks", ())]
    state = facts.get("state", "killed")
    return ScriptReport("killed" if state == "running" else state, code, facts.get("steps", 0), findings, remarks)
