"""The test part is sealed: each look at it is written down, by whatever run on this machine.

A test part tells how a model does on what it has not seen as long as nothing is chosen by it. Who compares twenty runs
on it and keeps the best has chosen by it, and the best one's score is partly luck. That can't be forbidden, but it can
be counted and said.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepwell.core.files import cache_folder, digest_bytes

MANY = 20
"""Looks from which a person is warned."""

_NAME = "test_uses.jsonl"


@dataclass(frozen=True)
class Looks:
    """How often a test part has been looked at.

    Attributes:
        looks: by training's own report, evaluate, compare and report, this one included.
        runs: how many runs looked.
        note: why the count may be too low; "" else.
    """

    looks: int
    runs: int
    note: str = ""

    @property
    def many(self) -> bool:
        """Whether choosing by this test part would use it up."""
        return self.looks >= MANY

    def __str__(self) -> str:
        times = "once" if self.looks == 1 else f"{self.looks:,} times"
        by = "1 run" if self.runs == 1 else f"{self.runs:,} runs"
        text = f"the test part has been looked at {times} by {by}; use it to report, choose by the validation part"
        if self.many:
            text += (
                ". That is often: of many runs that are alike, the best on this test part was lucky on it, so its "
                "score promises more than new data will give; hold out new samples before the last word"
            )
        return text + (f" ({self.note})" if self.note else "")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"looks": self.looks, "runs": self.runs, "note": self.note}


def count(learner: Any, what: str) -> Looks | None:
    """Write down that the test part of a learner's data is looked at, and say how often it has been.

    The list lies in the user's cache, one for each test part (the data's fingerprint and the rows held out), and in
    the run's folder, so that neither a cleared cache nor a run that is moved loses its own. Lines are appended, and a
    line this short is written whole: writers at the same time do not disturb each other.

    Args:
        learner: with prepared data.
        what: who looks: ``train``, ``evaluate``, ``compare``, ``report``.

    Returns:
        None where the data is neither of a run nor in memory as arrays or texts: to tell it from other data would
        mean to read all of it.
    """
    mark = _mark(learner)
    if mark is None:
        return None
    run = learner.run
    who = str(run.folder.absolute()) if run is not None else f"in memory, process {os.getpid()}"
    look = {"id": uuid.uuid4().hex, "part": mark, "what": what, "run": who, "time": int(time.time())}
    shared = cache_folder() / "test_uses" / f"{mark}.jsonl"
    files = [shared, *([run.folder / _NAME] if run is not None else [])]
    failed = [path for path in files if not _append(path, look)]
    known = {one["id"]: one for path in files for one in _read(path) if one["part"] == mark} | {look["id"]: look}
    note = f"{failed[0]} can't be written, so looks may be missing" if failed else ""
    return Looks(len(known), len({one["run"] for one in known.values()}), note)


def _mark(learner: Any) -> str | None:
    """Which test part it is: of which data, and which rows."""
    facts = learner.run.facts() if learner.run is not None and learner.run.exists else {}
    data = facts.get("fingerprint")
    if data is None:
        if hasattr(learner.data.source.x, "dataset"):  # a torch dataset, whose samples are made one by one
            return None
        data = learner.data.fingerprint()
    prepared = learner.prepared()
    rows = np.array(prepared.places(prepared.split.test), dtype=np.int64)
    return digest_bytes(str(data).encode() + rows.tobytes())


def _append(path: Path, look: dict[str, Any]) -> bool:
    line = (json.dumps(look, ensure_ascii=False) + "\n").encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            return os.write(descriptor, line) == len(line)
        finally:
            os.close(descriptor)
    return False


def _read(path: Path) -> list[dict[str, Any]]:
    """The looks in a file; a line that is damaged counts for nothing."""
    found = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                one = json.loads(line)
                if isinstance(one, dict) and all(isinstance(one.get(key), str) for key in ("id", "part", "run")):
                    found.append(one)
    return found
