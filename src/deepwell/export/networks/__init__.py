"""Networks as graphs that can be exported, one kind of input a file."""

from __future__ import annotations

from collections.abc import Callable

from deepwell.core.errors import UserError
from deepwell.export.networks import image, texts, trees
from deepwell.export.networks.graph import Graph
from deepwell.export.networks.programs import as_onnx, as_torch, captured
from deepwell.saved.model import SavedModel

GRAPHS: dict[str, Callable[[SavedModel], Graph]] = {
    "image": image.graph,
    "text": texts.graph,
    "tokens": texts.graph,
    "tree": trees.graph,
}
"""By kind of input. A new kind is one file and one row here."""

__all__ = ["GRAPHS", "Graph", "as_onnx", "as_torch", "captured", "graph_of"]


def graph_of(model: SavedModel) -> Graph:
    """The graph of a trained model: prepared arrays in, scores out.

    Raises:
        UserError: a kind of input that has none.
    """
    if model.input.kind not in GRAPHS:
        raise UserError(
            f"a model of {model.input.kind} data can't be exported as a graph",
            expected=f"a model of {', '.join(GRAPHS)} data",
            fix="export its weights (--to safetensors)",
        )
    return GRAPHS[model.input.kind](model)
