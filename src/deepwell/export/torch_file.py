"""A graph as a ``torch.export`` program, and the way to run it and to look between its layers."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from deepwell.export.networks import Graph, as_torch


class TorchRun:
    """A program that was read from a file.

    Args:
        path: of a file that ``TorchFile`` has just written: PyTorch keeps parts of such files as pickles.
        names: of what it gives, in order.
    """

    def __init__(self, path: Path, names: list[str]) -> None:
        self._module = torch.export.load(str(path)).module()
        self._names = names

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The graph's outputs by name."""
        with torch.no_grad():
            return self._named(self._module(*_tensors(arrays)))

    def _named(self, given: Any) -> dict[str, np.ndarray]:
        every = given if isinstance(given, (tuple, list)) else (given,)
        return {name: value.numpy() for name, value in zip(self._names, every, strict=True)}

    def layers(self, arrays: Mapping[str, np.ndarray], only: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """What comes out of each layer, by the layer's path in the module that was traced."""
        looking = _Looking(self._module, only)
        with torch.no_grad():
            looking.run(*_tensors(arrays))
        return looking.found


class _Looking(torch.fx.Interpreter):
    """Keeps what the last operation of each innermost module gives."""

    def __init__(self, module: Any, only: Collection[str] | None) -> None:
        super().__init__(module)
        self.only = only
        self.found: dict[str, np.ndarray] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        value = super().run_node(n)
        stack = list((n.meta.get("nn_module_stack") or {}).values())
        if stack and isinstance(value, torch.Tensor) and (self.only is None or stack[-1][0] in self.only):
            self.found[str(stack[-1][0])] = value.detach().numpy().copy()
        return value


def _tensors(arrays: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays.values()]


class TorchFile:
    """A traced graph as a program of PyTorch's own operators; see ``OnnxFile``."""

    suffix = ".pt2"

    def __init__(self, program: ExportedProgram, graph: Graph) -> None:
        self._program = as_torch(program)
        self._program.example_inputs = None  # the file needs no samples
        self._names = list(graph.outputs)

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write the file with ``facts`` beside the program: ``torch.export.load(path, extra_files=...)`` gives them."""
        with warnings.catch_warnings():
            # weights whose memory is channels last are "not complete" to it, and are written whole
            warnings.filterwarnings("ignore", message="No complete tensor found")
            torch.export.save(self._program, str(path), extra_files=dict(facts))

    def open(self, path: Path) -> TorchRun:
        """The file, ready to run."""
        return TorchRun(path, self._names)
