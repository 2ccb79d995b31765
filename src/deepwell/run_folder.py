"""A run on the disk: what was asked, what was chosen, what came out; enough to go on after any stop."""

from __future__ import annotations

import json
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.core.files import write_json


class Run:
    """A run's folder.

    It holds ``run.json`` (settings, source, fingerprint, versions, the chosen step), ``split.json``,
    ``metrics.jsonl``, ``checkpoints/``, ``model.safetensors`` and ``result.json``.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def exists(self) -> bool:
        return (self.folder / "run.json").is_file()

    def begin(self, facts: dict[str, Any]) -> None:
        """Make the folder and write down what was asked, before anything slow happens.

        Raises:
            UserError: the folder holds something already, or can't be written.
        """
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise UserError(
                f"{self.folder} is there already",
                expected="a new folder for the run",
                fix=f"choose another --out, or continue with `deepwell resume {self.folder}`",
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "run.json", {"format": 1, "status": "begun", **facts, "versions": versions()})
        except OSError as error:
            raise UserError(
                f"the run's folder {self.folder} can't be written ({error.strerror})",
                fix="choose another place with --out",
            ) from None

    def facts(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            UserError: no run there, or a damaged one.
        """
        path = self.folder / "run.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{self.folder} is no run: it has no run.json",
                expected="a folder that `deepwell train` made",
                fix="look into runs/ for the right name",
            ) from None
        except NotADirectoryError:
            raise UserError(
                f"{self.folder} is a file", expected="a run's folder", fix=f"name {self.folder.parent}"
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(f"{path} can't be read ({error})", fix="start the training again") from None
        if not isinstance(value, dict) or value.get("format") != 1:
            raise UserError(f"{path} was written by another version of deepwell", fix="start the training again")
        return value

    def reading(self) -> dict[str, Any]:
        """How the run reads its data, as arguments of ``open``.

        Raises:
            UserError: the data was in memory, so that it can't be read again.
        """
        facts = self.facts()
        given = facts.get("data")
        if given is None or not facts.get("source"):
            raise UserError(
                "the run was trained on data in memory, which its folder does not hold",
                expected="a run that the command line began",
                fix="open the data in Python and call learner.fit(out=..., resume=True)",
            )
        return {k: tuple(v) if k == "size" else v for k, v in given.items() if v is not None}

    def note(self, **facts: Any) -> None:
        """Add to ``run.json``, or change it, atomically."""
        write_json(self.folder / "run.json", {**self.facts(), **facts})

    def write(self, name: str, value: Any) -> None:
        """Write a JSON file of the run."""
        write_json(self.folder / name, value)

    def read(self, name: str) -> Any:
        """Read a JSON file of the run; None where there is none."""
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{path} can't be read ({error})", fix="remove it and resume the run") from None


def unfinished(facts: dict[str, Any]) -> str:
    """What became of a run that has no model, to stand behind "its training".

    >>> unfinished({"status": "training"})
    'was stopped before its end, or is still under way'
    """
    status = str(facts.get("status", ""))
    known = {"begun": "had not begun", "failed": f"failed: {facts.get('reason', 'see its log')}"}
    return known.get(status, "was stopped before its end, or is still under way")


def free_folder(name: str, *, base: str | Path = "runs") -> Path:
    """``runs/NAME-1``, or the first number that is free.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     free_folder("my photos!", base=folder).name
    'my-photos-1'
    """
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    number = 1
    while (Path(base) / f"{stem}-{number}").exists():
        number += 1
    return Path(base) / f"{stem}-{number}"


def versions() -> dict[str, str]:
    """Of everything that may change a result."""
    found = {"python": platform.python_version()}
    for name in ("deepwell", "torch", "numpy", "pillow", "polars", "safetensors"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
