"""Numbers of one look at a model in training: sizes of gradients, weights and updates, parameter by parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_SAMPLED = 512
"""Elements looked at of one parameter: a root mean square over so many is known to about 3 %."""


class Layer(NamedTuple):
    """One parameter at one look; sizes are root mean squares."""

    name: str
    matrix: bool
    """Whether it has more than one dimension."""
    gradient: float | None
    """Over the share of elements whose gradient is not 0 (an embedding's are few); None: it had no gradient."""
    weight: float
    update: float | None
    """Of the elements whose gradient is not 0; None where that is not known."""
    moved: bool | None
    """Whether the step changed any element whose gradient is not 0; None where that is not known."""


class Look(NamedTuple):
    """One step, looked at."""

    step: int
    rate: float
    """The highest learning rate of the groups."""
    norm: float
    """Euclidean norm of all gradients together, as the optimiser got them."""
    raw_norm: float | None
    """The norm before clipping, where it is known."""
    layers: Sequence[Layer]
    descent: float
    """Cosine between the step and the gradient: below 0 goes down."""
    turn: float | None
    """Cosine between this step's gradient and the last step's; None where the last was not looked at."""


class Sampler:
    """Reads the same evenly spaced elements of each parameter again and again.

    Args:
        names: of the parameters.
        parameters: of any shapes, types and devices.
    """

    def __init__(self, names: Sequence[str], parameters: Sequence[Tensor]) -> None:
        self.names = list(names)
        self.parameters = list(parameters)
        self._strides = [max(1, p.numel() // _SAMPLED) for p in self.parameters]
        counts = [min(-(-p.numel() // s), _SAMPLED) for p, s in zip(self.parameters, self._strides, strict=True)]
        self._counts = np.array([max(1, c) for c in counts])
        self._offsets = np.concatenate([[0], np.cumsum(self._counts)[:-1]]).astype(np.int64)

    def values(self) -> np.ndarray:
        """The sampled weights, float32 [sum of counts]."""
        return self._read([p.detach() for p in self.parameters])

    def gradients(self, gradients: Sequence[Tensor | None]) -> np.ndarray:
        """The sampled gradients; 0 where there is none."""
        return self._read(gradients)

    def _read(self, tensors: Sequence[Tensor | None]) -> np.ndarray:
        pieces = []
        for tensor, stride, count in zip(tensors, self._strides, self._counts, strict=True):
            if tensor is None or tensor.numel() == 0:
                pieces.append(torch.zeros(int(count)))
                continue
            flat = tensor.to_dense() if tensor.layout is not torch.strided else tensor
            piece = flat.detach().reshape(-1)[::stride][:count]
            pieces.append(piece if piece.dtype is torch.float32 and piece.device.type == "cpu" else piece.float().cpu())
        return torch.cat(pieces).numpy() if pieces else np.zeros(0, dtype=np.float32)

    def look(
        self,
        step: int,
        rate: float,
        gradients: Sequence[Tensor | None],
        before: np.ndarray | None,
        *,
        sampled: np.ndarray | None = None,
        norms: Sequence[float | None] | None = None,
        previous: np.ndarray | None = None,
        raw_norm: float | None = None,
    ) -> Look:
        """Put one look together, after the step.

        Args:
            step, rate: of the step.
            gradients: one a parameter, as the optimiser got them; None where there was none.
            before: ``values()`` before the step, or None.
            sampled: ``gradients()`` of the step, where the gradients may have changed since.
            norms: ``sizes(gradients)``, likewise.
            previous: ``gradients()`` of the step before, or None.
            raw_norm: the norm before clipping.
        """
        after = self.values().astype(np.float64)
        g = (self.gradients(gradients) if sampled is None else sampled).astype(np.float64)
        norms = sizes(gradients) if norms is None else norms
        felt = g != 0
        delta = after - before if before is not None else np.zeros_like(after)
        add = np.add.reduceat
        felt_count = add(felt.astype(np.float64), self._offsets)
        squares = add(delta * delta * felt, self._offsets)
        moved = add(((delta != 0) & felt).astype(np.float64), self._offsets) > 0
        weights = np.sqrt(add(after * after, self._offsets) / self._counts)
        layers = []
        for i, (name, parameter) in enumerate(zip(self.names, self.parameters, strict=True)):
            norm, some = norms[i], float(felt_count[i])
            share = some / self._counts[i] if some else 1.0
            known = before is not None and some > 0
            layers.append(
                Layer(
                    name,
                    parameter.dim() > 1,
                    None if norm is None else norm / math.sqrt(max(1.0, parameter.numel() * share)),
                    float(weights[i]),
                    math.sqrt(squares[i] / some) if known else None,
                    bool(moved[i]) if known else None,
                )
            )
        total = math.sqrt(sum(n * n for n in norms if n is not None))
        turn = None if previous is None else _cosine(g, previous.astype(np.float64))
        return Look(step, rate, total, raw_norm, layers, _cosine(delta, g), turn)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / size if size > 0 else 0.0


def sizes(gradients: Sequence[Tensor | None]) -> list[float | None]:
    """Euclidean norm of each gradient, read from the device at once; None where there is no gradient."""
    there = [(i, g) for i, g in enumerate(gradients) if g is not None]
    dense = [g.detach() if g.layout is torch.strided else g.detach().coalesce().values() for _, g in there]
    found: list[float | None] = [None] * len(gradients)
    if len({(g.device, g.dtype) for g in dense}) == 1:
        norms = torch.stack(torch._foreach_norm(dense)).tolist()
    else:
        norms = [float(g.float().norm()) for g in dense]
    for (i, _), norm in zip(there, norms, strict=True):
        found[i] = norm
    return found
