"""The way of a batch from raw samples to answers, cut where something can go wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.data.store import ArrayStore
from deepwell.export.answering import PROBABILITIES
from deepwell.saved.model import SavedModel

PREPARE = "network.prepare"
"""Path of the layer in a graph that normalises, where there is one."""


@dataclass(frozen=True)
class Passage:
    """What became of a batch.

    Attributes:
        encoded: what the graph takes: bytes of pictures, ids of words.
        prepared: what the network sees, float32; None where a graph takes just that.
        scores: float32 [n, ...].
        probabilities: of outputs that have them for a whole sample.
        answers: one dictionary a sample.
        real: bool [n, length], for outputs that answer for every position: what the scores of padding are is nobody's
            concern. None: all of them count.
    """

    encoded: np.ndarray
    prepared: np.ndarray | None
    scores: np.ndarray
    probabilities: np.ndarray | None
    answers: list[dict[str, Any]]
    real: np.ndarray | None = None


class Route(Protocol):
    """One way to answers."""

    def passage(self, raw: Sequence[Any]) -> Passage:
        """A batch from raw samples to answers.

        Raises:
            UserError: a sample that is refused.
        """
        ...


class Runner(Protocol):
    """An exported graph that can be run and looked into."""

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]: ...

    def layers(self, arrays: Mapping[str, np.ndarray], only: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """What comes out of each layer, by its path."""
        ...


class ReaderLike(Protocol):
    """The reader that is shipped beside the graph; see ``export.reader``."""

    def encode(self, raw: Sequence[Any]) -> dict[str, np.ndarray]: ...

    def decode(self, outputs: Any, raw: Sequence[Any]) -> list[dict[str, Any]]: ...


class Trained:
    """A model in PyTorch, with deepwell's own preprocessing and answers.

    What became of a batch is kept: it is asked for by every comparison of an export. So the samples must live as long.
    """

    def __init__(self, model: SavedModel) -> None:
        self.model = model
        self._kept: dict[tuple[int, ...], Passage] = {}

    def encoded(self, raw: Sequence[Any]) -> Tensor:
        """Raw samples as the input encodes them, one padded batch.

        Raises:
            UserError: a sample that can't be read.
        """
        rows, problems = self.model.input.encode(raw)
        if problems:
            raise UserError(problems[0][1])
        store = ArrayStore(rows) if isinstance(rows, np.ndarray) else rows
        return store.gather(torch.arange(len(raw)))

    def passage(self, raw: Sequence[Any]) -> Passage:
        batch = tuple(map(id, raw))
        if batch not in self._kept:
            self._kept[batch] = self._passage(raw)
        return self._kept[batch]

    def _passage(self, raw: Sequence[Any]) -> Passage:
        model = self.model
        encoded = self.encoded(raw)
        with torch.no_grad():
            prepared = model.input.prepare(encoded)
            scores = model.network(prepared)
            chances = model.output.decode(scores).numpy() if model.output.kind in PROBABILITIES else None
        return Passage(
            encoded=encoded.numpy(),
            prepared=prepared.numpy(),
            scores=scores.float().numpy(),
            probabilities=chances,
            answers=model.predict(raw),
            real=self.real(encoded),
        )

    def real(self, encoded: Tensor) -> np.ndarray | None:
        """Where the positions of a batch are no padding; None for outputs that answer for a whole sample."""
        mask = self.model.input.mask(encoded) if self.model.output.per_position else None
        return None if mask is None else mask.numpy()

    def layers(self, encoded: np.ndarray) -> dict[str, np.ndarray]:
        """What comes out of each innermost layer, by its name in the network, in the order in which they are run."""
        found: dict[str, np.ndarray] = {}

        def keep(name: str) -> Any:
            def hook(_module: nn.Module, _given: Any, value: Any) -> None:
                if isinstance(value, Tensor):
                    found.pop(name, None)  # of a layer that is run twice the last time counts, and its place
                    found[name] = value.detach().numpy().copy()

            return hook

        inner = [(name, m) for name, m in self.model.network.named_modules() if not any(m.children())]
        hooks = [module.register_forward_hook(keep(name)) for name, module in inner]
        try:
            with torch.no_grad():
                self.model.network(self.model.input.prepare(torch.from_numpy(encoded)))
        finally:
            for hook in hooks:
                hook.remove()
        return found


class Shipped:
    """An exported graph with the reader that goes with it: nothing of deepwell's own preprocessing.

    Args:
        reader: as ``export.reader`` gives it for the description that was written.
        run: the graph, read from its file.
        names: path of each layer in the graph to its name in the trained network.
    """

    def __init__(self, reader: ReaderLike, run: Runner, names: Mapping[str, str] | None = None) -> None:
        self.reader = reader
        self.run = run
        self.names = names or {}

    def passage(self, raw: Sequence[Any]) -> Passage:
        try:
            arrays = self.reader.encode(raw)
        except (ValueError, OSError) as error:
            raise UserError(str(error)) from None
        outputs = self.run(arrays)
        (encoded,) = arrays.values()
        prepared = self.run.layers(arrays, [PREPARE]).get(PREPARE)
        answers = self.reader.decode(outputs, raw)
        return Passage(encoded, prepared, outputs["scores"], outputs.get("probabilities"), answers)

    def layers(self, raw: Sequence[Any]) -> dict[str, np.ndarray]:
        """What comes out of each layer, by its name in the trained network."""
        found = self.run.layers(self.reader.encode(raw))
        return {self.names[path]: value for path, value in found.items() if path in self.names}


def names_of(graph: nn.Module, network: nn.Module) -> dict[str, str]:
    """Path of each layer in a graph to its name in the network: of the same layer, else of the one that ends so."""
    names = {name for name, _ in network.named_modules() if name}
    own = {id(module): name for name, module in network.named_modules() if name}
    found = {}
    for path, module in graph.named_modules():
        parts = path.split(".")
        endings = (".".join(parts[start:]) for start in range(len(parts)))
        name = own.get(id(module)) or next((ending for ending in endings if ending in names), None)
        if name is not None:
            found[path] = name
    return found
