"""What an export is made of, each piece given from outside: so that a fault can be planted in each, and is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from deepwell.export.describe import describe
from deepwell.export.networks import Graph, graph_of
from deepwell.saved.model import SavedModel, load


def reloaded(model: SavedModel, path: Path) -> SavedModel:
    """The model written to a file and read from it."""
    model.save(path)
    if model.card.name:
        return load(path)
    fresh = copy.deepcopy(model.network)
    with torch.no_grad():
        for tensor in fresh.state_dict().values():
            tensor.zero_()  # a class of the user's own: what is not in the file must not be in the copy
    return load(path, fresh)


@dataclass(frozen=True)
class Pieces:
    """The pieces.

    Attributes:
        graph: from the model to the graph that is traced.
        describe: from the model to the description that the reader follows.
        reload: from the model and a path to the model that was written there and read again.
    """

    graph: Callable[[SavedModel], Graph] = graph_of
    describe: Callable[[SavedModel], dict[str, Any]] = describe
    reload: Callable[[SavedModel, Path], SavedModel] = reloaded
