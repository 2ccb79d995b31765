"""After a training: the temperature that makes the model's confidences honest, from the validation part."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from deepwell.dataset import Prepared
from deepwell.evaluate.temperature import LAWS, Fitted, fit
from deepwell.nn.network import device_of
from deepwell.nn.predict import scores as scores_of


def calibrate(network: nn.Module, prepared: Prepared) -> Fitted | None:
    """Fit the output's temperature; None for an output that has none (tags of a sentence are judged together).

    Only the validation part is looked at. The test part is for reporting, and the training part would say that the
    model is sure with reason.
    """
    output = prepared.output
    if output.kind not in LAWS:
        return None
    output.temperature = 1.0
    rows = torch.from_numpy(prepared.split.validation)
    if not len(rows):
        return Fitted(1.0, 0, note="not fitted: there is no validation part")
    device = device_of(network)

    def fetch(places: torch.Tensor) -> Any:
        return prepared.input.prepare(prepared.rows.gather(places).to(device))

    found = fit(output.kind, scores_of(network, fetch, rows), prepared.targets[rows])
    output.temperature = found.temperature
    return found
