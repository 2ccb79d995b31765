"""Run every fault under one tool, each in a process of its own, and say what the tool did: ``records/TOOL.json``.

python run.py TOOL [--python PATH] [--only FAULT ...] [--logs FOLDER]
"""

# ruff: noqa: E501 - a program a paragraph, read beside the same one of another tool
from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from faults import BY_ID, FAULTS, Fault

HERE = Path(__file__).parent
RECORDS = HERE / "records"
TOOLS: dict[str, tuple[str, dict[str, str], str]] = {
    "torch": ("with_torch.py", {}, "torch"),
    "doctor": ("with_torch.py", {"DOCTOR": "1"}, "deepwell torch"),
    "deepwell": ("with_deepwell.py", {}, "deepwell torch"),
    "keras": ("with_keras.py", {"KERAS_BACKEND": "tensorflow"}, "keras tensorflow-cpu"),
    "keras-torch": ("with_keras.py", {"KERAS_BACKEND": "torch"}, "keras torch"),
    "lightning": ("with_lightning.py", {}, "lightning torch torchmetrics"),
    "skorch": ("with_skorch.py", {}, "skorch scikit-learn torch"),
    "huggingface": ("with_huggingface.py", {}, "transformers accelerate torch"),
}
"""Each tool's programs, environment, and the packages whose versions are recorded."""

_FINDING = re.compile(r"^\s*(?:\S+Stopped: )?(stop|warn|note) ([A-Z]\d\d) (.*)")
_NOISE = re.compile(
    r"DeprecationWarning|FutureWarning|^\s*(File |\^|at 0x)|^\s*[a-z_.]+ ?[=(].*|OUTCOME|LeafSpec|Modules in"
)


def classify(fault: Fault, *, code: int, stdout: str, stderr: str, own: bool) -> dict[str, Any]:
    """What a run shows, by rules that are the same for every tool.

    Args:
        fault: whose words or codes are looked for.
        code: the exit status.
        stdout, stderr: all that was printed.
        own: the messages are findings of deepwell, which are matched by their code.

    Returns:
        ``verdict``: *stop* (an error or refusal that names the cause), *stop, other words* (an error that does not),
        *warn* (a line that names the cause), *note* (deepwell's weakest level), *prevented*, *absent* or *smile*;
        ``line``: the line by which it was decided, ``measured``: what the program itself measured.
    """
    outcome = {"kind": "", "text": ""}
    for line in stdout.splitlines():
        if line.startswith("OUTCOME "):
            outcome = json.loads(line.removeprefix("OUTCOME "))
    lines = [line.strip() for line in (stderr + "\n" + stdout).splitlines() if line.strip()]
    found: dict[str, Any] = {"measured": outcome["text"], "outcome": outcome["kind"], "line": "", "exit": code}
    if outcome["kind"] == "absent":
        return {"verdict": "absent", **found}
    findings = [m for m in map(_FINDING.match, lines) if m]
    if own and findings:
        order = {"stop": 0, "warn": 1, "note": 2}
        named = sorted((m for m in findings if m[2] in fault.codes), key=lambda m: order[m[1]])
        found["others"] = sorted({f"{m[1]} {m[2]}" for m in findings if m[2] not in fault.codes})
        if named:
            return {"verdict": named[0][1], **found, "line": named[0][0]}
    if code:
        # the last line of the trace that names an error, with all lines of its message
        trace = [line.strip() for line in stderr.splitlines() if line.strip()]
        errors = [i for i, line in enumerate(trace) if re.match(r"^[\w.]*(Error|Exception|Stopped|Exit)\b", line)]
        message = " ".join(trace[errors[-1] :] if errors else trace[-3:])[:4000]
        # of deepwell only a refusal in words counts here: its findings were matched by their codes above
        names = (not own or "UserError" in message) and re.search(fault.words, message, re.IGNORECASE)
        return {"verdict": "stop" if names else "stop, other words", **found, "line": message[:400]}
    if not own:
        for line in (re.sub(r"^/\S+\.py:\d+: ", "", line) for line in lines):  # not by the name of the file that warns
            if not _NOISE.search(line) and re.search(fault.words, line, re.IGNORECASE):
                return {
                    "verdict": "prevented" if outcome["kind"] == "prevented" else "warn",
                    **found,
                    "line": line[:400],
                }
    return {"verdict": "prevented" if outcome["kind"] == "prevented" else "smile", **found}


def run(tool: str, names: list[str], python: str, logs: Path, *, again: bool = False) -> dict[str, dict[str, Any]]:
    """Every named fault in a process of its own, and what became of it."""
    script, variables, _ = TOOLS[tool]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **variables}
    logs.mkdir(parents=True, exist_ok=True)
    command = [python, "-W", "default", str(HERE / script), "--into", str(logs), *names]
    if not again:
        subprocess.run(command, cwd=HERE, env=environment, timeout=1200, check=True)
    found = {}
    for name in names:
        stdout, stderr, code = ((logs / f"{name}.{ending}").read_text() for ending in ("out", "err", "exit"))
        own = tool in ("doctor", "deepwell")
        found[name] = classify(BY_ID[name], code=int(code), stdout=stdout, stderr=stderr, own=own)
        print(f"{tool:12} {name:30} {found[name]['verdict']:18} {found[name]['line'][:100]}", flush=True)
        # folders of this machine are no part of what was said
        found[name]["line"] = re.sub(r"(/[\w.+-]+){2,}/", ".../", found[name]["line"])
    return found


def versions(python: str, packages: str) -> dict[str, str]:
    """Of the packages of a tool's environment."""
    program = f"import importlib.metadata as m, platform, json; v = lambda n: next((m.version(k) for k in (n, n.replace('-', '_')) " \
        f"if any(d.name == k for d in m.distributions())), '?'); print(json.dumps({{'python': platform.python_version(), **{{n: v(n) for n in {packages.split()!r}}}}}))"  # fmt: skip
    return json.loads(subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Run what the command line asks for, and keep the rest of the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=sorted(TOOLS))
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the tool's environment")
    parser.add_argument("--only", nargs="*", default=[fault.id for fault in FAULTS])
    parser.add_argument("--again", action="store_true", help="judge what lies in --logs, run nothing")
    parser.add_argument("--logs", type=Path, help="a folder for what every program printed")
    asked = parser.parse_args()
    path = RECORDS / f"{asked.tool}.json"
    before = json.loads(path.read_text())["faults"] if path.is_file() else {}
    logs = asked.logs or Path(tempfile.mkdtemp())
    results = run(asked.tool, asked.only, asked.python, logs, again=asked.again)
    merged = {fault.id: {**before, **results}[fault.id] for fault in FAULTS if fault.id in {**before, **results}}
    RECORDS.mkdir(exist_ok=True)
    record = {"tool": asked.tool, "versions": versions(asked.python, TOOLS[asked.tool][2]), "faults": merged}
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
