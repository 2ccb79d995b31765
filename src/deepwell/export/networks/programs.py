"""A graph traced once, and from that the program for PyTorch and the one for ONNX."""

from __future__ import annotations

import copy
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import ExportedProgram

from deepwell.export.networks.graph import Graph
from deepwell.export.networks.translations import translations
from deepwell.nn.recurrent_ops import NAMES, NAMESPACE, operators


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the remarks that PyTorch makes for its own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def captured(graph: Graph) -> ExportedProgram:
    """The network traced; recurrent layers are operators of deepwell's own in it."""
    operators()
    with torch.no_grad(), _quiet():
        return torch.export.export(graph.network, graph.example, dynamic_shapes=graph.dynamic_shapes)


def as_torch(program: ExportedProgram) -> ExportedProgram:
    """The program with PyTorch's operators alone, which loads where deepwell is not installed.

    Args:
        program: as ``captured`` gives it; it stays as it is.
    """
    own = getattr(torch.ops, NAMESPACE)
    known: dict[Any, Any] = {getattr(own, name).default: getattr(torch.ops.aten, name).input for name in NAMES}
    made = copy.copy(program)
    made._graph_module = copy.deepcopy(program.graph_module)
    for node in made.graph.nodes:
        node.target = known.get(node.target, node.target)
    made.graph_module.recompile()
    return made


def as_onnx(program: ExportedProgram, graph: Graph, *, opset: int | None = None) -> Any:
    """The program as a ``torch.onnx.ONNXProgram``, its inputs, outputs and axes named as the graph names them.

    Args:
        program: as ``captured`` gives it.
        graph: what was traced.
        opset: version of ONNX's operators; None: PyTorch's choice.
    """
    with torch.no_grad(), _quiet():
        made: Any = torch.onnx.export(
            program,
            (),
            dynamo=True,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            opset_version=opset,
            custom_translation_table=translations(),
            verbose=False,
        )
    _name_axes(made.model, graph)
    return made


def _name_axes(model: Any, graph: Graph) -> None:
    """The tracer's names of sizes (s77) become the graph's, in what is computed of them (2*s77 + 1) too."""
    import onnx_ir as ir

    known = {
        str(dim): str(axis)
        for value, axes in zip(model.graph.inputs, graph.inputs.values(), strict=True)
        for dim, axis in zip(value.shape, axes, strict=True)
        if isinstance(dim, ir.SymbolicDim)
    }
    if not known:
        return
    pattern = re.compile(rf"\b({'|'.join(known)})\b")
    parts = [model.graph, *model.functions.values()]
    made = [value for part in parts for node in ir.traversal.RecursiveGraphIterator(part) for value in node.outputs]
    for value in [*made, *(value for part in parts for value in part.inputs)]:
        if value.shape is not None:
            names = [dim.value if isinstance(dim, ir.SymbolicDim) else dim for dim in value.shape]
            value.shape = ir.Shape(
                [pattern.sub(lambda found: known[found[0]], name) if isinstance(name, str) else name for name in names]
            )
