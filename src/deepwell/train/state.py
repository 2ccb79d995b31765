"""Checkpoints: whole or absent on the disk, the last two kept, loaded without running any code."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.files import atomic_path


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run: ``step-00000120.safetensors`` and its predecessor.

    Args:
        folder: where they lie; made at the first save.
        keep: how many to keep.
    """

    def __init__(self, folder: str | Path, *, keep: int = 2) -> None:
        self.folder = Path(folder)
        self.keep = keep

    def save(self, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
        """Write a checkpoint atomically, then remove those older than the last ``keep``.

        Raises:
            OSError: a full disk or a folder that can't be written; earlier checkpoints are untouched.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:08d}.safetensors"
        write_tensors(path, tensors, {"deepwell-checkpoint": json.dumps(dict(facts))})
        for old in self.paths()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def paths(self) -> list[Path]:
        """The checkpoints there are, oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that can be read; None where there is none.

        Raises:
            UserError: there are checkpoints and none can be read.
        """
        problems = []
        for path in reversed(self.paths()):
            try:
                return read_checkpoint(path)
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError(
                f"no checkpoint in {self.folder} can be read: {problems[0]}",
                fix=f"remove {self.folder} to start this run again from its first step",
            )
        return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint.

    Raises:
        UserError: a file that is damaged or is no checkpoint.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {})["deepwell-checkpoint"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} is no whole checkpoint ({error})", fix="use an earlier one") from None
    return Checkpoint(tensors, facts)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file atomically. Tensors that share memory (tied weights) are written apart."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        try:
            save_file(plain, str(temporary), metadata=metadata)
        except SafetensorError as error:  # a full disk arrives as this
            raise OSError(str(error)) from None


def foreign_random_state() -> dict[str, Any]:
    """The state of Python's and NumPy's generators: the engine draws from neither, a user's module may."""
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {"python": [version, list(words), gauss]}
    if "numpy" in sys.modules:
        kind, keys, position, has_gauss, cached = sys.modules["numpy"].random.get_state()
        state["numpy"] = [kind, keys.tolist(), int(position), int(has_gauss), float(cached)]
    return state


def restore_foreign_random_state(state: Mapping[str, Any]) -> None:
    """Undo ``foreign_random_state``."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    if "numpy" in state:
        import numpy as np

        kind, keys, position, has_gauss, cached = state["numpy"]
        np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
