"""A graph as a ``torch.export`` program, and the way to run it and to look between its layers."""

from __future__ import annotations

import contextlib
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
        paths = [_path(node) for node in self._module.graph.nodes]
        last = max((place for place, path in enumerate(paths) if only is None or path in only), default=-1)
        looking = _Looking(self._module, set(paths) if only is None else only, last)
        with torch.no_grad(), contextlib.suppress(StopIteration):
            looking.run(*_tensors(arrays))
        return looking.found


def _path(node: torch.fx.Node) -> str:
    """Of the innermost module that a node is in."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


class _Looking(torch.fx.Interpreter):
    """Keeps what the last operation of each innermost module gives; ends after the node at ``last``."""

    def __init__(self, module: Any, only: Collection[str], last: int) -> None:
        super().__init__(module)
        self.only = only
        self.left = last
        self.found: dict[str, np.ndarray] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        if self.left < 0:
            raise StopIteration
        self.left -= 1
        value = super().run_node(n)
        if (path := _path(n)) in self.only and isinstance(value, torch.Tensor):
            self.found[path] = value.detach().numpy().copy()
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
