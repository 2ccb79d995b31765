"""Features of a body that does not learn: computed once for all epochs, kept in the cache."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.files import digest_bytes
from deepwell.data import store
from deepwell.data.batches import by_length
from deepwell.dataset import Prepared
from deepwell.nn.network import Network
from deepwell.nn.predict import run as run_model

_BATCH = 64


class Features:
    """Features in place of samples, under the samples' numbers. Implements ``core.protocols.Rows``.

    Args:
        table: the features, [k, width].
        places: where in the table each sample is, int64 [n]; -1 for one that has no features.
    """

    def __init__(self, table: store.ArrayStore, places: Tensor) -> None:
        self.table = table
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        """int64 [k] -> [k, width]."""
        return self.table.gather(self.places[rows])


class Ready:
    """An input whose samples are prepared already: what a training asks of one, and no more."""

    kind = "text"

    def prepare(self, x: Tensor, *, ids: Tensor | None = None, seed: int = 0, epoch: int = 0) -> Tensor:
        """As they are."""
        return x

    def mask(self, x: Tensor) -> None:
        """All samples have one size."""
        return None


def features(network: Any, prepared: Prepared) -> tuple[Network, Prepared]:
    """What a training of the head alone needs: the head, which stays the network's own, and the body's features.

    The features of the training and validation rows are computed once ever: they lie in the cache under a digest of
    the samples and of every weight, so a run that goes on reads the same bytes.

    Args:
        network: ``Network`` whose body has no parameter that learns, on its device.
        prepared: its data.

    Raises:
        UserError: a cache that can't be written.
    """
    split, body = prepared.split, network.body
    device = next(network.parameters()).device
    rows = torch.from_numpy(np.concatenate([split.train, split.validation]))
    lengths = prepared.lengths(rows)

    def encode(start: int, stop: int) -> np.ndarray:
        piece = rows[start:stop]
        found = torch.empty(len(piece), body.features)

        def fetch(places: Tensor) -> Tensor:
            return prepared.input.prepare(prepared.rows.gather(piece[places]).to(device))

        def visit(places: Tensor, _x: Tensor, h: Tensor) -> None:
            found[places] = h.cpu()

        run_model(body, fetch, by_length(piece, _BATCH, None if lengths is None else lengths[start:stop]), visit)
        return found.numpy()

    table = store.build(_key(body, prepared, rows), length=len(rows), encode=encode, problems=[])
    places = torch.full((len(prepared.rows),), -1)
    places[rows] = torch.arange(len(rows))
    trained = Network(nn.Identity(), network.head)
    return trained, replace(prepared, input=Ready(), rows=Features(table, places))


def _key(body: nn.Module, prepared: Prepared, rows: Tensor) -> str:
    """All that the features depend on."""
    weights = hashlib.blake2b(digest_size=16)
    for name, value in body.state_dict().items():
        weights.update(name.encode())
        weights.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    encoded: Any = prepared.rows
    samples = digest_bytes(encoded.digests()[rows.numpy()].tobytes())
    device = str(next(body.parameters()).device)
    return digest_bytes(json.dumps(["features", str(body), weights.hexdigest(), samples, device]).encode())
