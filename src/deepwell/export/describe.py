"""What the reader of an exported model must know, as plain JSON values: every field is in docs/export.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.export.networks import graph_of
from deepwell.saved.model import SavedModel

VERSION = 1
_THRESHOLD = 0.5


def describe(model: SavedModel) -> dict[str, Any]:
    """The description of a model's input and output, by which ``export.reader`` works.

    Raises:
        UserError: a kind of input or output that the reader does not know.
    """
    graph = graph_of(model)
    return {
        "format": "deepwell model",
        "version": VERSION,
        "graph": {
            "inputs": {name: list(axes) for name, axes in graph.inputs.items()},
            "outputs": {name: list(axes) for name, axes in graph.outputs.items()},
        },
        "input": _of("input", INPUTS, model.input.kind)(model),
        "output": _of("output", OUTPUTS, model.output.kind)(model),
    }


def _of(part: str, table: Mapping[str, Callable[[SavedModel], dict[str, Any]]], kind: str) -> Any:
    if kind not in table:
        raise UserError(f"the model's {part} is {kind}, which no reader is written for", expected=", ".join(table))
    return table[kind]


def _chosen(state: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: state[name] for name in fields}


# ---- inputs


def _image(model: SavedModel) -> dict[str, Any]:
    return {"kind": "image", **_chosen(model.input.state(), "size", "channels", "resize", "floats")}


def _text(model: SavedModel) -> dict[str, Any]:
    state = model.input.state()
    own = {"bpe": ("subwords",), "pretrained": ("tokenizer",)}.get(state["tokens"], ("vocabulary",))
    counted = ("order", "pieces") if state["view"] == "counts" else ()
    return {"kind": "text", **_chosen(state, "tokens", "lower", "max_length", "view", *own, *counted)}


def _tokens(model: SavedModel) -> dict[str, Any]:
    fields = ("view", "spaced", "max_length", "words", "characters", "subwords")
    return {"kind": "tokens", **_chosen(model.input.state(), *fields), "width": model.input.shape.width}


def _tree(model: SavedModel) -> dict[str, Any]:
    return {"kind": "tree", **_chosen(model.input.state(), "use_labels", "max_nodes", "symbols")}


INPUTS = {"image": _image, "text": _text, "tokens": _tokens, "tree": _tree}


# ---- outputs


def _category(model: SavedModel) -> dict[str, Any]:
    return {"kind": "category", "classes": model.output.classes, "temperature": _temperature(model)}


def _label_sets(model: SavedModel) -> dict[str, Any]:
    return _category(model) | {"kind": "label-sets", "threshold": _THRESHOLD}


def _temperature(model: SavedModel) -> float:
    return float(getattr(model.output, "temperature", 1.0))


def _tags(model: SavedModel) -> dict[str, Any]:
    output, crf = model.output, getattr(getattr(model.network, "head", None), "crf", None)
    tables = ("transitions", "allowed"), ("start", "start_allowed"), ("end", "end_allowed")
    field = None if crf is None else {name: _table(getattr(crf, name), getattr(crf, rule)) for name, rule in tables}
    return {"kind": "tags", "classes": output.classes, "spans": output.scheme != "plain", "crf": field}


def _table(scores: Tensor, allowed: Tensor | None) -> Any:
    """Scores as lists, None where a move is forbidden."""
    values = scores.detach().float().cpu()
    if allowed is None:
        return values.tolist()
    flat = [v if fine else None for v, fine in zip(values.flatten().tolist(), allowed.flatten().tolist(), strict=True)]
    return flat if values.dim() == 1 else [flat[i : i + values.shape[1]] for i in range(0, len(flat), values.shape[1])]


OUTPUTS = {"category": _category, "label-sets": _label_sets, "tags": _tags}
