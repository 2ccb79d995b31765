"""Every network of texts, sentences and trees as a graph: the same scores whatever the batch and the length.

Exporting takes seconds, most of which PyTorch spends before it looks at the network. So the networks that read the same
arrays are traced together, as one network with an output each.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from tests.export.made_models import SMALL, tag_model, text_model, tree_model
from tests.pretrained.conftest import SIZES, write_tokenizer
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.core.shapes import PADDING, RESERVED
from deepwell.export.networks import GRAPHS, Graph, as_onnx, as_torch, captured, graph_of
from deepwell.models import MODELS
from deepwell.saved.model import SavedModel

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

ONE: dict[str, Any] = {"width": 8, "heads": 2, "layers": 1}
COUNTS = {"view": "counts"}
FAMILIES: dict[str, dict[str, SavedModel]] = {
    "texts": {
        "lstm": text_model("lstm", **SMALL),
        "gru": text_model("gru", layers=2, pool="last", **SMALL),
        "rnn-relu": text_model("rnn", activation="relu", bidirectional=False, pool="mean", **SMALL),
        "attention-rnn": text_model("attention", cell="rnn", **SMALL),
        "embedding-bag": text_model("embedding-bag", embedding=8, hidden=4),
        "textcnn": text_model("textcnn", embedding=8, filters=4, widths=(1, 7)),
        "transformer": text_model("transformer", **ONE),
        "transformer-rotary": text_model("transformer", positions="rotary", pool="start", **ONE),
        "transformer-learned": text_model("transformer", positions="learned", longest=30, **ONE),
    },
    "counts": {"ngrams": text_model("ngrams", reading=COUNTS, width=8)},
    "sentences": {
        "bilstm-crf": tag_model("bilstm-crf", **SMALL),
        "bilstm-crf-lstm": tag_model("bilstm-crf", characters_by="lstm", layers=2, **SMALL),
        "transformer": tag_model("transformer", head="linear", **ONE),
        "lstm": tag_model("lstm", head="linear", **SMALL),
    },
    "pairs": {"bilstm-crf": tag_model("bilstm-crf", view="pairs", **SMALL)},
    "trees": {
        "tree-lstm": tree_model(width=8, embedding=4),
        "rntn": tree_model(cell="rntn", width=6, embedding=4),
    },
}


class Exported(NamedTuple):
    """A family of networks, and its program and its ONNX model as functions of one array."""

    models: dict[str, SavedModel]
    program: Any
    session: Any
    path: Path


class Together(nn.Module):
    """Several networks that read the same array."""

    def __init__(self, networks: list[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(network(x) for network in self.networks)


def export(models: dict[str, SavedModel], folder: Path) -> Exported:
    graphs = {name: graph_of(model) for name, model in models.items()}
    whole = dataclasses.replace(
        min(graphs.values(), key=lambda graph: graph.limits.get("length", (1, 0))[1] or 0),
        network=Together([graph.network for graph in graphs.values()]).eval(),
        outputs={name: graph.outputs["scores"] for name, graph in graphs.items()},
    )
    program = captured(whole)
    made = as_onnx(program, whole)
    made.save(str(folder / "model.onnx"))
    torch.export.save(as_torch(program), folder / "model.pt2")
    return Exported(
        models,
        torch.export.load(folder / "model.pt2").module(),
        onnxruntime.InferenceSession(str(folder / "model.onnx")),
        folder / "model.pt2",
    )


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Each family by its name, exported when it is first asked for."""
    return functools.cache(lambda name: export(FAMILIES[name], tmp_path_factory.mktemp(name)))


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, families: Callable[[str], Exported]) -> Exported:
    return families(request.param)


def batches(model: SavedModel) -> Iterator[Tensor]:
    """Arrays of one row and of seven; of one position, an odd number and the most; all as long or filled up."""
    draw = np.random.default_rng(0)
    for lengths in ([1], [1] * 7, [5], [5, 1, 2, 5, 3, 4, 5], [30], [30, 3, 1, 2, 7, 9, 11]):
        if model.input.kind == "tree":
            yield trees(model, [(length + 1) // 2 for length in lengths], draw)
            continue
        real = np.arange(max(lengths)) < np.array(lengths)[:, None]
        ids = draw.integers(1, model.input.shape.vocabulary, real.shape)
        if model.input.kind == "tokens":
            shape = model.input.shape
            beside = draw.integers(0, shape.characters, (*real.shape, shape.width))
            # characters come first and padding last
            ids = np.concatenate((ids[..., None], -np.sort(-beside, 2)), 2)
        elif model.input.view == "counts":
            ids = np.stack((ids, draw.integers(1, 5, real.shape)), 2)
        yield torch.from_numpy(np.where(real if ids.ndim == 2 else real[..., None], ids, PADDING))


def trees(model: SavedModel, leaves: list[int], draw: np.random.Generator) -> Tensor:
    """Random binary trees with so many leaves; some inner nodes have a symbol."""

    def tree(count: int) -> list[list[int]]:
        if count == 1:
            return [[int(draw.integers(1, model.input.shape.vocabulary)), 0, 0, 0]]
        left = tree(int(draw.integers(1, count)))
        right = tree(count - (len(left) + 1) // 2)
        moved = [[s, a and a + len(left), b and b + len(left), height] for s, a, b, height in right]
        top = [
            int(draw.choice([PADDING, RESERVED])),
            len(left),
            len(left) + len(right),
            1 + max(left[-1][3], right[-1][3]),
        ]
        return [*left, *moved, top]

    rows = [tree(count) for count in leaves]
    most = max(map(len, rows))
    return torch.tensor([row + [[PADDING] * 4] * (most - len(row)) for row in rows])


def near(found: Any, wanted: Tensor) -> None:
    found = torch.as_tensor(found)
    assert found.shape == wanted.shape
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())


def test_same_scores_for_any_batch_and_length(family: Exported) -> None:
    for x in batches(next(iter(family.models.values()))):
        with torch.no_grad():
            wanted = [model.network(x) for model in family.models.values()]
            programs = family.program(x)
        (name,) = (given.name for given in family.session.get_inputs())
        sessions = family.session.run(list(family.models), {name: x.numpy()})
        for place, (which, model) in enumerate(family.models.items()):
            real = model.input.mask(x) if model.output.per_position else torch.ones(len(x), dtype=torch.bool)
            for found in (programs[place], sessions[place]):
                near(torch.as_tensor(found)[real], wanted[place][real])
            assert wanted[place].isfinite().all(), which


def test_axes_have_names(family: Exported) -> None:
    graph = graph_of(next(iter(family.models.values())))
    (given,), (axes,) = family.session.get_inputs(), graph.inputs.values()
    assert list(given.shape) == list(axes)
    for output, model in zip(family.session.get_outputs(), family.models.values(), strict=True):
        assert list(output.shape) == list(graph_of(model).outputs["scores"])


def test_recurrent_layers_are_one_operator_each(families: Callable[[str], Exported]) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(str(families("texts").path.with_suffix(".onnx"))).graph
    kinds = Counter(node.op_type for node in graph.node)
    # lstm and attention-rnn read both ways, gru does so twice, rnn-relu reads one way
    assert (kinds["LSTM"], kinds["GRU"], kinds["RNN"], kinds["Loop"] + kinds["Scan"]) == (2, 4, 3, 0)


def test_pretrained_encoder(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    config = {"model_type": "bert", **SIZES, "num_hidden_layers": 1, "vocab_size": write_tokenizer(tmp_path)}
    reading = {"tokens": (tmp_path / "tokenizer.json").read_text(encoding="utf-8"), "max_length": 50}
    model = text_model("hf", reading=reading, config=config)
    assert graph_of(model).limits["length"] == (1, SIZES["max_position_embeddings"])
    test_same_scores_for_any_batch_and_length(export({"hf": model}, tmp_path))


def test_program_needs_no_deepwell(families: Callable[[str], Exported], tmp_path: Path) -> None:
    made, x = families("texts"), [[3, 4, 5, 0, 0]]
    code = (
        "import sys, torch\n"
        f"program = torch.export.load({str(made.path)!r}).module()\n"
        f"print([scores.tolist() for scores in program(torch.tensor({x}))])\n"
        "assert not [name for name in sys.modules if name.startswith('deepwell')]"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    for found, model in zip(json.loads(done.stdout), made.models.values(), strict=True):
        with torch.no_grad():
            near(found, model.network(torch.tensor(x)))


def test_every_model_of_texts_and_trees_is_here() -> None:
    kinds = {"text", "tokens", "tree"}
    there = {model.card.name for family in FAMILIES.values() for model in family.values()} | {"hf"}
    assert {name for name, entry in MODELS.items() if kinds & set(entry.takes)} == there
    assert set(GRAPHS) == {"image", *kinds}


def test_limits_say_what_a_network_can_read() -> None:
    assert graph_of(FAMILIES["texts"]["transformer-learned"]).limits == {"batch": (1, None), "length": (1, 30)}
    assert graph_of(FAMILIES["texts"]["lstm"]).limits["length"] == (1, 40)
    assert graph_of(FAMILIES["trees"]["rntn"]).limits == {"batch": (1, None), "nodes": (1, 200_000)}


def test_an_example_has_no_size_of_one_that_may_vary() -> None:
    for family in FAMILIES.values():
        for model in family.values():
            graph: Graph = graph_of(model)
            (axes,), (x,) = graph.inputs.values(), graph.example
            assert len(axes) == x.dim() and x.dtype == torch.int64
            assert all(
                size > 1 if isinstance(axis, str) else size == axis for axis, size in zip(axes, x.shape, strict=True)
            )


def test_unknown_kind_is_named() -> None:
    class Sound:
        kind = "sound"

    model = FAMILIES["counts"]["ngrams"]
    with pytest.raises(UserError, match=r"sound data can't be exported.*Expected: .*image, text.*--to safetensors"):
        graph_of(SavedModel(model.network, Sound(), model.output))
