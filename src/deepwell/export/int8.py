"""Weights as bytes, and what that costs: measured on labelled samples, in pairs."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.export.extras import need
from deepwell.export.onnx_file import OnnxRun
from deepwell.export.routes import Trained
from deepwell.saved.model import SavedModel

BOUND = 0.01
"""Loss of the metric from which on it is said loudly."""

OPERATORS = ("MatMul", "Gemm", "LSTM", "Gather", "EmbedLayerNormalization", "Attention", "Conv")
"""Operations whose weights become bytes."""

_BATCH = 64
_DRAWS = 1_000
_CARRIERS = 20  # as evaluate.paired has it: with fewer an interval does not hold what it promises
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Int8Change:
    """What weights as bytes cost.

    Attributes:
        file: its name.
        metric: by which the output is judged.
        samples: that it was measured on, the same for both.
        before, after: the metric with the exported file in float32, and with the one in bytes.
        change: after minus before.
        interval: of the change, 95 %, by a paired bootstrap over samples; NaN where too few answers differ.
        operators: operations whose weights are bytes now, and how many there are of each.
        beyond: whether the metric fell by more than ``BOUND``.
    """

    file: str
    metric: str
    samples: int
    before: float
    after: float
    change: float
    interval: tuple[float, float]
    operators: dict[str, int]
    beyond: bool

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        interval = None if math.isnan(self.interval[0]) else list(self.interval)
        return {**asdict(self), "interval": interval, "bound": BOUND}

    def noise(self) -> str:
        """The interval in words, or why there is none."""
        low, high = self.interval
        if math.isnan(low):
            return "too few answers differ for an interval"
        return f"95 % interval of the change {low:+.4f} to {high:+.4f}"


def write_int8(model: SavedModel, source: Path, path: Path, validation: tuple[Sequence[Any], Any]) -> Int8Change:
    """Write ``source`` again with weights as bytes, and measure both on labelled samples.

    Activations become bytes as they come (dynamic quantisation), so no samples are needed to calibrate.

    Args:
        model: the trained one: its preprocessing and its output judge both files.
        source: an exported ONNX file that has passed the gate.
        path: where to write.
        validation: raw samples and their encoded targets.
    """
    _quantise(source, path)
    before, after = (_tallies(model, OnnxRun(file), validation) for file in (source, path))
    metric = model.output.metrics[0] if model.output.metrics[0] in _measured(model, before) else "accuracy"
    values = [_measured(model, tallies)[metric] for tallies in (before, after)]
    change = Int8Change(
        file=path.name,
        metric=metric,
        samples=len(before),
        before=values[0],
        after=values[1],
        change=values[1] - values[0],
        interval=_interval(lambda sums: model.output.measured(sums)[metric], before, after),
        operators=_operators(path),
        beyond=values[1] < values[0] - BOUND,
    )
    _note(source, path, change)
    return change


def _interval(measured: Callable[[Tensor], float], before: Tensor, after: Tensor) -> tuple[float, float]:
    """Of the change of a metric, 95 %; both ends NaN where fewer than 20 samples carry it.

    Args:
        measured: sums of tallies [k] to the metric.
        before, after: tallies of the same samples, [n, k].
    """
    whole, count = before.sum(0), len(before)
    apart = torch.nonzero((before != after).any(1))[:, 0].tolist()
    moved = np.array([measured(whole + after[row] - before[row]) for row in apart]) - measured(whole)
    squares = float((moved * moved).sum())
    if not squares or float(np.abs(moved).sum()) ** 2 / squares < _CARRIERS:
        return math.nan, math.nan
    rng, changes = np.random.default_rng(0), []
    for _ in range(_DRAWS):  # one at a time: all together would fill a gigabyte where samples are many
        times = torch.from_numpy(np.bincount(rng.integers(0, count, count), minlength=count)).double()
        changes.append(measured(times @ after) - measured(times @ before))
    change, error = measured(after.sum(0)) - measured(whole), float(np.std(changes, ddof=1))
    return change - _Z95 * error, change + _Z95 * error


def _note(source: Path, path: Path, change: Int8Change) -> None:
    """The metadata of the file that it was made from, and what it costs; the parity is that of the other file."""
    onnx, helper = need("onnx", "onnx.helper")
    facts = {entry.key: entry.value for entry in onnx.load(str(source)).metadata_props}
    facts["deepwell.parity_of_float32"] = facts.pop("deepwell.parity", "")
    proto = onnx.load(str(path))
    helper.set_model_props(proto, {**facts, "deepwell.int8": json.dumps(change.to_json())})
    onnx.save(proto, str(path))


def _quantise(source: Path, path: Path) -> None:
    onnx, quantization = need("onnx", "onnxruntime.quantization")
    proto = onnx.load(str(source))
    del proto.graph.value_info[:]  # shapes of weights that will be turned round
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it recommends a preprocessing that the exporter has done already
    try:
        # ONNX Runtime has no convolution of bytes by signed weights on a processor
        quantization.quantize_dynamic(
            proto, str(path), weight_type=quantization.QuantType.QUInt8, op_types_to_quantize=list(OPERATORS)
        )
    finally:
        logger.setLevel(level)


def _tallies(model: SavedModel, run: OnnxRun, validation: tuple[Sequence[Any], Any]) -> Tensor:
    """The output's counts for each sample by itself, float64 [n, k]; their sum is what the metric is made of."""
    raw, targets = validation
    trained, head, rows = Trained(model), getattr(model.network, "head", None), []
    name = next(iter(run.inputs))
    for start in range(0, len(raw), _BATCH):
        x = trained.encoded(raw[start : start + _BATCH])
        scores = torch.from_numpy(run({name: x.numpy()})["scores"])
        decoded = model.output.decode(scores, mask=model.input.mask(x), head=head)
        wanted = targets[torch.arange(start, start + len(x))]
        rows += [model.output.tally(decoded[i : i + 1], wanted[i : i + 1]) for i in range(len(x))]
    return torch.stack(rows)


def _measured(model: SavedModel, tallies: Tensor) -> dict[str, float]:
    return model.output.measured(tallies.sum(0))


def _operators(path: Path) -> dict[str, int]:
    (onnx,) = need("onnx")
    kinds = [node.op_type for node in onnx.load(str(path)).graph.node]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds)) if "Integer" in kind or "Quantize" in kind}
