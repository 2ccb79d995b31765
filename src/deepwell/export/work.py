"""One export of a graph: traced, written, held against the trained model, and marked with what that came to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from torch.export import ExportedProgram

from deepwell.core.errors import UserError
from deepwell.core.files import digest_bytes, write_json
from deepwell.export.answering import answering
from deepwell.export.gate import Parity, compare
from deepwell.export.judge import Difference
from deepwell.export.layers import finder
from deepwell.export.networks import Graph, captured
from deepwell.export.onnx_file import OPSET, OnnxFile
from deepwell.export.pieces import Pieces
from deepwell.export.place import ship
from deepwell.export.reader import Reader
from deepwell.export.routes import Shipped, Trained, names_of
from deepwell.export.sides import NAMES, free
from deepwell.export.usage import usage
from deepwell.saved.model import SavedModel

Make = Callable[[ExportedProgram, Graph], Any]
"""From a traced graph to the file of one format: ``OnnxFile``, ``TorchFile``."""

_AGAIN = 7
"""Samples that are run once more when the file has its metadata."""


@dataclass
class Work:
    """One export of a graph.

    Attributes:
        trained: the model in PyTorch.
        pieces: what it is made of.
        folder: where it is written.
        name, suffix: of the file.
        tolerance: of the gate.
    """

    trained: Trained
    pieces: Pieces
    folder: Path
    name: str
    suffix: str
    tolerance: float

    def write(
        self, make: Make, samples: list[Any], odd: list[Any], facts: dict[str, Any]
    ) -> tuple[Parity, list[tuple[int, int]]]:
        """Trace, write, hold against the trained model, and write down what that came to.

        Args:
            make: the format.
            samples, odd: real and made raw samples.
            facts: what else is to stand in the description: ``weights``, the digest of the model's own file.

        Returns:
            what the comparison came to, and the sizes of pictures that were tried beside the trained one.

        Raises:
            Difference: it answers otherwise than the trained model.
            UserError: a network that can't be traced.
        """
        model, path = self.trained.model, self.folder / (self.name + self.suffix)
        graph = answering(self.pieces.graph(model), model.output)
        names = names_of(graph.network, model.network)
        _check_mode(graph.network, names)
        file = make(_captured(model, graph), graph)
        sizes = free(file, graph, self.tolerance) if isinstance(file, OnnxFile) else []
        file.save(path, {})
        self._describe(graph, sizes, facts)
        run = file.open(path)
        shipped = Shipped(Reader.load(str(self.folder / f"{self.name}.json")), run, names)
        parity = compare(
            self.trained,
            shipped,
            samples,
            odd,
            what="exported file",
            tolerance=self.tolerance,
            first_layer=finder(self.trained, shipped, self.tolerance),
        )
        self.add({"parity": parity.to_json()})
        file.save(path, self._metadata(facts["weights"], parity))
        arrays = shipped.reader.encode(samples[:_AGAIN])
        before, after = run(arrays), file.open(path)(arrays)
        if not all(np.array_equal(before[name], after[name], equal_nan=True) for name in before):
            raise Difference("exported file", "body", "writing its metadata changed its answers")
        return parity, sizes

    def _describe(self, graph: Graph, sizes: list[tuple[int, int]], facts: dict[str, Any]) -> None:
        found = self.pieces.describe(self.trained.model)
        inputs = {name: list(axes) for name, axes in graph.inputs.items()}
        if sizes:
            inputs["pictures"][1:3] = NAMES
        found["graph"] = {
            "file": self.name + self.suffix,
            "inputs": inputs,
            "outputs": {name: list(axes) for name, axes in graph.outputs.items()},
            "limits": {name: list(limits) for name, limits in graph.limits.items()},
            "sizes_tried": [list(size) for size in sizes],
            **({"opset": OPSET} if self.suffix == OnnxFile.suffix else {}),
        }
        found["made_by"] = {"deepwell": _version(), "model": self.trained.model.card.name, **facts}
        write_json(self.folder / f"{self.name}.json", found)
        ship(self.folder)
        words = usage(self.name, self.suffix, self.trained.model.input.kind, list(graph.outputs))
        (self.folder / f"{self.name}.md").write_text(words, encoding="utf-8")

    def add(self, facts: dict[str, Any]) -> None:
        """Write further facts into the description."""
        path = self.folder / f"{self.name}.json"
        write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **facts})

    def _metadata(self, weights: str, parity: Parity) -> dict[str, str]:
        """What stands in the exported file itself, as texts."""
        described = json.loads((self.folder / f"{self.name}.json").read_text(encoding="utf-8"))
        followed = json.dumps([described["input"], described["output"]], sort_keys=True).encode()
        found = {
            "version": _version(),
            "model": self.trained.model.card.name or self.trained.model.card.module,
            "input": str(self.trained.model.input),
            "output": self.trained.model.output.kind,
            "classes": self.trained.model.output.classes,
            "weights_blake2b": weights,
            "description": f"{self.name}.json",
            "description_blake2b": digest_bytes(followed),
            "parity": parity.to_json(),
        }
        texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in found.items()}
        return {f"deepwell.{name}": text for name, text in texts.items()}


def _captured(model: SavedModel, graph: Graph) -> ExportedProgram:
    try:
        return captured(graph)
    except Exception as error:  # torch.export raises errors of many classes at what it can't trace
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"the model '{model.card.name or model.card.module}' can't be traced ({lines[0][:200]})",
            expected="a forward() whose steps do not depend on the numbers in its tensors",
            fix="export its weights (--to safetensors)",
        ) from error


def _check_mode(network: nn.Module, names: dict[str, str]) -> None:
    """Dropout that drops and a normalisation by the batch: an exporter may mend them in silence, or leave them."""
    for path, module in network.named_modules():
        if module.training and path in names and _asks_for_the_mode(module):
            layer = names[path]
            came = f"the first layer that differs is {layer} ({type(module).__name__}): it is in training mode"
            raise Difference("exported file", "body", came, layer=layer)


def _asks_for_the_mode(module: nn.Module) -> bool:
    return hasattr(module, "running_mean") or "dropout" in type(module).__name__.lower() or hasattr(module, "dropout")


def _version() -> str:
    try:
        return metadata.version("deepwell")
    except metadata.PackageNotFoundError:
        return ""
