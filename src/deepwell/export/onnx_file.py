"""A graph as an ONNX file, and the way to run it in ONNX Runtime and to look between its layers."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from deepwell.core.errors import UserError
from deepwell.export.extras import need
from deepwell.export.networks import Graph, as_onnx

OPSET = 18
"""The lowest that PyTorch's exporter writes without converting: it runs in ONNX Runtime from 1.14 on."""

_SCOPES = "pkg.torch.onnx.name_scopes"
_LARGEST = (1 << 31) - 1
"""Bytes of a protocol buffer."""


class OnnxRun:
    """An ONNX model in ONNX Runtime on the processor.

    Args:
        model: a file, or an ``onnx.ModelProto``.

    Attributes:
        inputs: names of what it takes.
    """

    def __init__(self, model: Path | Any) -> None:
        (onnx,) = need("onnx")
        self._proto = onnx.load(str(model)) if isinstance(model, Path) else model
        self._session = _session(str(model) if isinstance(model, Path) else model.SerializeToString())
        self._names = [output.name for output in self._session.get_outputs()]
        self.inputs = [given.name for given in self._session.get_inputs()]
        self._looking: dict[tuple[str, ...], Any] = {}

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The graph's outputs by name."""
        return dict(zip(self._names, self._session.run(self._names, dict(arrays)), strict=True))

    def layers(self, arrays: Mapping[str, np.ndarray], only: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """What comes out of each layer, by the layer's path in the module that was traced.

        A layer that was fused into another, or has no tensor of its own, is not there.
        """
        places = {path: name for path, name in _places(self._proto).items() if only is None or path in only}
        if not places:
            return {}
        names = tuple(places.values())
        if names not in self._looking:
            self._looking[names] = _session(_opened_up(self._proto, names).SerializeToString())
        return dict(zip(places, self._looking[names].run(list(names), dict(arrays)), strict=True))


def _session(model: str | bytes) -> Any:
    (runtime,) = need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is raised, and told by us
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _places(proto: Any) -> dict[str, str]:
    """Path of each innermost module to the name of the value that its last operation gives."""
    found = {}
    for node in proto.graph.node:
        scopes = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "")
        path = ast.literal_eval(scopes)[:-1][-1:] if scopes.startswith("[") else []
        if path and node.output[0]:
            found[str(path[0])] = node.output[0]
    return found


def _opened_up(proto: Any, names: Collection[str]) -> Any:
    """A copy that gives these values, and ends where the last of them is made."""
    (onnx,) = need("onnx")
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    nodes = list(made.graph.node)
    last = max(place for place, node in enumerate(nodes) if set(node.output) & set(names))
    del made.graph.node[last + 1 :]
    del made.graph.output[:]
    made.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names))
    return made


class OnnxFile:
    """A traced graph as ONNX.

    Args:
        program: as ``networks.captured`` gives it.
        graph: what was traced.
    """

    suffix = ".onnx"

    def __init__(self, program: ExportedProgram, graph: Graph) -> None:
        need("onnx", "onnxscript", "onnxruntime")
        self.proto = as_onnx(program, graph, opset=OPSET).model_proto
        if self.proto.ByteSize() > _LARGEST:
            raise UserError(
                f"the graph takes {self.proto.ByteSize() / 1e9:.1f} GB",
                expected="at most 2 GB in one ONNX file",
                fix="export a smaller model, or --to torch",
            )

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write the file with ``facts`` as its metadata."""
        onnx, helper = need("onnx", "onnx.helper")
        self.proto.producer_name, self.proto.producer_version = "deepwell", facts.get("deepwell.version", "")
        helper.set_model_props(self.proto, dict(facts))
        onnx.save(self.proto, str(path))

    def open(self, path: Path) -> OnnxRun:
        """The file, ready to run."""
        return OnnxRun(path)
